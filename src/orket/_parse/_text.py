"""Finds the tool calls in the text of a reply.

One pass from mark to mark: where an array or object begins, a reasoning block, a ``<tool_call>`` tag, or the head of
the line form. What a mark begins is read once and skipped, so a call quoted within the arguments of another is not one.
"""

import re
from bisect import bisect_left
from collections.abc import Iterable
from itertools import accumulate
from typing import Final

from orket._parse._json import is_text, read_value
from orket._parse._shapes import Found, calls_in
from orket._parse._values import ParseProblem, ParseReason
from orket.contracts import ToolCall

MAX_PROBLEMS: Final = 32  # of one reply; nobody reads more

_MARK: Final = re.compile(
    r"(?P<json>\{(?=[ \t\r\n]*+[\"'])|\[(?=[ \t\r\n]*+[{\[]))"  # what can be a call, or hold one
    r"|<(?P<close>/?)(?P<tag>think|thinking|tool_call)>"
    r"|^[ \t]*+(?:TOOL:[ \t]*+(?P<tool>\w++)|\[(?P<bracketed>\w++)\])[ \t\r]*+$",
    re.MULTILINE,
)
_PATH: Final = re.compile(r"[ \t\r]*+\n[ \t\r\n]*+PATH:[ \t]*+(?P<path>[^\n]*+)")
_CONTENT: Final = re.compile(r"\n[ \t\r\n]*+CONTENT:[ \t]*+(?:\r?\n)?")
_FENCE: Final = re.compile(r"[ \t\r\n]*+(?P<ticks>`{3,})[^\n`]*+\n")
_CLOSING: Final = re.compile(r"^[ \t]*+(?P<ticks>`{3,})[ \t\r]*+$", re.MULTILINE)
_NEXT_FORM: Final = re.compile(
    r"^[ \t]*+(?:(?:TOOL:[ \t]*+\w++|\[\w++\])[ \t\r]*+\n[ \t\r\n]*+PATH:|<tool_call>|\[/\w++\][ \t\r]*+$)",
    re.MULTILINE,
)


class _Closings:
    """The lines of a text that can close a fence, found once: a fence is closed by the first with as many ticks."""

    def __init__(self, text: str) -> None:
        self._found = list(_CLOSING.finditer(text))
        self._starts = [found.start() for found in self._found]
        self._ticks = [len(found["ticks"]) for found in self._found]
        self._most = list(accumulate(reversed(self._ticks), max))[::-1]  # ticks from here to the end

    def first(self, ticks: int, start: int) -> re.Match[str] | None:
        """Return the line that closes a fence of so many ticks from *start* on, or None, without a look at the rest."""
        index = bisect_left(self._starts, start)
        if index == len(self._found) or self._most[index] < ticks:
            return None
        while self._ticks[index] < ticks:  # what is passed here lies within the content, and is not passed again
            index += 1
        return self._found[index]


