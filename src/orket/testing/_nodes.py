"""What every decision node owes, whatever it decides."""

import abc
import contextlib
import copy
import gc
import json
import os
import weakref
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, Final, Generic, TypeAlias, TypeVar

import anyio
import attrs
from hypothesis import assume, reject
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from orket._answers import CHECKS
from orket._codec import codec, to_json
from orket._fit import misfits
from orket._wiring import KINDS
from orket.contracts import CONTRACT_VERSION
from orket.errors import NodeError
from orket.testing._outcome import outcome, quickest
from orket.testing._suite import ContractSuite, rule
from orket.testing._watch import Steps, restored_process, unchanged_process

N = TypeVar("N")
A = TypeVar("A")
Call: TypeAlias = tuple[str, tuple[Any, ...]]  # a method's name and its arguments
_LIMIT: Final = 10.0  # seconds after which a call that was cancelled counts as hanging
_CONCURRENT: Final = 4


def calls_of(suite: "type[NodeContract[Any]]") -> SearchStrategy[Call]:
    """Return what generates calls of all methods of a kind, each with a question of its own."""
    return st.one_of([st.tuples(st.just(method), args) for method, args in suite.questions().items()])


def _ordinary(suite: "type[NodeContract[Any]]") -> SearchStrategy[Call]:
    return st.sampled_from(sorted(suite.ordinary().items()))


def _lasting(suite: "type[NodeContract[Any]]") -> SearchStrategy[Call]:
    """Generate questions of any size, and the largest ones: what blocks may wait for a rare one, or for a large one."""
    large = [st.tuples(st.just(method), args) for method, args in suite.large_questions().items()]
    return st.one_of(calls_of(suite), st.one_of(large))


def _batches(suite: "type[NodeContract[Any]]") -> SearchStrategy[list[Call]]:
    return st.lists(calls_of(suite), min_size=2, max_size=_CONCURRENT)


