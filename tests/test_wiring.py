"""The frozen set of chosen nodes."""

import json

import pytest
from attrs.exceptions import FrozenInstanceError

from orket._codec import value_digest
from orket._wiring import KINDS, Binding, Wiring
from orket.errors import WiringError
from orket.events import Resolution


def bind(kind="router", **fields) -> Binding:
    given = {"name": "default", "distribution": "orket", "version": "1", "source": "default", **fields}
    return Binding(kind=kind, node=object(), **given)


def wire(*bindings: Binding) -> Wiring:
    return Wiring(bindings={it.kind: it for it in bindings})


def test_there_are_twelve_kinds_with_their_names():
    """Each kind has its group, variable and rule, and the five that decide within a turn may be async."""
    assert len(KINDS) == 12
    assert [spec.kind for spec in KINDS.values()] == list(KINDS)
    loop = KINDS["orchestration_loop"]
    assert (loop.group, loop.variable, loop.rule) == (
        "orket.orchestration_loop",
        "ORKET_ORCHESTRATION_LOOP_NODE",
        "orchestration_loop_node",
    )
    assert KINDS["prompt_strategy"].methods == ("select_model", "select_dialect", "compose")
    may_be_async = [kind for kind, spec in KINDS.items() if spec.may_be_async]
    assert may_be_async == ["planner", "router", "prompt_strategy", "tool_strategy", "evaluator"]


def test_a_wiring_gives_the_binding_of_a_kind():
    """A binding is found under its kind; asking for one that was not wired says what there is."""
    router = bind()
    wiring = wire(router)
    assert wiring["router"] is router
    with pytest.raises(WiringError, match="no 'planner' in this wiring; it has: router"):
        wiring["planner"]


def test_resolutions_are_sorted_and_without_nodes():
    """Resolutions say what was chosen, sorted by kind, whatever the order of binding."""
    options = {"ceiling": 0.5}
    wiring = wire(bind("router", name="cost", options=options), bind("planner"))
    planner = Resolution(kind="planner", name="default", distribution="orket", version="1", source="default")
    router = Resolution(
        kind="router", name="cost", distribution="orket", version="1", source="default", options=options
    )
    assert wiring.resolutions == (planner, router)


def test_equal_choices_have_equal_fingerprints():
    """The fingerprint depends on what was chosen, not on node objects, the order of kinds or of options."""
    one = wire(bind("router", options={"a": 1, "b": [2]}), bind("planner"))
    other = wire(bind("planner"), bind("router", options={"b": [2], "a": 1}))
    assert one.fingerprint == other.fingerprint
    assert len(one.fingerprint) == 64
    chosen = {"name": "default", "distribution": "orket", "version": "1", "source": "default"}
    options = {"a": 1, "b": [2]}
    assert one.fingerprint == value_digest(
        [{"kind": "planner"} | chosen, {"kind": "router", "options": options} | chosen],
    )


@pytest.mark.parametrize("field", ["name", "distribution", "version", "source"])
def test_every_other_choice_has_another_fingerprint(field):
    """Name, distribution, version, source and options all enter the fingerprint."""
    assert wire(bind(**{field: "other"})).fingerprint != wire(bind()).fingerprint
    assert wire(bind(options={field: 1})).fingerprint != wire(bind()).fingerprint


def test_a_wiring_cannot_be_changed():
    """Neither the wiring nor the mapping it was made of can change it afterwards."""
    bindings = {"router": bind()}
    wiring = Wiring(bindings=bindings)
    bindings["planner"] = bind("planner")
    assert list(wiring.bindings) == ["router"]
    with pytest.raises(TypeError):
        wiring.bindings["planner"] = bind("planner")
    with pytest.raises(FrozenInstanceError):
        wiring.bindings = {}


def test_a_spec_is_json_of_its_own():
    """A spec can be written as JSON, and changing it does not reach the wiring."""
    wiring = wire(bind(options={"list": [1]}))
    spec = wiring.spec()
    assert json.loads(json.dumps(spec)) == spec
    spec["router"]["options"]["list"].append(2)
    assert wiring["router"].options == {"list": [1]}


def test_nodes_of_the_host_have_no_spec():
    """A wiring with nodes that the host brought says which they are instead of making half a spec."""
    with pytest.raises(WiringError) as caught:
        wire(bind("router", distribution="host"), bind("planner", distribution="host"), bind("evaluator")).spec()
    assert [problem.split(" was")[0] for problem in caught.value.problems] == ["planner 'default'", "router 'default'"]
