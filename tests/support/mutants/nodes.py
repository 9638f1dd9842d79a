"""Ways to be wrong that every kind of node has: each breaks one universal rule, around a node that is right."""

import functools
import hashlib
import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import anyio
import attrs

from mutants import Mutant
from orket._wiring import KINDS
from orket.testing import NodeContract

Method = Callable[..., Any]


class Wrapped:
    """A node that does as another one does; a subclass spoils it."""

    def __init__(self, node: Any, methods: tuple[str, ...]) -> None:
        self._node = node
        for name in methods:
            setattr(self, name, self._spoiled(getattr(node, name)))

    def _spoiled(self, method: Method) -> Method:
        @functools.wraps(method)
        def call(*args: Any) -> Any:
            return self.answer(method, *args)

        return call

    def answer(self, method: Method, *args: Any) -> Any:
        """Answer a question; the subclasses are wrong here."""
        return method(*args)

    def is_picked(self, args: tuple[Any, ...]) -> bool:
        """Return whether this is one of the third of the questions that is answered wrongly."""
        return hashlib.sha256(repr(args).encode("utf-8", "replace")).digest()[0] % 3 == 0


class Outdated(Wrapped):
    contract_version = 99


class Raises(Wrapped):
    def answer(self, method: Method, *args: Any) -> Any:
        if not repr(args).isascii():
            raise ValueError("only plain letters")
        return method(*args)


class Changes(Wrapped):
    """Writes into whatever of its question lets itself be written to."""

    def answer(self, method: Method, *args: Any) -> Any:
        answer = method(*args)
        for arg in args:
            if isinstance(arg, dict):
                arg["seen"] = "yes"
            elif attrs.has(type(arg)):
                name = next(it.name for it in attrs.fields(type(arg)) if it.repr)
                object.__setattr__(arg, name, None)
        return answer


class Keeps(Wrapped):
    def answer(self, method: Method, *args: Any) -> Any:
        self.last = args
        return method(*args)


class Throws(Wrapped):
    """Answers one time so, one time so."""

    def answer(self, method: Method, *args: Any) -> Any:
        answer = method(*args)
        return self.other(answer, os.urandom(4).hex()) if self.is_picked(args) else answer


class Mixes(Wrapped):
    """Answers with what it remembers of its first question."""

    first = ""

    def answer(self, method: Method, *args: Any) -> Any:
        self.first = self.first or hashlib.sha256(repr(args).encode()).hexdigest()
        return self.other(method(*args), self.first)


class Blocks(Wrapped):
    def answer(self, method: Method, *args: Any) -> Any:
        time.sleep(0.003)
        return method(*args)


class Exits(Wrapped):
    def answer(self, method: Method, *args: Any) -> Any:
        if not repr(args).isascii():
            raise SystemExit(1)
        return method(*args)


class Swallows(Wrapped):
    """Waits a little, and answers although it was cancelled."""

    def answer(self, method: Method, *args: Any) -> Any:
        async def answer() -> Any:
            try:
                for _ in range(5):
                    await anyio.lowlevel.checkpoint()
            except anyio.get_cancelled_exc_class():
                pass
            return method(*args)

        return answer()


class Unstorable(Wrapped):
    def answer(self, method: Method, *args: Any) -> Any:
        answer = method(*args)
        return self.unstorable(answer) if self.is_picked(args) else answer


class Subclasses(Wrapped):
    """Answers with a type of its own, which looks right in every respect."""

    def answer(self, method: Method, *args: Any) -> Any:
        answer = method(*args)
        return self.foreign(answer) if self.is_picked(args) else answer


class Prints(Wrapped):
    def answer(self, method: Method, *args: Any) -> Any:
        print("asked")
        return method(*args)


WAYS: dict[str, tuple[type[Wrapped], str]] = {
    "01": (Outdated, "was written for another contract version"),
    "02": (Raises, "raises ValueError on letters beyond ASCII"),
    "03": (Changes, "writes into its question"),
    "04": (Keeps, "remembers its last question"),
    "05": (Throws, "throws a die"),
    "06": (Mixes, "answers with what it was asked first"),
    "07": (Blocks, "sleeps in a plain method"),
    "08": (Swallows, "catches its cancellation"),
    "09": (Exits, "calls sys.exit"),
    "10": (Unstorable, "answers with what JSON does not have"),
    "11": (Subclasses, "answers with a subclass of the answer's type"),
    "12": (Prints, "prints"),
}


def universal(
    suite: type[NodeContract[Any]],
    node: Callable[[], Any],
    *,
    other: Callable[[Any, str], Any],
    unstorable: Callable[[Any], Any],
    foreign: Callable[[Any], Any],
    also: dict[str, tuple[str, ...]] | None = None,
) -> Iterator[Mutant]:
    """Yield a mutant for each universal rule of a suite.

    Args:
        suite: The suite of the kind.
        node: Makes a node that keeps all rules.
        other: Returns an answer as good as the given one that differs from it, by a salt.
        unstorable: Returns an answer that JSON cannot hold, or that comes back as another.
        foreign: Returns an answer of a type that the core does not take for the answer's.
        also: By number of the rule broken, ids of the rules that fail too.
    """
    for rule in suite.rules():
        number = rule.id.rpartition("-")[2]
        if number not in WAYS:
            continue
        way, how = WAYS[number]
        members = {
            "other": staticmethod(other),
            "unstorable": staticmethod(unstorable),
            "foreign": staticmethod(foreign),
        }
        spoiled = type(way.__name__, (way,), members)
        yield Mutant(
            rule=rule.id,
            make=functools.partial(_make, spoiled, node, KINDS[suite.kind].methods),
            how=how,
            also=(also or {}).get(number, ()),
            attributes={"budget": 0.002 if number == "07" else 5.0},  # to pick a question takes long where it is large
        )


def _make(spoiled: type[Wrapped], node: Callable[[], Any], methods: tuple[str, ...]) -> Wrapped:
    return spoiled(node(), methods)


def reasoned(answer: Any, salt: str) -> Any:
    """Return an answer with another reason; ``other`` of kinds whose answers have one."""
    return attrs.evolve(answer, reason=f"{answer.reason} {salt}")


def unreadable(answer: Any) -> Any:
    """Return an answer whose reason is no text; ``unstorable`` of kinds whose answers have one."""
    return attrs.evolve(answer, reason=float("nan"))


def subclassed(answer: Any) -> Any:
    """Return an answer of a class of its own; ``foreign`` of kinds whose answers are values."""
    own = type(answer)
    fields = {it.name: getattr(answer, it.name) for it in attrs.fields(own)}
    return type(own.__name__, (own,), {})(**fields)