class NodeContract(ContractSuite, Generic[N]):
    """The rules of every kind of node. A subclass of a kind's suite defines :meth:`make_node`, and nothing else.

    Attributes:
        kind: The kind of node.
        errors: What the node may raise beside :class:`~orket.errors.NodeError`.
        deterministic: Whether two new nodes give the same answer to the same question.
        stateful: Whether a node's answer may depend on what it was asked before.
        budget: Seconds for which one step of an answer may keep the event loop.
    """

    kind: ClassVar[str] = ""
    subject: ClassVar[str] = "make_node"
    backends: ClassVar[tuple[str, ...]] = ()
    errors: ClassVar[tuple[type[Exception], ...]] = ()
    deterministic: ClassVar[bool] = True
    stateful: ClassVar[bool] = False
    budget: ClassVar[float] = 0.25

    @abc.abstractmethod
    def make_node(self) -> N:
        """Return a new node; called again and again."""

    @classmethod
    @abc.abstractmethod
    def questions(cls) -> Mapping[str, SearchStrategy[tuple[Any, ...]]]:
        """Return by method what generates its arguments: every well-formed question, the strange ones among them."""

    @classmethod
    @abc.abstractmethod
    def ordinary(cls) -> Mapping[str, tuple[Any, ...]]:
        """Return by method the arguments of a question that every node must answer."""

    @classmethod
    def large_questions(cls) -> Mapping[str, SearchStrategy[tuple[Any, ...]]]:
        """Return by method what generates the largest questions that the core asks."""
        return cls.questions()

    async def ask(self, method: str, *args: Any, node: N | None = None, steps: Steps | None = None) -> Any:
        """Return the answer of *node* (default: a new one).

        An example without an answer does not count, so that one defect fails one rule: raising is the business of rules
        02 and 09. A node that never answers fails all rules.
        """
        asked = self.make_node() if node is None else node
        try:
            return await (steps or Steps()).watch(lambda: getattr(asked, method)(*_copied(args)))
        except (Exception, SystemExit, KeyboardInterrupt, GeneratorExit):  # noqa: BLE001 - the seam that calls foreign code
            reject()

    async def attempt(self, method: str, *args: Any) -> tuple[Any, Exception | None]:
        """Return the answer of a new node and None, or None and what it raises; for rules about declining."""
        node = self.make_node()
        try:
            return await Steps().watch(lambda: getattr(node, method)(*_copied(args))), None
        except Exception as error:  # noqa: BLE001 - the seam that calls foreign code
            return None, error
        except (SystemExit, KeyboardInterrupt, GeneratorExit):
            reject()

    async def valid(self, method: str, *args: Any, answer: type[A]) -> A:
        """Return the answer of a new node; one of another type makes the example not count: that is rule 11's."""
        found = await self.ask(method, *args)
        if type(found) is not answer:
            reject()
        given: A = found
        return given

    def unusable(self) -> str | None:
        """Return why the node cannot even be called, or None."""
        try:
            return next(misfits(self.make_node(), KINDS[self.kind].protocol), None)
        except Exception as error:  # noqa: BLE001 - the seam that calls foreign code
            return f"make_node() raises {type(error).__name__}"

    @rule("01")
    async def fits_its_protocol(self) -> None:
        """A node has every method of its protocol, each callable as the core calls it, async only where it may be, and
        was written for this contract version.
        """
        node, spec = self.make_node(), KINDS[self.kind]
        faults = list(misfits(node, spec.protocol, may_be_async=spec.may_be_async))
        assert not faults, f"{self.kind} node {type(node).__name__} {'; '.join(faults)}"
        version = getattr(node, "contract_version", CONTRACT_VERSION)
        assert type(version) is int, f"contract_version is {version!r}"
        assert version == CONTRACT_VERSION, f"was written for contract version {version}, this is {CONTRACT_VERSION}"

    @rule("02", call=calls_of, ordinary=_ordinary)
    async def answers_every_question(self, call: Call, ordinary: Call) -> None:
        """A node answers every well-formed question, or declines with NodeError or a declared error; an ordinary
        question it answers.
        """
        declared: tuple[type[Exception], ...] = (NodeError, *self.errors)
        for method, args in (call, ordinary):
            node = self.make_node()
            try:
                await Steps().watch(lambda: getattr(node, method)(*_copied(args)))  # noqa: B023 - awaited at once
            except declared:
                assert method != ordinary[0] or args is not ordinary[1], f"{method} declines an ordinary question"
            except Exception as error:
                raise AssertionError(f"{method} raises {type(error).__name__}: {error}") from error
            except (SystemExit, KeyboardInterrupt, GeneratorExit):
                reject()

    @rule("03", call=calls_of)
    async def changes_no_question(self, call: Call) -> None:
        """A node leaves its question as it was."""
        method, args = call
        given = _copied(args)
        before = repr(given)  # of what is nested, too: a copy of a question shares its mappings
        node = self.make_node()
        with contextlib.suppress(Exception, SystemExit):
            await Steps().watch(lambda: getattr(node, method)(*given))
        assert repr(given) == before, f"{method} changed its question"

    @rule("04", call=calls_of, share=0.5)
    async def keeps_no_question(self, call: Call) -> None:
        """A node lets go of its question once it has answered."""
        method, args = call
        given = list(_copied(args))
        watched = [weakref.ref(arg) for arg in given if attrs.has(type(arg))]
        node = self.make_node()
        with contextlib.suppress(Exception, SystemExit):
            await Steps().watch(lambda: getattr(node, method)(*given))
        given.clear()
        if any(ref() is not None for ref in watched):
            gc.collect()
        kept = [type(ref()).__name__ for ref in watched if ref() is not None]
        assert not kept, f"{method} keeps {', '.join(kept)} after it has answered"

    @rule("05", needs="deterministic", call=calls_of)
    async def answers_alike(self, call: Call) -> None:
        """Two nodes made alike give the same answer to the same question."""
        method, args = call
        first, node = await self.ask(method, *args), self.make_node()
        with self.elsewhere():
            second = await self.ask(method, *args, node=node)
        assert self.alike(first, second), f"{method} answers {first!r:.500}, and another time {second!r:.500}"

    @rule("06", calls=_batches, share=0.5)
    async def answers_one_by_one(self, calls: list[Call]) -> None:
        """What a node is asked before, or at the same time, does not mix into its answer."""
        node = self.make_node()
        answers: dict[int, Any] = {}

        async def ask(index: int) -> None:
            method, args = calls[index]
            answers[index] = await self.ask(method, *args, node=node)

        await self.together(ask, len(calls))
        for index, (method, args) in enumerate(calls):
            if self.deterministic and not self.stateful:
                alone = await self.ask(method, *args)
                assume(self.alike(alone, await self.ask(method, *args)))  # else rule 05 is broken
                assert self.alike(answers[index], alone), (
                    f"{method} answers {answers[index]!r:.500} beside others, and {alone!r:.500} alone"
                )

    @rule("07", call=_lasting, share=0.4)
    async def keeps_the_loop_free(self, call: Call) -> None:
        """No step of an answer keeps the event loop longer than the declared budget, even on the largest questions."""
        method, args = call

        async def ask(steps: Steps) -> None:
            node = self.make_node()
            await outcome(lambda: getattr(node, method)(*_copied(args)), steps)

        longest = await quickest(ask, self.budget)
        assert longest <= self.budget, (
            f"{method} keeps the event loop for {longest:.3f} s; its budget is {self.budget:g} s"
        )

    @rule("09", call=calls_of)
    async def never_ends_the_process(self, call: Call) -> None:
        """A node never raises what would end its host: no SystemExit, KeyboardInterrupt or GeneratorExit."""
        method, args = call
        node = self.make_node()
        try:
            await Steps().watch(lambda: getattr(node, method)(*args))
        except Exception:  # noqa: BLE001 - rule 02 is about these
            reject()
        except (SystemExit, KeyboardInterrupt, GeneratorExit) as error:
            raise AssertionError(f"{method} raises {type(error).__name__}") from error

    @rule("10", call=calls_of)
    async def answers_can_be_stored(self, call: Call) -> None:
        """An answer is the same after it was written to JSON and read back."""
        method, args = call
        answer = await self.ask(method, *args)
        if (again := stored(answer)) is not NotImplemented:
            same = again == answer or _listed(codec().dump(again)) == _listed(codec().dump(answer))
            assert same, f"{method} answers {answer!r:.500}, which is read back as {again!r:.500}"

    @rule("11", call=calls_of)
    async def the_core_accepts_its_answers(self, call: Call) -> None:
        """The core finds nothing wrong with an answer: the net beneath the rules that name one clause each."""
        method, args = call
        wrong = CHECKS[self.kind, method](await self.ask(method, *args), *args)
        assert wrong is None, f"{method} {wrong}"

    @rule("12", call=calls_of, share=0.2)
    async def leaves_the_process_alone(self, call: Call) -> None:
        """A node prints nothing and changes nothing of its process: environment, working directory, random state."""
        method, args = call
        with unchanged_process() as changed:
            await self.ask(method, *args)
        assert not changed, f"{method} changes {', '.join(changed)}"

    def alike(self, first: Any, second: Any) -> bool:
        """Return whether two answers are the same."""
        return bool(first == second) or repr(first) == repr(second)

    @contextlib.contextmanager
    def elsewhere(self) -> Iterator[None]:
        """Change what no policy may read, since it promises purity: the process's environment and working directory."""
        with restored_process():
            os.environ.update(
                dict.fromkeys(("HOME", "PATH", "LANG", "ORKET_CONFIG_ROOT", "ORKET_ORG_NAME"), "elsewhere")
            )
            os.chdir(Path.cwd().anchor)
            yield

    async def together(self, ask: Any, count: int) -> None:
        """Call ``ask(0)`` … ``ask(count - 1)``: one after the other, as the core asks plain policies."""
        for index in range(count):
            await ask(index)


