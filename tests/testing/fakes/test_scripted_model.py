"""Models that follow a script: a function, a list, or what a real model once said."""

import json
from itertools import repeat
from pathlib import Path
from typing import Any

import attrs
import pytest

from orket.contracts import EffectClass, Message, ModelClient, ModelReply, ModelRequest, RawToolCall, ToolCall, ToolSpec
from orket.errors import ModelAuthenticationError, ModelError, ModelReplyError
from orket.models import CallableModel, OpenAICompatibleModel
from orket.testing.fakes import CassetteDriftError, RecordingModel, ScriptedModel, ScriptError

pytestmark = pytest.mark.anyio

TOOL = ToolSpec(name="look", description="Look.", parameters={"type": "object"})
ASKED = ModelRequest(
    model="m",
    messages=(Message(role="system", content="You are a coder."), Message(role="user", content="Do card 7.")),
    tools=(TOOL,),
    params={"max_tokens": 50},
)


def said(text: str) -> ModelRequest:
    return attrs.evolve(ASKED, messages=(ASKED.messages[0], Message(role="user", content=text)))


async def test_a_function_answers() -> None:
    """A script that is a function sees each request."""
    model = ScriptedModel(lambda request: request.messages[-1].content.upper())
    assert isinstance(model, ModelClient)
    assert (await model.complete(ASKED)).text == "DO CARD 7."


async def test_a_list_is_given_in_order_and_then_it_is_loud() -> None:
    """Replies come one after the other, and a request too many is a typed error that counts them."""
    requests: list[ModelRequest] = []
    call = ToolCall(name="look", arguments={"at": 1})
    model = ScriptedModel(["one", call, ModelReply(text="three")], requests=requests)
    answers = [await model.complete(ASKED) for _ in range(3)]
    assert answers[0].text == "one"
    assert answers[1].tool_calls == (RawToolCall(name="look", arguments={"at": 1}),)
    assert answers[2].text == "three"
    with pytest.raises(ScriptError, match="the script has 3 replies, and this is request 4") as caught:
        await model.complete(ASKED)
    assert caught.value.permanent
    assert requests == [ASKED] * 4


async def test_a_line_may_be_an_error_or_endless() -> None:
    """A model error in a script is raised where it stands; an iterator without end has no last reply."""
    model = ScriptedModel([ModelAuthenticationError("no key"), "then"])
    with pytest.raises(ModelAuthenticationError, match="no key"):
        await model.complete(ASKED)
    assert (await model.complete(ASKED)).text == "then"
    assert {(await one.complete(ASKED)).text for one in [ScriptedModel(repeat("x"))] * 5} == {"x"}


async def test_junk_in_a_script_is_refused() -> None:
    """A line that is no reply is a typed error, and a script that is one text is refused where it is made."""
    junk: Any = [7]
    with pytest.raises(ModelReplyError, match="a value of type int"):
        await ScriptedModel(junk).complete(ASKED)
    with pytest.raises(TypeError, match="not one text"):
        ScriptedModel("text")


async def recorded(path: Path, *requests: ModelRequest) -> list[ModelReply]:
    """Record a model that counts its requests; return what it answered."""
    answers = iter(range(100))
    model = RecordingModel(CallableModel(lambda _: f"answer {next(answers)}"), path)
    return [await model.complete(one) for one in requests]


async def test_a_cassette_gives_what_was_recorded(tmp_path: Path) -> None:
    """Replies come back for the requests they were given to, in any order of requests, repeated ones in order."""
    path = tmp_path / "c.json"
    first, again, other = await recorded(path, ASKED, ASKED, said("else"))
    model = ScriptedModel.replaying(path)
    assert await model.complete(said("else")) == other
    assert await model.complete(ASKED) == first
    assert await model.complete(attrs.evolve(ASKED, timeout=1.0)) == again
    data = json.loads(path.read_text("utf-8"))
    assert [one["reply"] for one in data["exchanges"]] == [{"text": f"answer {n}"} for n in range(3)]
    assert not list(tmp_path.glob("*.tmp"))  # noqa: ASYNC240 - of a small folder


async def test_a_request_too_many_is_drift(tmp_path: Path) -> None:
    """A request that was recorded once is not answered twice."""
    await recorded(tmp_path / "c.json", ASKED)
    model = ScriptedModel.replaying(tmp_path / "c.json")
    await model.complete(ASKED)
    with pytest.raises(CassetteDriftError, match="recorded 1 times, and this is request 2 of the kind"):
        await model.complete(ASKED)


