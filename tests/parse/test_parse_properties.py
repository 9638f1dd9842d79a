"""What holds for every text: it is read, in linear time, into plain JSON."""

import json
import random
import re
import time
from collections.abc import Callable, Iterator
from math import isqrt

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from orket._parse import MAX_QUICK, ParsedReply, ParseReason, is_long, parse_reply
from orket.contracts import JsonValue, ModelReply, RawToolCall

CHARACTERS = st.characters(codec="utf-8")
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(CHARACTERS)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(CHARACTERS, max_size=5), inner, max_size=4),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.text(CHARACTERS, max_size=5), VALUES, max_size=4)

PIECES = [
    *'{}[]",:\\\n`',
    "'",
    " ",
    '{"tool": "t", "args": {"x": 1}}',
    '{"name": "n", "arguments": "{}"}',
    '{"tool_calls": [',
    '{"function": {"name": "f", "arguments": {}}}',
    '"tool"',
    '"args"',
    '"name": "n"',
    '{"tool": "t", "args": {',
    '"\\ud800"',
    "\ud800",
    "\\u00e9",
    "NaN",
    "-1.5e3",
    "1" * 700,
    "null",
    "```json\n",
    "```\n",
    "<think>",
    "</think>",
    "<tool_call>",
    "</tool_call>",
    "\nTOOL: write_file\n",
    "\n[write_file]\n",
    "PATH: a.py\n",
    "CONTENT:\n",
    "[" * 70,
    "]" * 70,
    "text ",
    "\x00",
    "é",
]


def parse(text: str, finish_reason: str = "stop") -> ParsedReply:
    return parse_reply(ModelReply(text=text, finish_reason=finish_reason))


def depth(value: JsonValue) -> int:
    if isinstance(value, dict | list):
        items = value.values() if isinstance(value, dict) else value
        return 1 + max(map(depth, items), default=0)
    return 0


def check(reply: ParsedReply) -> None:
    """Assert that the calls are plain, encodable JSON, and the problems typed."""
    for call in reply.calls:
        text = json.dumps(call.arguments, ensure_ascii=False, allow_nan=False)
        text.encode()
        call.name.encode()
        assert type(call.arguments) is dict
        assert json.loads(text) == call.arguments
        assert call.name.strip()
        assert depth(call.arguments) <= 64
    for problem in reply.problems:
        assert isinstance(problem.reason, ParseReason)
        assert problem.detail
        assert problem.position >= 0


def near_valid(seed: int, count: int) -> Iterator[str]:
    """Make texts of pieces of calls, and calls with a few characters changed."""
    source = random.Random(seed)
    for number in range(count):
        pieces = [source.choice(PIECES) for _ in range(source.randint(1, 14))]
        text = "".join(pieces)
        if number % 2:
            at = source.randrange(len(text) + 1)
            text = text[:at] + source.choice(PIECES) + text[at + source.randint(0, 3) :]
        yield text


@pytest.mark.parametrize("seed", range(10))
def test_ten_thousand_near_valid_texts_are_read(seed: int) -> None:
    """No text of pieces of calls makes the parser raise, or give anything but plain JSON and typed problems."""
    for text in near_valid(seed, 1000):
        check(parse(text, "length" if seed == 9 else "stop"))


@settings(max_examples=200)
@given(st.text(st.characters(), max_size=200))
@example('{"tool": "a\n{"tool": "b", "args": {}}')
def test_any_text_is_read(text: str) -> None:
    """No text whatever makes the parser raise."""
    check(parse(text))


@settings(max_examples=150)
@given(OBJECTS, st.booleans(), st.sampled_from([None, 2]), st.sampled_from(["", "Look: ", "```json\n", "} ] "]))
def test_any_call_is_read_as_json_reads_it(
    arguments: JsonValue, ascii_only: bool, indent: int | None, before: str
) -> None:
    """A well-formed call gives the arguments that json.loads gives, whatever stands around it."""
    text = json.dumps({"tool": "t", "args": arguments}, ensure_ascii=ascii_only, indent=indent)
    reply = parse(f"{before}{text} and so on")
    assert [(call.name, call.arguments) for call in reply.calls] == [("t", json.loads(text)["args"])]
    assert repr(reply.calls[0].arguments) == repr(json.loads(text)["args"])
    assert reply.problems == ()


@settings(max_examples=150)
@given(st.dictionaries(st.text(CHARACTERS), st.text(CHARACTERS), max_size=3), st.data())
def test_a_call_cut_anywhere_does_not_swallow_the_next_line(arguments: dict[str, str], data: st.DataObject) -> None:
    """After a call that breaks off anywhere but before a value, the call on the next line is found."""
    broken = json.dumps({"tool": "cut", "args": arguments})
    cut = broken[: data.draw(st.integers(0, len(broken) - 1))]
    good = '{"tool": "good", "args": {"path": "x"}}'
    if not cut.rstrip().endswith(":"):
        assert parse(f"{cut}\n{good}").calls[-1].name == "good"