class TurnNodeContract(NodeContract[N]):
    """The rules of nodes that may be ``async def``; each runs on every backend."""

    backends: ClassVar[tuple[str, ...]] = ("asyncio", "trio")

    @contextlib.contextmanager
    def elsewhere(self) -> Iterator[None]:
        """Change nothing: these nodes promise no purity."""
        yield

    async def together(self, ask: Any, count: int) -> None:
        """Call ``ask(0)`` … ``ask(count - 1)`` at the same time."""
        async with anyio.create_task_group() as group:
            for index in range(count):
                group.start_soon(ask, index)

    @rule("08", call=calls_of, after=st.integers(0, 3), share=0.3)
    async def can_be_cancelled(self, call: Call, after: int) -> None:
        """A cancelled call ends at once with the cancellation, leaves no task behind, and the next one is answered."""
        method, args = call
        node, scope = self.make_node(), anyio.CancelScope()
        steps = Steps(scope=scope)
        steps.on_suspend = lambda count: scope.cancel() if count > after else None
        tasks = len(anyio.get_running_tasks())
        with anyio.move_on_after(_LIMIT) as limit, scope:
            if after == 0:
                scope.cancel()
            await self.ask(method, *args, node=node, steps=steps)
        assert not limit.cancelled_caught, f"{method} does not end within {_LIMIT:g} s after it was cancelled"
        assert scope.cancelled_caught or not steps.thrown, f"{method} swallows its cancellation"
        await anyio.lowlevel.checkpoint()
        assert len(anyio.get_running_tasks()) <= tasks, f"{method} leaves a task behind when it is cancelled"
        await self.ask(method, *args)  # else rule 02 is broken
        with anyio.move_on_after(_LIMIT) as limit:
            found = await outcome(lambda: getattr(node, method)(*_copied(args)))
            assert self.stateful or found.error is None, f"after a cancellation {method} {found.words}"
        assert not limit.cancelled_caught, f"after a cancellation {method} does not answer within {_LIMIT:g} s"


def _copied(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return arguments that nobody else has, so that what a node does to them stays without effect on other rules."""
    return tuple([copy.copy(arg) if attrs.has(type(arg)) or isinstance(arg, dict) else arg for arg in args])


def _listed(value: Any) -> Any:
    """Return data whose sequences are lists and whose mappings are dicts: JSON does not tell them apart."""
    if isinstance(value, Mapping):
        return {key: _listed(item) for key, item in value.items()}
    return [_listed(item) for item in value] if isinstance(value, list | tuple) else value


def stored(answer: Any) -> Any:
    """Return an answer as it comes back from the record, or NotImplemented for what is never stored (services)."""
    if attrs.has(type(answer)):
        return codec().load(json.loads(to_json(codec().dump(answer))), type(answer))
    if isinstance(answer, tuple):
        items = [stored(item) for item in answer]
        return NotImplemented if any(item is NotImplemented for item in items) else tuple(items)
    if isinstance(answer, Path):
        return Path(json.loads(to_json(str(answer))))
    if answer is None or isinstance(answer, str | bool | int | float):
        return json.loads(to_json(answer))
    if isinstance(answer, Mapping):
        return json.loads(to_json(dict(answer)))
    return NotImplemented
