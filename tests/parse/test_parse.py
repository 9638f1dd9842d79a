"""What the parser finds in replies, and what it says of what it cannot use."""

import json

import pytest

from orket._parse import ParsedReply, ParseReason, parse_reply
from orket.contracts import CardStatus, ModelReply, RawToolCall

CALL = '{"tool": "write_file", "args": {"path": "a.py", "content": "x"}}'
ARGUMENTS = {"path": "a.py", "content": "x"}


def parse(text: str, *native: RawToolCall, finish_reason: str = "stop") -> ParsedReply:
    return parse_reply(ModelReply(text=text, tool_calls=native, finish_reason=finish_reason))


def names(reply: ParsedReply) -> list[str]:
    return [call.name for call in reply.calls]


def reasons(reply: ParsedReply) -> list[str]:
    return [problem.reason.value for problem in reply.problems]


@pytest.mark.parametrize(
    "text",
    [
        CALL,
        f"I will write it now.\n\n{CALL}\n\nThen I am done.",
        f"```json\n{CALL}\n```",
        f"```\n{CALL}\n```",
        f"<tool_call>\n{CALL}\n</tool_call>",
        '{"name": "write_file", "arguments": {"path": "a.py", "content": "x"}}',
        '{"name": "write_file", "parameters": {"path": "a.py", "content": "x"}}',
        '{"name": "write_file", "arguments": "{\\"path\\": \\"a.py\\", \\"content\\": \\"x\\"}"}',
        '{"type": "function", "function": {"name": "write_file", "arguments": {"path": "a.py", "content": "x"}}}',
        f'{{"tool_calls": [{CALL}]}}',
        f"[{CALL}]",
        f"[[{CALL}]]",
        "TOOL: write_file\nPATH: a.py\nCONTENT:\nx",
        "[write_file]\nPATH: a.py\nCONTENT:\n```python\nx\n```",
        "  TOOL: write_file\r\n\r\nPATH: a.py\r\nCONTENT: x\r\n",
        "[write_file]\nPATH: a.py\nCONTENT:\nx\n[/write_file]\n",
    ],
)
def test_every_shape_is_the_same_call(text: str) -> None:
    """Each way in which models write a call in text is read as the same call."""
    reply = parse(text)
    assert reply.problems == ()
    assert [(call.name, call.arguments, call.id) for call in reply.calls] == [("write_file", ARGUMENTS, "")]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Nothing to do.",
        'The config is {"a": 1} and [1, 2], see [link](http://x) and {braces}.',
        '{"command": "npx", "args": ["-y"]}',
        '{"name": "Ada", "age": 36}',
        '{"a": NaN, "a": 2}',
        '{"plan": {"tool": "write_file", "args": {}}}',
        '[{"a": 1}, [], "x"]',
        "[write_file]\nis a heading",
        "{",
        '{"half": [1, 2',
        "x = {'a': 1}",
        '{"name": "t", "description": "d", "parameters": {"type": "object"}}',
        '{"type": "function", "function": {"name": "t", "description": "d", "parameters": {}}}',
    ],
)
def test_what_is_no_call_is_passed_over(text: str) -> None:
    """JSON and prose that ask for no tool give neither calls nor problems."""
    reply = parse(text)
    assert (reply.calls, reply.problems) == ((), ())
    assert reply.text == text


