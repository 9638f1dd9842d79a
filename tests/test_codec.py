"""Values survive the store, and what is not a value is refused."""

import json
from typing import Any, get_args

import attrs
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from orket._codec import Codec, canonical_json, codec, digest, to_json, value_digest
from orket.cards import CardStatus, Issue, Metrics, Scenario, Verification, VerificationResult, WaitReason
from orket.contracts import Message, ModelReply, RawToolCall, ToolCall
from orket.errors import StoreVersionError
from orket.events import CardAdded, DecisionMade, Record, Resolution, RunStarted, TurnClosed, VerificationRecorded

TEXT = st.text(max_size=20)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
SCENARIOS = st.builds(Scenario, id=TEXT, description=TEXT, input=JSON, expected=JSON)
ISSUES = st.builds(
    Issue,
    id=TEXT,
    name=TEXT,
    seat=TEXT,
    status=st.sampled_from(CardStatus),
    priority=st.floats(-10, 10),
    wait_reason=st.none() | st.sampled_from(WaitReason),
    depends_on=st.lists(TEXT, max_size=3).map(tuple),
    params=st.dictionaries(TEXT, JSON, max_size=3),
    verification=st.none()
    | st.builds(Verification, fixture=st.none() | TEXT, scenarios=st.lists(SCENARIOS).map(tuple)),
    metrics=st.none()
    | st.builds(Metrics, score=st.floats(0, 10), criteria_scores=st.dictionaries(TEXT, st.floats(0, 9))),
    version=st.integers(0, 9),
)


@given(ISSUES)
def test_an_issue_survives_the_store(issue: Issue) -> None:
    """What is loaded equals what was dumped, lone surrogates and nested data included."""
    assert codec().load_issue(codec().text(issue)) == issue
    assert codec().text(issue) == to_json(codec().dump(issue))


DECISIONS = st.builds(
    DecisionMade, kind=TEXT, method=TEXT, node=TEXT, question=TEXT, answer=st.dictionaries(TEXT, JSON, max_size=2)
)
STARTS = st.builds(
    RunStarted,
    build=TEXT,
    card=TEXT,
    target=st.none() | TEXT,
    fingerprint=TEXT,
    resolutions=st.lists(
        st.builds(Resolution, kind=TEXT, name=TEXT, distribution=TEXT, version=TEXT, source=TEXT), max_size=2
    ).map(tuple),
)
PROOFS = st.builds(VerificationRecorded, result=st.builds(VerificationResult, passed=st.booleans(), log=TEXT))
SPECIAL = {
    VerificationRecorded: PROOFS,
    CardAdded: st.builds(CardAdded, issue=ISSUES, by=TEXT),
    DecisionMade: DECISIONS,
    RunStarted: STARTS,
}


@pytest.mark.parametrize("cls", get_args(Record))
@given(data=st.data())
@settings(max_examples=30)
def test_a_record_survives_the_journal(cls: type, data: st.DataObject) -> None:
    """Every class of record comes back equal from its JSON text, which is that of its fields as data."""
    record = data.draw(SPECIAL.get(cls, st.from_type(cls)))
    try:
        text = codec().record_texts([record, record])
    except ValueError:  # NaN and infinity are no JSON
        reject()
    assert text == to_json([codec().dump_record(record)] * 2)
    assert [codec().load_record(data) for data in json.loads(text)] == [record, record]


@pytest.mark.parametrize("data", [None, [], ["turn_closed"], ["no_such_record", {}], [1, {}], {"turn": 1}])
def test_an_unknown_record_is_refused_by_name(data: Any) -> None:
    """A record this orket does not know is a typed refusal that lists what it knows."""
    with pytest.raises(StoreVersionError, match="turn_closed"):
        codec().load_record(data)


def test_an_unknown_field_is_refused() -> None:
    """A field of a newer version is never dropped silently."""
    (data,) = json.loads(codec().record_texts([TurnClosed(turn=1, rounds=1, ok=True, status=CardStatus.DONE)]))
    data[1]["since"] = "tomorrow"
    with pytest.raises(StoreVersionError, match="TurnClosed"):
        codec().load_record(data)


