"""What all values share."""

import attrs


class Value:
    """Base of the values: one ``repr`` for all of them.

    attrs would write and compile one for each class when it is imported: a quarter of what importing orket takes.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        """Return the class with its fields, those apart that hold secrets."""
        shown = [f"{it.name}={getattr(self, it.name)!r}" for it in attrs.fields(type(self)) if it.repr]  # type: ignore[arg-type]
        return f"{type(self).__name__}({', '.join(shown)})"