def wrapped(value: str) -> str:
    return f'{{"tool": "t", "args": {{"x": {value}}}}}'


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"tool": "t", "args": {"x": 1, "x": 2}}', ParseReason.DUPLICATE_KEY),
        ('{"tool": "t", "tool": "u", "args": {}}', ParseReason.DUPLICATE_KEY),
        ('{"tool": "t", "args": {"x": {}, "x": {}}}', ParseReason.DUPLICATE_KEY),
        (wrapped("NaN"), ParseReason.NOT_FINITE),
        (wrapped("-Infinity"), ParseReason.NOT_FINITE),
        (wrapped("1e999"), ParseReason.NOT_FINITE),
        (wrapped("9" * 5000), ParseReason.NUMBER_TOO_LONG),
        (wrapped('"\\ud800"'), ParseReason.LONE_SURROGATE),
        (wrapped('"\udc00"'), ParseReason.LONE_SURROGATE),
        ('{"tool": "t", "args": {"\\ud800": 1}}', ParseReason.LONE_SURROGATE),
        (wrapped('"\\q"'), ParseReason.BAD_STRING),
        (wrapped('"\\u12"'), ParseReason.BAD_STRING),
        (wrapped('"\x00"'), ParseReason.BAD_STRING),
        (wrapped("[" * 63 + "]" * 63), ParseReason.TOO_DEEP),
        (CALL[:-1], ParseReason.TRUNCATED),
        (CALL[:30], ParseReason.TRUNCATED),
        ("<tool_call>", ParseReason.TRUNCATED),
        ("<tool_call>no json</tool_call>", ParseReason.MALFORMED),
        (wrapped("oops"), ParseReason.MALFORMED),
        (wrapped("01"), ParseReason.MALFORMED),
        (wrapped("1 2"), ParseReason.MALFORMED),
        (wrapped("[1 2]"), ParseReason.MALFORMED),
        ('{"tool" "t"}', ParseReason.MALFORMED),
        ("{'tool': 't', 'args': {}}", ParseReason.MALFORMED),
        ('{"tool": "t", "args": {},}', ParseReason.MALFORMED),
        ('{"tool": "t", "args": "{oops"}', ParseReason.MALFORMED),
        ('{"tool": "t", "args": "{} {}"}', ParseReason.MALFORMED),
        ('{"tool": "t", "args": "x"}', ParseReason.MALFORMED),
        ('{"tool": "t", "args": "{\\"a\\": NaN}"}', ParseReason.NOT_FINITE),
        ('{"tool": "t", "args": [1]}', ParseReason.NOT_AN_OBJECT),
        ('{"tool": "t", "args": "[1]"}', ParseReason.NOT_AN_OBJECT),
        ('{"tool": "t", "args": "1"}', ParseReason.NOT_AN_OBJECT),
        ('{"tool": "t", "args": null}', ParseReason.NOT_AN_OBJECT),
        ('{"tool": "write_file", "path": "a.py"}', ParseReason.UNKNOWN_SHAPE),
        ('{"tool": 1, "args": {}}', ParseReason.UNKNOWN_SHAPE),
        ('{"tool": " ", "args": {}}', ParseReason.UNKNOWN_SHAPE),
        ('{"tool": "t", "args": {}, "arguments": {}}', ParseReason.UNKNOWN_SHAPE),
        ('{"tool": "t", "name": "u", "args": {}}', ParseReason.UNKNOWN_SHAPE),
        ('{"function": {}}', ParseReason.UNKNOWN_SHAPE),
        ('{"tool_calls": 1}', ParseReason.UNKNOWN_SHAPE),
        ('{"tool_calls": [{"a": 1}]}', ParseReason.UNKNOWN_SHAPE),
        ('{"tool_calls": [1]}', ParseReason.NOT_AN_OBJECT),
        ('{"tool_calls": [NaN]}', ParseReason.NOT_FINITE),
        ('{"tool_calls": [], "tool_calls": []}', ParseReason.DUPLICATE_KEY),
        ("TOOL: write_file\nthe file", ParseReason.UNKNOWN_SHAPE),
        ("TOOL: write_file\nPATH: a\nCONTENT:\n```\nx", ParseReason.TRUNCATED),
        ("TOOL: write_file\nPATH: \ud800", ParseReason.LONE_SURROGATE),
        ("x" * (1024 * 1024 + 1), ParseReason.TOO_LARGE),
        ("é" * (600 * 1024), ParseReason.TOO_LARGE),
    ],
    ids=lambda value: ascii(value)[:60] if isinstance(value, str) else None,
)
def test_what_was_meant_as_a_call_has_a_typed_reason(text: str, reason: ParseReason) -> None:
    """A call that cannot be used is one problem with its reason, and no call."""
    reply = parse(text)
    assert reasons(reply) == [reason]
    assert reply.calls == ()
    assert reply.problems[0].detail


