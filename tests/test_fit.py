"""How an object fits a Protocol."""

import functools

import pytest

from orket._fit import methods, misfits
from orket.contracts import OrchestrationLoopPolicyNode, RouterNode, Verifier


def fitting(route):
    return type("Node", (), {"route": route})()


async def coroutine(self, question):
    """Is async def."""


async def generator(self, question):
    yield question


class Call:
    def __call__(self, question):
        """Is callable."""


@pytest.mark.parametrize(
    "route",
    [
        lambda self, question: None,
        lambda self, question, /: None,
        lambda self, question, extra=None: None,
        lambda *args, **kwargs: None,
        staticmethod(lambda question: None),
        Call(),
        staticmethod(functools.partial(lambda flag, question: None, True)),
        coroutine,
    ],
)
def test_what_can_be_called_as_the_protocol_says_fits(route):
    """Names of parameters, optional extras and the kind of callable do not matter."""
    assert list(misfits(fitting(route), RouterNode)) == []


@pytest.mark.parametrize(
    ("route", "complaint"),
    [
        (None, "has no method route(question): its route is a NoneType"),
        (lambda self: None, "cannot be called as route(question): too many positional arguments"),
        (lambda self, question, team: None, "cannot be called as route(question): missing a required argument: 'team'"),
        (lambda self, question, *, team: None, "cannot be called as route(question): missing a required"),
        (lambda self, *, question: None, "cannot be called as route(question): too many positional arguments"),
        (generator, "has an async route(question); it must be def or async def"),
        (property(lambda self: 1 / 0), "cannot give its method route(question): ZeroDivisionError"),
    ],
)
def test_what_cannot_is_told(route, complaint):
    """A method that is missing, no method, or of the wrong arity is named with what is due."""
    (found,) = misfits(fitting(route), RouterNode)
    assert complaint in found


def test_async_methods_fit_only_where_they_are_welcome():
    """A coroutine function is refused where a plain method is due."""
    (found,) = misfits(fitting(coroutine), RouterNode, may_be_async=False)
    assert found == "has an async route(question); it must be a plain def"


def test_all_faults_are_told_at_once():
    """An object that has nothing of a Protocol gets one sentence for each of its methods, in their order."""
    faults = list(misfits(object(), OrchestrationLoopPolicyNode))
    assert len(faults) == len(methods(OrchestrationLoopPolicyNode)) == 9
    assert faults[0] == "has no method concurrency_limit(question)"
    assert faults[4] == "has no method role_order(roles, is_review)"


def test_a_class_is_no_instance():
    """A class has all the methods and none of them is bound."""
    assert list(misfits(Verifier, Verifier)) == ["is the class Verifier, not an instance of it"]


def test_a_signature_that_cannot_be_read_is_a_fault():
    """What hides its signature cannot be trusted to take what the Protocol passes."""
    call = Call()
    call.__signature__ = "nonsense"
    (found,) = misfits(fitting(call), RouterNode)
    assert "its signature cannot be read" in found