class TextSearch:
    """One search of one text; :meth:`run` fills ``calls`` and ``problems``, ``prose`` is the text without reasoning.

    Args:
        text: at most MAX_SIZE bytes.
        was_cut: the text ended at the model's limit of tokens.
    """

    def __init__(self, text: str, *, was_cut: bool) -> None:
        self.calls: list[ToolCall] = []
        self.problems: list[ParseProblem] = []
        self._text = text
        self._was_cut = was_cut
        self._prose: list[str] = []
        self._prose_from = 0
        self._thought = False
        self._tagged = -1  # where the open <tool_call> tag stands
        self._found_before_tag = 0
        self._closings: _Closings | None = None

    @property
    def prose(self) -> str:
        """The text without its reasoning blocks, without blank space around it."""
        return "".join([*self._prose, self._text[self._prose_from :]]).strip()

    def run(self) -> None:
        """Search the text from mark to mark."""
        at = 0
        while mark := _MARK.search(self._text, at):
            if mark["json"]:
                at = self._json(mark.start())
            elif mark["tag"] is None:
                at = self._form(mark)
            elif mark["tag"] == "tool_call":
                at = mark.end()
                self._end_tag(at, ParseReason.MALFORMED)
                self._begin_tag(-1 if mark["close"] else mark.start())
            else:
                at = self._reasoning(mark)
        self._end_tag(len(self._text), ParseReason.TRUNCATED)

    def _json(self, start: int) -> int:
        reading = read_value(self._text, start)
        speaks = reading.speaks_of_tool or self._tagged >= 0
        self._take(calls_in(reading.value, start, speaks_of_tool=speaks))
        return reading.end

    def _form(self, head: re.Match[str]) -> int:
        """Read ``PATH:`` and ``CONTENT:`` behind the head of a line form, and return where it ends."""
        name, start = head["tool"] or head["bracketed"], head.start()
        path = _PATH.match(self._text, head.end())
        if path is None:
            if head["tool"]:  # a word in brackets means nothing by itself
                self._report(ParseReason.UNKNOWN_SHAPE, f"TOOL: {name:.100} is not followed by PATH:", start)
            return head.end()
        arguments = {"path": path["path"].strip()}
        end = path.end()
        problem = ""
        if content := _CONTENT.match(self._text, end):
            arguments["content"], end, problem = self._content(content.end())
        if problem:
            self._report(ParseReason.TRUNCATED, f"{name:.100}: {problem}", start)
        elif not all(is_text(part) for part in arguments.values()):
            self._report(ParseReason.LONE_SURROGATE, f"{name:.100}: half a surrogate pair", start)
        else:
            self._take([ToolCall(name=name, arguments=arguments)])
        return end

    def _content(self, start: int) -> tuple[str, int, str]:
        """Return the content of a line form, where it ends, and why it is not whole (or "")."""
        fence = _FENCE.match(self._text, start)
        if fence is None:
            following = _NEXT_FORM.search(self._text, start)
            end = following.start() if following else len(self._text)
            cut = self._was_cut and following is None
            return self._text[start:end].strip("\r\n"), end, "the content was cut at the limit of tokens" if cut else ""
        self._closings = self._closings or _Closings(self._text)
        closed = self._closings.first(len(fence["ticks"]), fence.end())
        if closed is None:
            following = _NEXT_FORM.search(self._text, fence.end())
            end = following.start() if following else len(self._text)
            return "", end, "the fence around the content is not closed"
        return self._text[fence.end() : closed.start()].strip("\r\n"), closed.end(), ""

    def _reasoning(self, mark: re.Match[str]) -> int:
        """Skip a reasoning block; what stands before a close that nothing opened was reasoning too."""
        if mark["close"]:
            if not self._thought:
                self._thought = True
                self.calls.clear()
                self.problems.clear()
                self._begin_tag(-1)
                self._prose_from = mark.end()
            return mark.end()
        self._thought = True
        self._prose.append(self._text[self._prose_from : mark.start()])
        closing = f"</{mark['tag']}>"
        end = self._text.find(closing, mark.end())
        self._prose_from = len(self._text) if end < 0 else end + len(closing)
        return self._prose_from

    def _begin_tag(self, start: int) -> None:
        self._tagged = start
        self._found_before_tag = len(self.calls) + len(self.problems)

    def _end_tag(self, end: int, reason: ParseReason) -> None:
        """Report an open tag that held no call: it was meant to hold one."""
        if self._tagged >= 0 and len(self.calls) + len(self.problems) == self._found_before_tag:
            held = self._text[self._tagged : min(end, self._tagged + 60)]
            self._report(reason, f"no call in {held!r}", self._tagged)

    def _report(self, reason: ParseReason, detail: str, position: int) -> None:
        self._take([ParseProblem(reason=reason, detail=detail, position=position)])

    def _take(self, found: Iterable[Found]) -> None:
        for item in found:
            if isinstance(item, ToolCall):
                self.calls.append(item)
            elif len(self.problems) < MAX_PROBLEMS:
                self.problems.append(item)
