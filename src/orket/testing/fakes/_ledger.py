"""The world outside the record: what tools really did, whatever the record says of it."""

import json
import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from attrs import asdict, frozen

from orket._codec import value_digest
from orket.contracts import EffectClass, Tool, ToolContext
from orket.tools import ClassTool


@frozen(kw_only=True)
class Effect:
    """Something that a tool did: under which effect key, which tool, of which class, and with what.

    ``arguments`` is the digest of the arguments' canonical JSON, as in the journal; "" where it is not known.
    """

    key: str
    tool: str
    effect: EffectClass
    note: str = ""
    arguments: str = ""


@frozen(kw_only=True)
class _Note:
    """Arguments of a ledger's tool.

    Args:
        note: what is to be written down
    """

    note: str = ""


@frozen(kw_only=True)
class _ConfirmedNote:
    """Arguments of a destructive tool of a ledger.

    Args:
        confirm: that this is really wanted
        note: what is to be written down
    """

    confirm: bool
    note: str = ""


class EffectLedger:
    """An append-only list of effects, kept by the tools that have them and by nobody else.

    Compared with the journal after a crash it proves that nothing ran twice, and that nothing is on record that did not
    take place.

    Args:
        path: A file that outlives the process, one line of JSON for each effect; several processes may share it. None
            keeps the effects in memory.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        self._path = None if path is None else Path(path)
        self._effects: list[Effect] = []

    @property
    def effects(self) -> tuple[Effect, ...]:
        """All effects, in the order that they took place."""
        if self._path is None:
            return tuple(self._effects)
        if not self._path.exists():
            return ()
        lines = self._path.read_text("utf-8").splitlines()
        return tuple([_read(json.loads(line)) for line in lines])

    @property
    def doubled(self) -> tuple[str, ...]:
        """Keys under which an at-most-once effect took place more than once."""
        once = [it.key for it in self.effects if it.effect is EffectClass.AT_MOST_ONCE]
        return tuple([key for key, count in Counter(once).items() if count > 1])

    def lost(self, recorded: Iterable[str]) -> tuple[str, ...]:
        """Return those of the *recorded* keys whose effect never took place.

        Args:
            recorded: Keys of the effects that the journal says have a result (``EffectRecorded``).
        """
        known = {it.key for it in self.effects}
        return tuple([key for key in dict.fromkeys(recorded) if key not in known])

    def record(self, effect: Effect) -> None:
        """Append an effect; in a file it is one write at the end, so that a killed process leaves no half line."""
        if self._path is None:
            self._effects.append(effect)
            return
        line = json.dumps(asdict(effect)).encode() + b"\n"
        handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(handle, line)
        finally:
            os.close(handle)

    def tool(self, name: str, *, effect: EffectClass = EffectClass.AT_MOST_ONCE, destructive: bool = False) -> Tool:
        """Return a tool whose only effect is a line in this ledger; it takes an optional ``note``.

        Args:
            name: The tool's name.
            effect: What the core is told of running it again.
            destructive: Whether it needs ``confirm: true``.
        """

        def write(arguments: Any, context: ToolContext) -> str:
            """Write a line into the ledger."""
            given = {"note": arguments.note, **({"confirm": arguments.confirm} if destructive else {})}
            said = value_digest(given) if arguments.note else ""  # without a note: given as "", or left out
            self.record(Effect(key=context.key, tool=name, effect=effect, note=arguments.note, arguments=said))
            return f"written by {name}"

        arguments: type[Any] = _ConfirmedNote if destructive else _Note
        return ClassTool(name=name, arguments=arguments, action=write, effect=effect, destructive=destructive)


def _read(fields: dict[str, Any]) -> Effect:
    return Effect(**{**fields, "effect": EffectClass(fields["effect"])})