@given(st.lists(st.tuples(st.sampled_from(["", " ", "x"]), st.integers(0, 6)), max_size=12), st.integers(3, 6))
def test_a_fence_is_closed_by_the_first_line_of_as_many_ticks(lines: list[tuple[str, int]], ticks: int) -> None:
    """The content ends where a search for such a line alone would end it; without one the fence is not closed."""
    rest = "".join(f"{before}{'`' * count}\n" for before, count in lines)
    parsed = parse(f"[w]\nPATH: a\nCONTENT:\n{'`' * ticks}md\n{rest}")
    closing = re.search(rf"^[ \t]*`{{{ticks},}}[ \t]*$", rest, re.MULTILINE)
    if closing is None:
        assert [problem.reason for problem in parsed.problems] == [ParseReason.TRUNCATED]
    else:
        assert parsed.calls[0].arguments == {"path": "a", "content": rest[: closing.start()].strip("\r\n")}


def shrinking_fences(size: int) -> str:
    """Return a text of forms whose fences are never closed, each shorter than the one before."""
    return "".join(f"[w]\nPATH: a\nCONTENT:\n{'`' * ticks}x\n" for ticks in range(isqrt(size), 2, -1))


HOSTILE: dict[str, Callable[[int], str]] = {
    "braces": lambda n: "{" * n,
    "quotes": lambda n: '"' * n,
    "brackets": lambda n: "[" * n,
    "objects in lists": lambda n: '[{"' * (n // 3),
    "keys": lambda n: '{"' * (n // 2),
    "deep calls": lambda n: '{"tool":' * (n // 8),
    "fences": lambda n: "```json\n" * (n // 8),
    "nested fences": lambda n: "[w]\nPATH: a\nCONTENT:\n````\n" * (n // 26),
    "growing fences": lambda n: "".join(f"[w]\nPATH: a\nCONTENT:\n{'`' * (3 + i % 50)}\n" for i in range(n // 50)),
    "shrinking fences": lambda n: shrinking_fences(8 * n) + "\n" * (8 * n),  # less is too short to tell
    "fences too long": lambda n: "[w]\nPATH: a\nCONTENT:\n````x\n" * (n // 60) + "```\n" * (n // 8),
    "heads": lambda n: "TOOL: w\n" * (n // 8),
    "paths": lambda n: "[w]\nPATH: a\n" * (n // 12),
    "blank lines": lambda n: "[a]" + "\n" * n,
    "blanks": lambda n: "TOOL:" + " " * n + "{" + " " * n,
    "open strings": lambda n: '{"a\n' * (n // 4),
    "strings over lines": lambda n: '{"a": "' + "x\n" * (n // 2),
    "backslashes": lambda n: '{"' + "\\" * n,
    "escaped quotes": lambda n: '{"a": "' + '\\"{' * (n // 3),
    "tags": lambda n: "<tool_call>" * (n // 11),
    "thoughts": lambda n: "<think></think>" * (n // 15),
    "digits": lambda n: '{"a": ' + "1" * n,
    "calls": lambda n: "[" + '{"tool":"a","args":{}},' * (n // 23),
    "long arguments": lambda n: '{"tool":"a","args":"' + '{\\"' * (n // 3) + '"}',
}


def seconds(text: str) -> float:
    """Return the least time that reading took, of several."""
    spent = []
    for _ in range(4):
        start = time.process_time()
        parse(text)
        spent.append(time.process_time() - start)
    return min(spent)


def test_long_replies_are_known_beforehand() -> None:
    """Text and native arguments count together; an event loop does not wait for more than MAX_QUICK characters."""
    half = "x" * (MAX_QUICK // 2)
    native = RawToolCall(name="w", arguments=half)
    assert not is_long(ModelReply(text=half, tool_calls=(native,)))
    assert is_long(ModelReply(text=half, tool_calls=(native, RawToolCall(name="w", arguments="{}"))))


@pytest.mark.parametrize("name", HOSTILE)
def test_twice_the_text_takes_twice_the_time(name: str) -> None:
    """Reading 2n characters takes at most 2.3 times as long as reading n, however hostile they are."""
    make, size = HOSTILE[name], 8_000
    ratios = []
    for _ in range(6):
        short, long = seconds(make(size)), seconds(make(2 * size))
        ratios.append(long / short)
        if ratios[-1] <= 2.3:
            return
        size *= 1 if short > 0.002 else 4  # what takes no time cannot be compared
    pytest.fail(f"{name}: {ratios}")