@pytest.mark.parametrize(
    "text",
    [
        f'{{"tool": "bad", "args": {{"x": NaN}}}} {CALL}',
        f'{{"tool": "bad", oops}}\n{CALL}',
        f'{CALL}\n{{"tool": "bad", "args": {{"x": "never closed',
        f'{{"tool": "bad", "args": {{"x": "never closed\n{CALL}',
        f'[{CALL}, {{"tool": "bad", "args": oops}}]',
        f'[{{"tool": "bad", "args": oops}}, {CALL}]',
        f'[{CALL}, {{"tool": "bad", "args": {{"x": [1',
        f'[{CALL}, "tool_calls": oops',
        f'{{"tool_calls": [{CALL}, {{"tool": "bad", "args": {{"x": 1, "x": 2}}}}]}}',
        f'{{"tool_calls": [{CALL}, {{"tool": "bad", "args": ',
        f'{{"tool_calls": [{CALL}], "then": oops',
        f"<tool_call>oops</tool_call><tool_call>{CALL}</tool_call>",
        f"TOOL: write_file\nPATH: b\nCONTENT:\n```\nx\n<tool_call>{CALL}",
    ],
)
def test_a_malformed_call_does_not_spoil_the_one_beside_it(text: str) -> None:
    """Beside a call that cannot be used, the good one is found, and the other is reported."""
    reply = parse(text)
    assert (names(reply), [call.arguments for call in reply.calls]) == (["write_file"], [ARGUMENTS])
    assert len(reply.problems) == 1 or "tool_calls" in text


def test_several_calls_keep_their_order() -> None:
    """Calls of all shapes in one text come in the order of the text."""
    text = (
        '{"tool": "a"} then\n[read_file]\nPATH: x\n\n{"tool_calls": [{"tool": "c"}, {"tool": "d"}]}\nTOOL: e\nPATH: y\n'
    )
    assert names(parse(text)) == ["a", "read_file", "c", "d", "e"]


def test_a_call_quoted_in_another_is_not_one() -> None:
    """What stands in the arguments or the content of a call is data."""
    inner = json.dumps({"tool": "delete", "args": {}})
    outer = json.dumps({"tool": "write_file", "args": {"content": inner}})
    assert names(parse(outer)) == ["write_file"]
    assert names(parse(f"TOOL: write_file\nPATH: a.md\nCONTENT:\n````\n```\n{inner}\n```\n````\n")) == ["write_file"]
    assert names(parse(f"[write_file]\nPATH: a.md\nCONTENT:\n{inner}\n<think>x</think>")) == ["write_file"]


def test_a_string_may_hold_raw_line_breaks() -> None:
    """Models forget to escape line breaks and tabs; the content is what they wrote."""
    (call,) = parse('{"tool": "w", "args": {"content": "if x:\n\tpass\r\n"}}').calls
    assert call.arguments == {"content": "if x:\n\tpass\r\n"}


def test_line_forms_end_where_the_next_begins() -> None:
    """Unfenced content ends before the next head; a fence keeps whatever is in it."""
    plain = "TOOL: write_file\nPATH: a\nCONTENT:\none\n\n"
    fenced = "[write_file]\nPATH: b\nCONTENT:\n```\nTOOL: x\n```\n"
    text = f"{plain}{fenced}TOOL: read_file\nPATH: c"
    assert [call.arguments for call in parse(text).calls] == [
        {"path": "a", "content": "one"},
        {"path": "b", "content": "TOOL: x"},
        {"path": "c"},
    ]


def test_an_unclosed_fence_is_looked_for_once() -> None:
    """After one fence that is never closed, no later one of its length is; each is reported."""
    form = "TOOL: write_file\nPATH: a\nCONTENT:\n```py\n"
    assert reasons(parse(form * 3)) == ["truncated"] * 3


def test_reasoning_is_not_searched() -> None:
    """Calls within a reasoning block are thoughts, also when only its end was sent, or only its beginning."""
    thought = '{"tool": "thought", "args": {}}'
    assert names(parse(f"<think>{thought}</think>{CALL}")) == ["write_file"]
    assert names(parse(f"{thought}<tool_call></think>{CALL}</think>")) == ["write_file"]
    assert names(parse(f"{CALL}<thinking>{thought}")) == ["write_file"]
    reply = parse(f"before <think>{thought}</think> after")
    assert (reply.text, reply.calls) == ("before  after", ())
    assert parse("plan</think>done").text == "done"


