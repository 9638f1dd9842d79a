"""Rules of a contract, and the tests they become for each subclass of a suite.

A rule is an ``async def`` method of a suite, marked with :func:`rule`: its number, what it is fed with, and, as its
docstring, one sentence that it claims. A subclass that says what is tested (``make_node`` and the like) gets one test
for each rule, made afresh: a test of hypothesis must not be shared by two classes.
"""

import difflib
import functools
import inspect
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import Any, ClassVar, Final, TypeAlias

import anyio
import pytest
from attrs import frozen
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as Settings  # noqa: N812 - the class has a lower-case name, and so have its instances here
from hypothesis.errors import Unsatisfiable
from hypothesis.strategies import SearchStrategy

from orket.testing._watch import restored_process

BACKENDS: Final = ("asyncio", "trio")
_PATIENT: Final = (
    HealthCheck.too_slow,
    HealthCheck.data_too_large,
    HealthCheck.large_base_example,
    HealthCheck.filter_too_much,
)
_MARK: Final = "__orket_rule__"

Source: TypeAlias = "SearchStrategy[Any] | Callable[[Any], SearchStrategy[Any]]"
Method: TypeAlias = Callable[..., Coroutine[Any, Any, None]]


@frozen(kw_only=True)
class Rule:
    """A clause of a contract.

    ``id`` is stable (``router-20``), ``claim`` the sentence it stands for, ``version`` the contract version that
    brought it, ``test`` the name of its test, ``needs`` the class attribute that declares the optional power it is
    about ("" when every implementation owes it).
    """

    id: str
    claim: str
    version: int
    test: str
    needs: str = ""


@frozen(kw_only=True)
class _Mark:
    number: str
    version: int
    needs: str
    share: float
    sources: dict[str, Source]


def rule(
    number: str, *, version: int = 1, needs: str = "", share: float = 1.0, **sources: Source
) -> Callable[[Method], Method]:
    """Mark a method of a suite as a rule.

    Args:
        number: Its number in the suite, two digits; never given to another rule, even when this one is gone.
        version: The contract version that brought it.
        needs: Name of the suite's class attribute that must be true for the rule to apply; otherwise it is skipped.
        share: Which part of the profile's ``max_examples`` it is tried with; for rules whose single example is dear.
        sources: What each keyword argument is drawn from: a strategy, or a function of the suite that returns one.
    """

    def mark(method: Method) -> Method:
        setattr(method, _MARK, _Mark(number=number, version=version, needs=needs, share=share, sources=sources))
        return method

    return mark


class ContractSuite:
    """What all suites share: the rules, and how they become tests.

    Attributes:
        prefix: What the ids of the suite's rules begin with.
        subject: The method that a subclass must define: it makes what is tested.
        backends: The event loops that each rule runs on; () where nothing may be awaited.
        without: Numbers of inherited rules that this contract cannot break.
        settings: Of hypothesis, for all rules; None takes the active profile.
    """

    prefix: ClassVar[str] = ""
    subject: ClassVar[str] = ""
    backends: ClassVar[tuple[str, ...]] = BACKENDS
    without: ClassVar[frozenset[str]] = frozenset()
    settings: ClassVar[Settings | None] = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        _check_names(cls)
        if not cls.subject:
            return
        if not getattr(getattr(cls, cls.subject), "__isabstractmethod__", False):
            for found, method in _marked(cls):
                setattr(cls, found.test, _as_test(cls, found, method))
        elif cls.__name__.startswith("Test"):
            setattr(cls, f"test_{cls.prefix.replace('-', '_')}_has_a_subject", _missing_subject)

    def unusable(self) -> str | None:
        """Return what is so wrong with what is tested that only rule 01 can say more; None: nothing."""
        return None

    @classmethod
    def rules(cls) -> tuple[Rule, ...]:
        """Return the suite's rules, by id."""
        return tuple(found for found, _ in _marked(cls))


def _check_names(suite: type[ContractSuite]) -> None:
    """Refuse attributes that are nearly those by which a suite declares a power: they would declare nothing."""
    valid = powers_of(suite)
    for name, value in vars(suite).items():
        if name in valid or name.startswith(("_", "test")) or callable(value) or isinstance(value, classmethod):
            continue
        if close := difflib.get_close_matches(name, valid, n=1, cutoff=0.8):
            raise TypeError(f"{suite.__qualname__}.{name} declares nothing; did you mean {close[0]}?")


def powers_of(suite: type[ContractSuite]) -> frozenset[str]:
    """Return the names of the class attributes that a suite reads."""
    return frozenset(name for cls in suite.__mro__ for name in getattr(cls, "__annotations__", {}))


