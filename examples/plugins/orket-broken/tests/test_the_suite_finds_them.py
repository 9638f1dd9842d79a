"""What a core cannot keep a node from doing in its process, the node's contract suite finds before it is installed."""

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from orket_broken import answering, harming

from orket.testing import RouterContract

# Found is enough: nobody reads a shrunken example here. The same examples every time.
QUICK = settings(
    max_examples=20,
    phases=(Phase.explicit, Phase.generate),
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
HARMING = {  # the node: the rule about its harm
    harming.ChangesItsQuestion: "router-03",
    harming.KeepsItsQuestion: "router-04",
    harming.ThrowsDice: "router-05",
    harming.MixesAnswers: "router-06",
    harming.Blocks: "router-07",
    harming.SwallowsCancellation: "router-08",
    harming.Prints: "router-12",
    harming.ChangesDirectory: "router-12",
    harming.ChangesEnvironment: "router-12",
    harming.PatchesJson: "router-12",
    harming.SeedsRandom: "router-12",
}
ANSWERING = {  # the node: a rule that it breaks
    answering.AnswersText: "router-11",
    answering.AnswersNothing: "router-11",
    answering.AnswersSubclass: "router-11",
    answering.UnknownSeat: "router-20",
    answering.ReasonIsNoText: "router-11",
    answering.Raises: "router-02",
    answering.RaisesInATask: "router-02",
    answering.Exits: "router-09",
}


def keeps(node: type[Any], rule_id: str) -> bool:
    """Return whether a node keeps a rule, on one backend."""
    suite = type("TestBroken", (RouterContract,), {"make_node": lambda _self: node(), "settings": QUICK})
    (rule,) = [it for it in suite.rules() if it.id == rule_id]
    try:
        getattr(suite, rule.test)(suite(), backend="asyncio")
    except (AssertionError, ExceptionGroup):  # several examples that fail differently come in a group
        return False
    return True


@pytest.mark.parametrize("node", HARMING, ids=lambda node: node.__name__)
def test_harm_is_found(node: type[Any]) -> None:
    """A node that answers rightly and harms its host fails the rule about that harm."""
    assert not keeps(node, HARMING[node])


@pytest.mark.parametrize("node", [it for it in HARMING if it is not harming.Blocks], ids=lambda node: node.__name__)
def test_their_answers_are_right(node: type[Any]) -> None:
    """Nothing is wrong with what such a node says: no core could find it by its answers."""
    assert keeps(node, "router-11")


@pytest.mark.parametrize("node", ANSWERING, ids=lambda node: node.__name__)
def test_wrong_answers_are_found(node: type[Any]) -> None:
    """What the core would refuse at run time the suite refuses before."""
    assert not keeps(node, ANSWERING[node])
