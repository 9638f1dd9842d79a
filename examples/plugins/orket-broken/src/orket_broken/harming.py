"""Routers whose answers are right, and that harm their host: only their contract suite sees it."""

import json
import os
import random
import time
from pathlib import Path
from typing import Any

import anyio

from orket.contracts import Route, RouteQuestion
from orket.nodes.router import DefaultRouterNode


class Harmless(DefaultRouterNode):
    """Routes as the stock router does."""

    def route(self, question: RouteQuestion, /) -> Any:
        """Return the stock router's answer; the subclasses do something beside it."""
        return super().route(question)


class HugeReason(Harmless):
    """Explains itself in a million characters."""

    def route(self, question: RouteQuestion, /) -> Any:
        """Return a reason that fills the journal."""
        return Route(seat=super().route(question).seat, reason="because " * 125_000)


class HalfACharacter(Harmless):
    """Gives a reason that no UTF-8 file can hold."""

    def route(self, question: RouteQuestion, /) -> Any:
        """Return half a surrogate pair, as cut texts have it."""
        return Route(seat=super().route(question).seat, reason="because \ud83d")


class ChangesItsQuestion(Harmless):
    """Writes into what it was given to read."""

    def route(self, question: RouteQuestion, /) -> Any:
        """Take the labels for its own."""
        answer = super().route(question)
        object.__setattr__(question, "busy", ("everybody",))
        return answer


class KeepsItsQuestion(Harmless):
    """Never lets go of a board."""

    def __init__(self) -> None:
        self.asked: list[RouteQuestion] = []

    def route(self, question: RouteQuestion, /) -> Any:
        """Remember the question."""
        self.asked.append(question)
        return super().route(question)


class ThrowsDice(Harmless):
    """Answers one time so, one time so."""

    def route(self, question: RouteQuestion, /) -> Any:
        """Add something that nobody can repeat."""
        return Route(seat=super().route(question).seat, reason=os.urandom(8).hex())


class MixesAnswers(Harmless):
    """Remembers the first issue, and tells everybody of it."""

    first = ""

    def route(self, question: RouteQuestion, /) -> Any:
        """Mix what was asked before into the answer."""
        self.first = self.first or f"{question.issue.id} {question.team.name} {question.busy}"
        return Route(seat=super().route(question).seat, reason=f"after {self.first}")


class Blocks(Harmless):
    """Keeps the event loop to itself."""

    def route(self, question: RouteQuestion, /) -> Any:
        """Sleep where nobody else can run."""
        time.sleep(0.3)
        return super().route(question)


class SwallowsCancellation(Harmless):
    """Answers although it was told to stop."""

    async def route(self, question: RouteQuestion, /) -> Any:
        """Take the cancellation for an error like any other."""
        try:
            for _ in range(5):
                await anyio.lowlevel.checkpoint()
        except anyio.get_cancelled_exc_class():
            pass
        return super().route(question)


class Prints(Harmless):
    """Talks."""

    def route(self, question: RouteQuestion, /) -> Any:
        """Print."""
        print("routing", question.issue.id.encode())
        return super().route(question)


class ChangesDirectory(Harmless):
    """Moves the whole process somewhere else."""

    def route(self, question: RouteQuestion, /) -> Any:
        """Change the working directory."""
        os.chdir(Path.cwd().parent)
        return super().route(question)


class ChangesEnvironment(Harmless):
    """Sets variables for everybody."""

    def route(self, question: RouteQuestion, /) -> Any:
        """Change the environment."""
        os.environ["ORKET_BROKEN"] = "yes"
        return super().route(question)


class PatchesJson(Harmless):
    """Improves the standard library."""

    def route(self, question: RouteQuestion, /) -> Any:
        """Replace ``json.dumps``."""
        original = json.dumps
        json.dumps = lambda *args, **options: original(*args, **options)
        return super().route(question)


class SeedsRandom(Harmless):
    """Makes everybody's random numbers its own."""

    def route(self, question: RouteQuestion, /) -> Any:
        """Seed the shared generator."""
        random.seed(question.issue.version)
        return super().route(question)