def _missing_subject(self: ContractSuite) -> None:
    own = sorted(name for name in vars(type(self)) if not name.startswith(("_", "test")))
    pytest.fail(f"{type(self).__name__} defines no {self.subject}(); it defines: {', '.join(own) or 'nothing'}")


def _marked(suite: type[ContractSuite]) -> Iterator[tuple[Rule, Method]]:
    found: dict[str, tuple[Rule, Method]] = {}
    for name, method in inspect.getmembers(suite, inspect.isfunction):
        mark: _Mark | None = getattr(method, _MARK, None)
        if mark is None or mark.number in suite.without:
            continue
        if mark.number in found:
            raise TypeError(
                f"{suite.__qualname__}: rule {mark.number} is both {name} and {found[mark.number][1].__name__}"
            )
        rule_id = f"{suite.prefix}-{mark.number}"
        claim = " ".join((inspect.getdoc(method) or "").split("\n\n")[0].split())
        test = f"test_{rule_id.replace('-', '_')}_{name}"
        found[mark.number] = Rule(id=rule_id, claim=claim, version=mark.version, test=test, needs=mark.needs), method
    return iter([found[number] for number in sorted(found)])


def _as_test(suite: type[ContractSuite], found: Rule, method: Method) -> Callable[..., None]:
    """Return a plain test that runs the rule once for each example, in an event loop of its own."""
    mark: _Mark = getattr(method, _MARK)

    def run(self: ContractSuite, backend: str | None, drawn: dict[str, Any]) -> None:
        try:
            _drive(functools.partial(method, self, **drawn), backend)
        except Exception as error:
            error.add_note(f"{found.id} (contract version {found.version}): {found.claim}")
            for name, value in drawn.items():
                error.add_note(f"{name} = {value!r:.2000}")
            raise

    def plain(self: ContractSuite, **drawn: Any) -> None:
        run(self, None, drawn)

    def awaited(self: ContractSuite, backend: str, **drawn: Any) -> None:
        run(self, backend, drawn)

    test: Any = awaited if suite.backends else plain
    test.__name__ = found.test
    test.__qualname__ = f"{suite.__qualname__}.{found.test}"
    test.__module__ = suite.__module__
    test.__doc__ = found.claim
    if mark.sources:
        drawn = {name: it if isinstance(it, SearchStrategy) else it(suite) for name, it in mark.sources.items()}
        test = _settings(suite, mark.share)(given(**drawn)(test))
        # The largest questions are long to print; where warnings are errors, that would hide what is wrong.
        test = pytest.mark.filterwarnings("ignore:Generating overly large repr")(test)
    test = _guarded(test, found)
    if suite.backends:
        test = pytest.mark.parametrize("backend", suite.backends)(test)
    if found.needs and not getattr(suite, found.needs):
        test = pytest.mark.skip(reason=f"{suite.__name__} declares {found.needs} = False")(test)
    test.orket_rule = found  # the run without code reports by rule
    tested: Callable[..., None] = test
    return tested


def _guarded(test: Callable[..., None], found: Rule) -> Callable[..., None]:
    """Return a test that leaves its process as it was, and tries only what can be judged.

    What is done to the process only once is seen by the rule about that.
    """

    @functools.wraps(test)
    def guarded(self: ContractSuite, *args: Any, **kwargs: Any) -> None:
        with restored_process():
            if not found.id.endswith("-01") and (fault := self.unusable()) is not None:
                pytest.skip(f"rule 01 is broken: {fault}")
            try:
                test(self, *args, **kwargs)
            except Unsatisfiable:
                pytest.fail(
                    "no answer could be judged by this rule: what it raises or answers breaks another", pytrace=False
                )

    return guarded


def _settings(suite: type[ContractSuite], share: float) -> Settings:
    own = suite.settings or Settings()
    patient = set(own.suppress_health_check) | set(_PATIENT)
    return Settings(
        own,
        max_examples=max(1, round(own.max_examples * share)),
        deadline=None,
        phases=[phase for phase in own.phases if phase is not Phase.explain],  # it would explain the event loop
        suppress_health_check=sorted(patient, key=lambda check: check.value),
    )


def _drive(body: Callable[[], Awaitable[None]], backend: str | None) -> None:
    if backend is not None:
        anyio.run(body, backend=backend)
        return
    # Nothing here may be awaited: the rule runs to its end in one step.
    coroutine: Any = body()
    try:
        coroutine.send(None)
    except StopIteration:
        return
    coroutine.close()
    raise AssertionError("waited, although its contract has only plain methods")
