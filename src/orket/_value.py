"""What all values share."""

from typing import Any

import attrs


class Value:
    """Base of the values: one ``repr``, one equality and one hash for all of them.

    attrs would write and compile them for each class when it is imported, a quarter of what that takes.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        """Return the class with its fields, those apart that hold secrets."""
        shown = [f"{it.name}={getattr(self, it.name)!r}" for it in attrs.fields(type(self)) if it.repr]  # type: ignore[arg-type]
        return f"{type(self).__name__}({', '.join(shown)})"

    def __eq__(self, other: object) -> bool:
        """Return whether *other* is of the same class and says the same."""
        if not isinstance(other, Value) or type(other) is not type(self):
            return NotImplemented
        return self is other or _said(self) == _said(other)

    def __hash__(self) -> int:
        """Return the hash of the class and what its fields hold."""
        return hash((type(self), _said(self)))


def _said(value: Value) -> tuple[Any, ...]:
    return tuple([getattr(value, it.name) for it in attrs.fields(type(value)) if it.eq])  # type: ignore[arg-type]
