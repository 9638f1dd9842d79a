"""Which source says which node."""

import pytest

from orket._choice import choose, spec_of, strangers
from orket.errors import WiringError

ROUTER = spec_of("router")
VARIABLE, RULE = "ORKET_ROUTER_NODE", "router_node"


def test_silence_means_the_default():
    """Nothing said, None and an empty variable are all silence."""
    for host, environ, rules in (({}, {}, {}), ({"router": None}, {VARIABLE: ""}, {RULE: None})):
        choice = choose(ROUTER, host, environ, rules)
        assert (choice.source, choice.name) == ("default", "default")


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        (7, "found 7; valid: a name, or"),
        (["cost"], "found ['cost']"),
        ("", "its name is ''"),
        ({}, "its name is None"),
        ({"name": 7}, "its name is 7"),
        ({"name": "cost", "option": {}}, "unknown keys 'option'"),
        ({"name": "cost", "options": [1]}, "its options are [1]; valid: an object with str keys"),
        ({"name": "cost", "options": {1: 2}}, "its options are {1: 2}"),
        ({"name": "cost", "options": {"a": object}}, "its options are no JSON data"),
        ({"name": "cost", "options": {"a": float("nan")}}, "its options are no JSON data"),
    ],
)
def test_rules_that_say_it_wrong_are_refused(said, complaint):
    """A process rule that is neither a name nor a name with options is an error, not silence."""
    with pytest.raises(WiringError) as caught:
        choose(ROUTER, {}, {}, {RULE: said})
    (problem,) = caught.value.problems
    assert problem.startswith(f"router chosen by process_rules['router_node']: {complaint}")


def test_options_are_a_copy():
    """Who changes a rule after the choice does not change the choice."""
    rules = {RULE: {"name": "cost", "options": {"list": [1]}}}
    choice = choose(ROUTER, {}, {}, rules)
    rules[RULE]["options"]["list"].append(2)
    assert choice.options == {"list": [1]}
    with pytest.raises(TypeError):
        choice.options["list"] = []


def test_a_typo_is_a_problem_and_others_settings_are_none():
    """Only what looks like the choice of a node is judged; an empty variable says nothing, whatever its name."""
    environ = {"ORKET_RUTER_NODE": "", "ORKET_ORG_NAME": "x", "NODE": "y", VARIABLE: "z"}
    assert list(strangers({}, environ, {"concurrency": 3, RULE: "z"})) == []
    assert list(strangers({}, {"ORKET_RUTER_NODE": "z"}, {"route_node": "z"})) == [
        "environment: ORKET_RUTER_NODE belongs to no kind of node; did you mean 'ORKET_ROUTER_NODE'?",
        "process_rules: 'route_node' belongs to no kind of node; did you mean 'router_node'?",
    ]
    (problem,) = strangers({"zzz": "z"}, {}, {})
    assert problem.startswith("host: 'zzz' is no kind of node; valid: planner, router, ")