def test_a_reply_cut_at_its_limit_writes_no_half_file() -> None:
    """Content that ends with the reply is refused when the reply was cut; without content a form is whole."""
    form = "TOOL: write_file\nPATH: a\nCONTENT:\nhalf a fi"
    assert reasons(parse(form, finish_reason="length")) == ["truncated"]
    assert names(parse(form)) == ["write_file"]


def test_problems_are_capped() -> None:
    """A text of nothing but broken calls is reported with a bounded number of problems."""
    assert len(parse('{"tool": 1} ' * 1000).problems) == 32
    assert len(parse("", *[RawToolCall(name="t", arguments="x")] * 100).problems) == 32


def test_native_calls_come_first() -> None:
    """With native calls the text is not searched; ids are kept, text arguments are read, blank ones are empty."""
    native = [
        RawToolCall(name="a", arguments='{"x": [1, 2.5, null, true]}', id="1"),
        RawToolCall(name="b", arguments={"status": CardStatus.DONE, "n": (1, 2.0), "m": None, "t": True}, id="2"),
        RawToolCall(name="c", arguments=" "),
    ]
    reply = parse(f"<think>hm</think>{CALL}", *native)
    assert [(call.name, call.id) for call in reply.calls] == [("a", "1"), ("b", "2"), ("c", "")]
    assert [call.arguments for call in reply.calls] == [
        {"x": [1, 2.5, None, True]},
        {"status": "done", "n": [1, 2.0], "m": None, "t": True},
        {},
    ]
    assert type(reply.calls[1].arguments["status"]) is str
    assert reply.text == CALL


def test_native_arguments_are_copied() -> None:
    """A later change of what the client handed over does not change the call that is judged and run."""
    given: dict[str, object] = {"x": [1]}
    reply = parse("", RawToolCall(name="a", arguments=given))
    given["x"] = "changed"
    assert reply.calls[0].arguments == {"x": [1]}


def endless() -> dict[str, object]:
    value: dict[str, object] = {}
    value["self"] = value
    return value


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ("[1]", ParseReason.NOT_AN_OBJECT),
        ('"x"', ParseReason.NOT_AN_OBJECT),
        ("x", ParseReason.MALFORMED),
        ('{"x": ', ParseReason.TRUNCATED),
        ('{"x": 1} y', ParseReason.MALFORMED),
        ('{"x": 1, "x": 2}', ParseReason.DUPLICATE_KEY),
        ('{"x": "' + "y" * (1024 * 1024) + '"}', ParseReason.TOO_LARGE),
        ({"x": float("nan")}, ParseReason.NOT_FINITE),
        ({"x": 10**5000}, ParseReason.NUMBER_TOO_LONG),
        ({"x": "\ud800"}, ParseReason.LONE_SURROGATE),
        ({"\ud800": 1}, ParseReason.LONE_SURROGATE),
        ({1: 2}, ParseReason.NOT_JSON),
        ({10**5000: 1}, ParseReason.NOT_JSON),
        ({"x": {1, 2}}, ParseReason.NOT_JSON),
        ({"x": "y" * (1024 * 1024)}, ParseReason.TOO_LARGE),
        (endless(), ParseReason.TOO_DEEP),
    ],
    ids=lambda value: ascii(value)[:60] if isinstance(value, str) else None,
)
def test_native_arguments_have_typed_reasons(arguments: str, reason: ParseReason) -> None:
    """Native arguments that cannot be used are one problem that names the call."""
    reply = parse("", RawToolCall(name="good", arguments={}), RawToolCall(name="bad", arguments=arguments))
    assert names(reply) == ["good"]
    assert [(problem.reason, problem.position) for problem in reply.problems] == [(reason, 1)]
    assert "bad" in reply.problems[0].detail


def test_native_calls_without_a_name_are_problems() -> None:
    """A native call needs a name made of characters."""
    natives = [RawToolCall(name=" ", arguments="{}"), RawToolCall(name="\ud800", arguments="{}")]
    assert reasons(parse("", *natives)) == ["unknown_shape"] * 2


def test_cut_native_arguments_name_the_limit() -> None:
    """Native arguments that the model's limit of tokens cut off say so."""
    call = RawToolCall(name="w", arguments='{"path": "a", "content": "half')
    (problem,) = parse("", call, finish_reason="length").problems
    assert problem.reason is ParseReason.TRUNCATED
    assert "finish_reason=length" in problem.detail