LONG = Message(role="user", content="a" * 500 + "b")
SECOND = ToolSpec(name="peek", description="Peek.", parameters={"type": "object"})
DRIFTS: list[tuple[dict[str, Any], str]] = [
    (
        {"messages": (ASKED.messages[0], Message(role="user", content="Do card 8."))},
        "messages[1] (user), content: recorded 'Do card 7.', asked 'Do card 8.' (from character 0)",
    ),
    ({"messages": (*ASKED.messages, LONG)}, "recorded with 2 messages, asked with 3"),
    ({"tools": ()}, "tool 'look' is no longer offered"),
    ({"tools": (TOOL, SECOND)}, "tool 'peek' is new"),
    ({"tools": (attrs.evolve(TOOL, effect=EffectClass.NONE),)}, "tool 'look' has another effect"),
    ({"temperature": 0.5}, "temperature: recorded None, asked 0.5"),
    ({"params": {"max_tokens": 51}}, "params: recorded {'max_tokens': 50}, asked {'max_tokens': 51}"),
]


@pytest.mark.parametrize(("changes", "difference"), DRIFTS, ids=[text[:20] for _, text in DRIFTS])
async def test_drift_says_what_has_changed(tmp_path: Path, changes: dict[str, Any], difference: str) -> None:
    """A request that was not recorded raises an error that names each message, tool or field that differs."""
    await recorded(tmp_path / "c.json", said("something else altogether"), ASKED)
    with pytest.raises(CassetteDriftError) as caught:
        await ScriptedModel.replaying(tmp_path / "c.json").complete(attrs.evolve(ASKED, **changes))
    assert caught.value.differences == (difference,)
    assert difference in str(caught.value)


async def test_drift_shows_where_long_texts_part(tmp_path: Path) -> None:
    """Of long prompts only the part around the first difference is shown."""
    await recorded(tmp_path / "c.json", said("x" * 5000 + "old" + "y" * 5000))
    with pytest.raises(CassetteDriftError) as caught:
        await ScriptedModel.replaying(tmp_path / "c.json").complete(said("x" * 5000 + "new" + "y" * 5000))
    (shown,) = caught.value.differences
    assert "(from character 4970)" in shown
    assert "old" in shown
    assert "new" in shown
    assert len(shown) < 300


async def test_tools_in_another_order_are_drift(tmp_path: Path) -> None:
    """The order of tools is part of the prompt."""
    await recorded(tmp_path / "c.json", attrs.evolve(ASKED, tools=(TOOL, SECOND)))
    with pytest.raises(CassetteDriftError, match="the tools come in another order"):
        await ScriptedModel.replaying(tmp_path / "c.json").complete(attrs.evolve(ASKED, tools=(SECOND, TOOL)))


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"format": 2}', '{"format": 1, "exchanges": [{}]}', '{"format": 1, "exchanges": [7]}',
     '{"format": 1, "exchanges": [{"digest": "d", "request": {}, "reply": {}}]}'],
)  # fmt: skip
def test_what_is_no_cassette_is_refused(tmp_path: Path, text: str) -> None:
    """A file of another format, or one whose requests were edited, is refused."""
    path = tmp_path / "c.json"
    path.write_text(text)
    with pytest.raises(ScriptError, match=r"is no cassette|is a cassette of format|was changed after"):
        ScriptedModel.replaying(path)
    with pytest.raises(ScriptError, match="FileNotFoundError"):
        ScriptedModel.replaying(tmp_path / "none.json")


async def test_an_empty_cassette_says_so(tmp_path: Path) -> None:
    """Where nothing was recorded, there is nothing to compare with."""
    path = tmp_path / "c.json"
    path.write_text('{"format": 1, "exchanges": []}')
    with pytest.raises(CassetteDriftError, match="it is empty"):
        await ScriptedModel.replaying(path).complete(ASKED)


async def test_failures_are_not_recorded(tmp_path: Path) -> None:
    """What the wrapped client raises is passed on and leaves no exchange; neither does a request that JSON lacks."""
    model = RecordingModel(ScriptedModel([]), tmp_path / "c.json")
    with pytest.raises(ScriptError, match="0 replies"):
        await model.complete(ASKED)
    with pytest.raises(ModelError, match="cannot be written as JSON"):
        await model.complete(attrs.evolve(ASKED, params={"top_p": float("nan")}))
    assert not (tmp_path / "c.json").exists()


async def test_a_real_model_is_recorded(tmp_path: Path, model_url: str) -> None:
    """What a real server answered is replayed without it."""
    asked = attrs.evolve(ASKED, params={"max_tokens": 16})
    async with OpenAICompatibleModel(model_url) as real:
        reply = await RecordingModel(real, tmp_path / "c.json").complete(asked)
    assert await ScriptedModel.replaying(tmp_path / "c.json").complete(asked) == reply
