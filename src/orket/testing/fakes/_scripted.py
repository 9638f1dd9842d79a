"""A model that says what it is told to say."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, Self, TypeAlias

from orket.contracts import ModelReply, ModelRequest
from orket.errors import ModelError
from orket.models import CallableModel
from orket.models.callables import Agent, Answer
from orket.testing.fakes._cassette import Cassette
from orket.testing.fakes._errors import ScriptError

Line: TypeAlias = Answer | ModelError
_END: Final = object()


class ScriptedModel:
    """A model client that follows a script, and fails loudly when the script has no reply.

    Args:
        script: A function of the request (as of :class:`~orket.models.CallableModel`), or replies that are given one
            after the other: a ModelReply, a text, a ToolCall, a list or tuple of ToolCalls, or a ModelError to raise.
            An endless iterator is welcome.
        requests: A list of yours, to which each request is appended; by default none is kept.

    Examples:
        >>> model = ScriptedModel(["first", "second"])
    """

    def __init__(self, script: Agent | Iterable[Line], *, requests: list[ModelRequest] | None = None) -> None:
        if isinstance(script, str):
            raise TypeError("a script is a function or several replies, not one text; valid: ['text']")
        self._model = CallableModel(script if callable(script) else _following(script))
        self._requests = requests

    @classmethod
    def replaying(cls, path: str | os.PathLike[str], *, requests: list[ModelRequest] | None = None) -> Self:
        """Return a model that replays a cassette of :class:`RecordingModel` and never asks anybody.

        Args:
            path: The cassette.
            requests: A list of yours, to which each request is appended.

        Raises:
            ScriptError: The file is no cassette.
        """
        return cls(Cassette.load(Path(path)).play, requests=requests)

    async def complete(self, request: ModelRequest, /) -> ModelReply:
        """Answer *request*.

        Raises:
            ScriptError: The script is at its end.
            CassetteDriftError: The request was not recorded; says which message or tool differs.
            ModelError: The script says so, or its function raised.
        """
        if self._requests is not None:
            self._requests.append(request)
        return await self._model.complete(request)


def _following(script: Iterable[Line]) -> Agent:
    lines: Iterator[Line] = iter(script)
    given = 0

    def follow(_request: ModelRequest) -> Answer:
        nonlocal given
        line = next(lines, _END)
        if line is _END:
            raise ScriptError(f"the script has {given} replies, and this is request {given + 1}")
        given += 1
        if isinstance(line, ModelError):
            raise line
        answer: Answer = line  # type: ignore[assignment]  # what else it may be, CallableModel refuses
        return answer

    return follow