@pytest.mark.parametrize("arguments", ['{"a": 1}', "cut o", {"a": [1, {"b": None}]}])
def test_raw_arguments_are_kept_as_they_came(arguments: Any) -> None:
    """A native call's arguments come back as text or object, whichever the server sent."""
    reply = ModelReply(text="t", tool_calls=(RawToolCall(name="n", arguments=arguments),))
    assert codec().load(json.loads(codec().text(reply)), ModelReply) == reply
    assert codec().text(reply) == to_json(codec().dump(reply))


def test_a_message_with_calls_survives() -> None:
    """A prompt may quote earlier calls."""
    message = Message(role="assistant", content="", calls=(ToolCall(name="n", arguments={"x": 1}, id="7"),))
    assert codec().load(json.loads(codec().text(message)), Message) == message
    assert codec().text(message) == to_json(codec().dump(message))


@attrs.frozen
class Shadow:
    """Fields that are called like what an encoder uses."""

    value: int
    type: str
    quote: str = ""
    type_text: str = ""


def test_a_field_hides_nothing_that_its_encoder_needs() -> None:
    """Whatever the fields of a class are called, they are written as they are."""
    shadow = Shadow(value=1, type="é", quote="q", type_text="t")
    assert codec().text(shadow) == to_json(codec().dump(shadow))


@given(JSON)
def test_canonical_json_is_one_spelling(data: Any) -> None:
    """Key order does not change it, and it is valid JSON of the same data."""
    assert json.loads(canonical_json(data)) == data
    if isinstance(data, dict):
        assert canonical_json(dict(reversed(data.items()))) == canonical_json(data)
        assert value_digest(data) == value_digest(dict(reversed(data.items())))


def test_surrogates_stay_escaped() -> None:
    """Text that UTF-8 cannot carry is escaped, all other text is not."""
    assert to_json("\ud800") == '"\\ud800"'
    assert to_json("ü") == '"ü"'
    assert len(digest("\ud800")) == 64


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}, object()])
def test_what_json_does_not_have_is_refused(value: Any) -> None:
    """NaN, infinity and foreign objects never reach the store."""
    with pytest.raises((ValueError, TypeError)):
        to_json({"value": value})


def _renamed(fields: dict[str, Any]) -> dict[str, Any]:
    return {"name": fields.pop("title"), **fields}


def _seated(fields: dict[str, Any]) -> dict[str, Any]:
    return {"seat": "anybody", **fields}


NEWER = Codec({Issue: (_renamed, _seated)})  # an orket whose issues have version 3
PLAIN = Issue(id="a", name="A", seat="s")


@pytest.mark.parametrize(
    ("stored", "seat"),
    [
        ('{"id":"a","title":"A"}', "anybody"),
        ('{"$v":2,"id":"a","name":"A"}', "anybody"),
        ('{"$v":3,"id":"a","name":"A","seat":"s"}', "s"),
    ],
)
def test_older_versions_are_upcast(stored: str, seat: str) -> None:
    """A value of every older version is read as the present one, alone and within a record, and written as that."""
    found = NEWER.load_issue(stored)
    assert (found.name, found.seat) == ("A", seat)
    added = NEWER.load_record(["card_added", {"issue": json.loads(stored), "by": "x"}])
    assert added == CardAdded(issue=found, by="x")
    assert json.loads(NEWER.text(found))["$v"] == 3
    assert NEWER.load_record(json.loads(NEWER.record_texts([added]))[0]) == added


@pytest.mark.parametrize("version", [2, 99, 0, "1", True, None])
def test_newer_versions_are_refused(version: object) -> None:
    """What says that it has another version than the present one is refused, naming type and both versions."""
    stored = {"$v": version, **json.loads(codec().text(PLAIN))}
    with pytest.raises(StoreVersionError, match=r"stored Issue has version .*, this orket knows up to 1") as caught:
        codec().load_issue(json.dumps(stored))
    assert (caught.value.found, caught.value.known) == (version, 1)
    with pytest.raises(StoreVersionError, match="CardAdded"):
        codec().load_record(["card_added", {"$v": 2, "issue": stored, "by": "x"}])
    with pytest.raises(StoreVersionError, match=r"\$v"):  # of a part that has no versions yet
        codec().load_record(["card_added", {"issue": stored, "by": "x"}])


def test_the_first_version_is_not_written() -> None:
    """Types that never changed say nothing of it: the journal stays small, and what was written before is theirs."""
    assert "$v" not in codec().text(PLAIN)
    assert codec().load_issue('{"$v":1,"id":"a","name":"A","seat":"s"}') == PLAIN
