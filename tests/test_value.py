"""What all values share: one repr, one equality, one hash."""

import math

import pytest
from attrs import field, frozen

from orket import Issue
from orket._value import Value
from orket.cards import Epic, Scenario, ScenarioResult


@frozen(kw_only=True, repr=False, eq=False)
class Badge(Value):
    """A value with a secret, and with something that does not tell two of them apart."""

    owner: str
    key: str = field(default="", repr=False)
    seen: int = field(default=0, eq=False)


def test_values_are_equal_when_they_say_the_same() -> None:
    """Two values of one class are equal, and hash alike, when all fields that count are equal."""
    assert Badge(owner="ann", key="k", seen=1) == Badge(owner="ann", key="k", seen=2)
    assert hash(Badge(owner="ann", key="k", seen=1)) == hash(Badge(owner="ann", key="k", seen=2))
    assert Badge(owner="ann", key="k") != Badge(owner="ann", key="l")
    assert len({Badge(owner="ann"), Badge(owner="ann"), Badge(owner="bob")}) == 2


def test_values_of_different_classes_differ() -> None:
    """A value equals no value of another class, even where the fields are the same, and nothing that is no value."""
    assert Scenario(id="a") != ScenarioResult(id="a", passed=True)
    assert Badge(owner="ann") != "ann"
    assert Badge(owner="ann").__eq__("ann") is NotImplemented


def test_a_value_with_a_field_that_cannot_be_hashed_has_no_hash() -> None:
    """Hashing goes through the fields: a dict among them is a TypeError."""
    issue = Issue(id="a", name="A", seat="s", params={"size": 1})
    with pytest.raises(TypeError, match="unhashable type"):
        hash(issue)


def test_a_value_is_itself() -> None:
    """Every value equals itself, whatever its fields think of themselves."""
    assert (one := Scenario(id="a", input=math.nan)) == one


def test_secrets_are_not_shown() -> None:
    """The repr names the class and its fields, without those that hold secrets."""
    assert repr(Badge(owner="ann", key="hush")) == "Badge(owner='ann', seen=0)"
    assert repr(Epic(id="e", name="E", team="t", environment="x")).startswith("Epic(id='e', name='E', team='t'")
