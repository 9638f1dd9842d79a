"""What a tool owes."""

import copy
import json
import re
from collections.abc import Mapping
from functools import partial
from secrets import token_hex
from typing import Any, ClassVar, Final, cast, get_args

import anyio
from hypothesis import assume
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from orket._codec import canonical_json, codec
from orket._fit import misfits
from orket.cards import JsonValue
from orket.contracts import BoardRequest, EffectClass, ReconcilingTool, Settlement, Tool, ToolResult, ToolSpec
from orket.errors import ToolError
from orket.testing._outcome import Outcome, check_cancelling, outcome, quickest
from orket.testing._schemas import Arguments, malformed, properties, required
from orket.testing._suite import rule
from orket.testing._watch import Steps, unchanged_process
from orket.testing.strategies import hostile_calls, json_values
from orket.testing.suites._tool_hooks import ToolHooks, plainly, refused, same

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")  # what model servers accept
_REQUESTS: Final = get_args(BoardRequest)
_OUTSIDE: Final = frozenset({EffectClass.READ, EffectClass.NONE})


def _arguments(suite: "type[ToolContract]") -> SearchStrategy[dict[str, JsonValue]]:
    return suite.arguments()


def _batches(suite: "type[ToolContract]") -> SearchStrategy[list[dict[str, JsonValue]]]:
    return st.lists(suite.arguments(), min_size=2, max_size=3)


def _malformed(suite: "type[ToolContract]") -> SearchStrategy[tuple[str, str, Arguments]]:
    """Generate arguments that are wrong at one key: the way, the key, and the arguments."""

    def wrong() -> SearchStrategy[tuple[str, str, Arguments]]:
        found = list(malformed(suite().make_tool().spec.parameters))
        return st.sampled_from(found)

    return st.deferred(wrong)


_KEYS: Final = st.sampled_from(["path", "x", "", "é"])
_HOSTILE: Final[SearchStrategy[Arguments]] = st.one_of(
    hostile_calls(()).map(lambda call: dict(call.arguments)), st.dictionaries(_KEYS, json_values(), max_size=3)
)


def _anything(suite: "type[ToolContract]") -> SearchStrategy[Arguments]:
    return st.one_of(_HOSTILE, _malformed(suite).map(lambda it: it[2]))


class ToolContract(ToolHooks):
    """The rules of tools. A subclass defines :meth:`make_tool`, and :meth:`arguments` where the schema says too little.

    Attributes:
        deterministic: The same arguments in an equal context give the same result.
        budget: Seconds for which one step of a run may keep the event loop.
    """

    prefix: ClassVar[str] = "tool"
    deterministic: ClassVar[bool] = True
    budget: ClassVar[float] = 0.25

    @rule("20", arguments=_arguments, share=0.1)
    async def fits_its_port(self, arguments: Arguments) -> None:
        """A tool has a spec, a plain method bind that takes arguments, and a method run that takes what bind returned
        and a context, and returns what can be awaited.
        """
        tool = self.make_tool()
        faults = list(misfits(tool, Tool))
        assert not faults, f"{type(tool).__name__} {'; '.join(faults)}"
        assert isinstance(tool.spec, ToolSpec), f"spec is a {type(tool.spec).__name__}"
        bound = self.bound(tool, arguments)
        assert not hasattr(type(bound), "__await__"), "bind returns something to await"
        with self.context() as context:
            made = (await outcome(lambda: (tool.run(bound, context),))).answer
            assume(made is not None)  # else it raised at once
            awaitable = hasattr(type(made[0]), "__await__")
            await outcome(lambda: made[0])
        assert awaitable, f"run returns a {type(made[0]).__name__}, not something to await"

    @rule("21")
    async def has_a_name_that_servers_accept(self) -> None:
        """A tool's name has letters, digits, _ and -, does not begin with a digit, and has at most 64 characters."""
        name: Any = self.make_tool().spec.name
        assert isinstance(name, str), f"the name is {name!r:.200}"
        assert _NAME.fullmatch(name), f"the name is {name!r:.200}; valid: {_NAME.pattern}"

    @rule("22")
    async def says_what_it_does(self) -> None:
        """A tool's description tells the model in words what it does."""
        text: Any = self.make_tool().spec.description
        assert isinstance(text, str), f"the description is {text!r:.200}"
        assert text.strip(), "the description is empty"

    @rule("23")
    async def its_schema_is_of_an_object(self) -> None:
        """The parameters are a JSON Schema of type object; its properties are schemas, the required ones among them."""
        schema: Any = self.make_tool().spec.parameters
        assert isinstance(schema, Mapping), f"parameters are a {type(schema).__name__}"
        assert schema.get("type") == "object", f"the type of the parameters is {schema.get('type')!r}"
        for name, one in properties(schema).items():
            assert isinstance(one, Mapping), f"the schema of {name!r} is {one!r:.100}"
        strangers = [name for name in required(schema) if name not in properties(schema)]
        assert not strangers, f"required arguments that are no properties: {strangers}"

    @rule("24")
    async def its_schema_is_json(self) -> None:
        """The parameters are the same after they were written to JSON and read back."""
        schema: Any = self.make_tool().spec.parameters
        try:
            again = json.loads(canonical_json(_plain(schema)))
        except (TypeError, ValueError) as error:
            raise AssertionError(f"the parameters cannot be written to JSON: {error}") from error
        assert again == _plain(schema), "the parameters are read back as others"

    @rule("25")
    async def declares_its_effect(self) -> None:
        """A tool declares what running it again would do, as an EffectClass."""
        effect: Any = self.make_tool().spec.effect
        assert isinstance(effect, EffectClass), f"the effect is {effect!r:.100}"

    @rule("26")
    async def destruction_is_confirmed(self) -> None:
        """A destructive tool has an argument confirm, which the gate asks for."""
        spec = self.make_tool().spec
        confirmed = "confirm" in properties(spec.parameters)
        assert not spec.destructive or confirmed, "destructive, but has no argument confirm"

    @rule("27", arguments=_arguments, share=0.2)
    async def its_spec_is_stable(self, arguments: Arguments) -> None:
        """The spec is the same whenever it is read: before and after a run, and of two tools made alike."""
        tool = self.make_tool()
        before = copy.deepcopy(tool.spec)
        with self.context() as context:
            bound = self.bound(tool, arguments)
            await outcome(lambda: tool.run(bound, context))
        assert tool.spec == before, "the spec changes with a run"
        assert self.make_tool().spec == before, "another tool made alike has another spec"

    @rule("28", arguments=_arguments)
    async def binds_what_fits(self, arguments: Arguments) -> None:
        """Well-formed arguments are bound."""
        error = refused(self.make_tool(), arguments)
        assert error is None, f"bind refuses {arguments!r:.300}: {error!r:.300}"

    @rule("29", wrong=_malformed)
    async def refuses_extra_keys(self, wrong: tuple[str, str, Arguments]) -> None:
        """Arguments with a key that the schema does not have are refused."""
        self._refuses("extra", wrong)

    @rule("30", wrong=_malformed)
    async def refuses_missing_keys(self, wrong: tuple[str, str, Arguments]) -> None:
        """Arguments without a required key are refused."""
        self._refuses("missing", wrong)

    @rule("31", wrong=_malformed)
    async def coerces_nothing(self, wrong: tuple[str, str, Arguments]) -> None:
        """A value of another type than the schema's is refused, even where it could be turned into the right one."""
        self._refuses("type", wrong)

    def _refuses(self, way: str, wrong: tuple[str, str, Arguments]) -> None:
        found, key, arguments = wrong
        if found == way:  # not assume(): a tool may have no required keys
            assert refused(self.make_tool(), arguments), f"bind takes {arguments!r:.300}, wrong ({way}) at {key!r}"

    @rule("32", wrong=_malformed)
    async def refusals_name_the_key(self, wrong: tuple[str, str, Arguments]) -> None:
        """A refusal names the argument that is wrong."""
        _, key, arguments = wrong
        error = refused(self.make_tool(), arguments)
        if isinstance(error, ToolError):
            assert key in str(error), f"{key!r} is wrong, and bind says {str(error)!r:.300}"

    @rule("33", arguments=_anything)
    async def raises_only_tool_errors(self, arguments: Arguments) -> None:
        """Whatever JSON it is given, bind returns or raises ToolError."""
        error = refused(self.make_tool(), arguments)
        assert error is None or isinstance(error, ToolError), f"bind raises {error!r:.300}"

    @rule("34", arguments=_arguments)
    async def bind_changes_no_arguments(self, arguments: Arguments) -> None:
        """Binding leaves the arguments as they were."""
        given = copy.deepcopy(arguments)
        refused(self.make_tool(), given)
        assert repr(given) == repr(arguments), "bind changed its arguments"

    @rule("35", arguments=_arguments)
    async def binds_alike(self, arguments: Arguments) -> None:
        """The same arguments are bound to the same value, however often."""
        tool = self.make_tool()
        first, second = self.bound(tool, arguments), self.bound(tool, arguments)
        assert same(first, second), f"bind returns {first!r:.200}, and another time {second!r:.200}"

    @rule("36", arguments=_arguments, share=0.2)
    async def bind_is_pure(self, arguments: Arguments) -> None:
        """Binding has no effect: nothing can be observed, nothing is printed, nothing of the process changes."""
        with self.context() as context:
            before = self.observe(context)
            with unchanged_process() as changed:
                refused(self.make_tool(), arguments)
            assert not changed, f"bind changes {', '.join(changed)}"
            assert self.observe(context) == before, "bind has an effect"

    @rule("37", arguments=_arguments, share=0.5)
    async def runs_to_a_result(self, arguments: Arguments) -> None:
        """A run returns a ToolResult that says whether it succeeded."""
        found = await self.run(arguments)
        assume(found.error is None)
        assert isinstance(found.answer, ToolResult), f"run returns a {type(found.answer).__name__}"
        assert type(found.answer.ok) is bool, f"ok is {found.answer.ok!r:.100}"

    @rule("38", arguments=_arguments, share=0.5)
    async def its_output_is_text(self, arguments: Arguments) -> None:
        """The output of a result is a text."""
        output: Any = (await self.result(arguments)).output
        assert isinstance(output, str), f"the output is a {type(output).__name__}"

    @rule("39", arguments=_arguments, share=0.5)
    async def its_requests_are_requests(self, arguments: Arguments) -> None:
        """The requests of a result are a tuple of what the board can be asked for."""
        requests: Any = (await self.result(arguments)).requests
        assert isinstance(requests, tuple), f"requests are a {type(requests).__name__}"
        for request in requests:
            assert isinstance(request, _REQUESTS), f"requests have a {type(request).__name__}"

    @rule("40", arguments=_arguments, share=0.5)
    async def results_can_be_recorded(self, arguments: Arguments) -> None:
        """A result's requests are the same after they were written to JSON and read back."""
        requests: Any = (await self.result(arguments)).requests
        assume(isinstance(requests, tuple))
        for request in [it for it in requests if isinstance(it, _REQUESTS)]:
            again = codec().load(json.loads(canonical_json(codec().dump(request))), type(request))
            assert again == request, f"{request!r:.200} is read back as {again!r:.200}"

    @rule("41", arguments=_arguments, share=0.5)
    async def never_ends_the_process(self, arguments: Arguments) -> None:
        """A run never raises what would end its host: no SystemExit, KeyboardInterrupt or GeneratorExit."""
        found = await self.run(arguments)
        assert found.error is None or isinstance(found.error, Exception), f"run {found.words}"

    @rule("42", arguments=_arguments, share=0.5)
    async def run_changes_no_arguments(self, arguments: Arguments) -> None:
        """A run leaves its arguments as they were bound, and its context as it was."""
        tool = self.make_tool()
        bound = self.bound(tool, arguments)
        with self.context() as context:
            before = plainly(bound), repr(context)
            await outcome(lambda: tool.run(bound, context))
            assert plainly(bound) == before[0], "run changed its arguments"
            assert repr(context) == before[1], "run changed its context"

    @rule("43", arguments=_arguments, share=0.5)
    async def looking_changes_nothing(self, arguments: Arguments) -> None:
        """A tool of effect none or read has no effect that can be observed."""
        if self.make_tool().spec.effect not in _OUTSIDE:
            return
        with self.context() as context:
            before = self.observe(context)
            await self.run(arguments, context=context)
            assert self.observe(context) == before, "a run changes what it only looks at"

    @rule("44", arguments=_arguments, share=0.5)
    async def running_again_is_harmless(self, arguments: Arguments) -> None:
        """A repeated run of an idempotent tool, with the same key, leaves everything as the first one left it."""
        if self.make_tool().spec.effect is not EffectClass.IDEMPOTENT:
            return
        with self.context() as context:
            await self.run(arguments, context=context)
            once = self.observe(context)
            await self.run(arguments, context=context)
            assert self.observe(context) == once, "a second run with the same key has an effect"

    @rule("45", needs="deterministic", batch=_batches, share=0.3)
    async def runs_do_not_mix(self, batch: list[Arguments]) -> None:
        """What runs at the same time, in contexts of their own, does not mix into a result."""
        tool = self.make_tool()
        bound = [self.bound(tool, arguments) for arguments in batch]
        found: dict[int, Outcome] = {}

        async def run(index: int) -> None:
            with self.context(f"{index}" * 64) as context:
                found[index] = await outcome(lambda: tool.run(bound[index], context))

        async with anyio.create_task_group() as group:
            for index in range(len(batch)):
                group.start_soon(run, index)
        for index, arguments in enumerate(batch):
            if isinstance(found[index].answer, ToolResult):
                with self.context(f"{index}" * 64) as context:
                    alone = await self.result(arguments, context=context)
                assert found[index].answer == alone, f"{found[index].words} beside others, and {alone!r:.300} alone"

    @rule("46", arguments=_arguments, after=st.integers(0, 3), share=0.2)
    async def can_be_cancelled(self, arguments: Arguments, after: int) -> None:
        """A cancelled run ends with the cancellation, at once or when what cannot be stopped is done, and leaves no
        task behind.
        """
        tool = self.make_tool()
        bound = self.bound(tool, arguments)
        with self.context() as context:
            await check_cancelling(lambda: tool.run(bound, context), after=after)

    @rule("47", arguments=_arguments, share=0.05)
    async def keeps_the_loop_free(self, arguments: Arguments) -> None:
        """No step of a run keeps the event loop longer than the declared budget."""

        async def run(steps: Steps) -> None:
            await self.run(arguments, steps=steps)

        longest = await quickest(run, self.budget)
        assert longest <= self.budget, f"keeps the event loop for {longest:.3f} s; its budget is {self.budget:g} s"

    @rule("48", arguments=_arguments, share=0.2)
    async def leaves_the_process_alone(self, arguments: Arguments) -> None:
        """A run prints nothing and changes nothing of its process: environment, working directory, random state."""
        tool = self.make_tool()
        bound = self.bound(tool, arguments)
        with self.context() as context, unchanged_process() as changed:
            await outcome(lambda: tool.run(bound, context))
        assert not changed, f"run changes {', '.join(changed)}"

    @rule("49", arguments=_arguments, share=0.2)
    async def can_be_asked(self, arguments: Arguments) -> None:
        """A tool that can be asked what became of an effect answers with a Settlement or None, whatever the key, and
        raises nothing.
        """
        tool = self.make_tool()
        if not isinstance(tool, ReconcilingTool):
            return
        async with self.ran(tool, arguments) as (context, _):
            for key in (context.key, token_hex(32)):
                found = await outcome(partial(tool.reconcile, key))
                assert found.error is None, f"reconcile {found.words}"
                assert _is_settlement(found.answer), f"reconcile {found.words}; valid: a Settlement, or None"

    @rule("50", arguments=_arguments, share=0.2)
    async def reconciles_truthfully(self, arguments: Arguments) -> None:
        """Asked by its key, a run that succeeded is never said not to have happened, by no tool made alike, nor one
        that never began to have happened.
        """
        tool = self.make_tool()
        if not isinstance(tool, ReconcilingTool):
            return
        never = (await outcome(partial(tool.reconcile, token_hex(32)))).answer
        assert not (isinstance(never, Settlement) and never.ran), f"says of what never began: {never!r:.200}"
        async with self.ran(tool, arguments) as (context, found):
            assume(isinstance(found.answer, ToolResult) and found.answer.ok)
            for asked in (tool, cast("ReconcilingTool", self.make_tool())):
                told = (await outcome(partial(asked.reconcile, context.key))).answer
                assert not isinstance(told, Settlement) or told.ran, f"says of what has happened: {told!r:.200}"

    @rule("51", arguments=_arguments, share=0.2)
    async def asking_changes_nothing(self, arguments: Arguments) -> None:
        """Asking what became of an effect has no effect that can be observed."""
        tool = self.make_tool()
        if not isinstance(tool, ReconcilingTool):
            return
        async with self.ran(tool, arguments) as (context, _):
            before = self.observe(context)
            await outcome(partial(tool.reconcile, context.key))
            assert self.observe(context) == before, "reconcile has an effect"


def _is_settlement(answer: Any) -> bool:
    """Return whether an answer is of use: attrs does not look at the types of what it is given."""
    if not isinstance(answer, Settlement):
        return answer is None
    types: tuple[type, ...] = (type(answer.ran), type(answer.ok), type(answer.output))
    return types == (bool, bool, str)


def _plain(value: Any) -> Any:
    """Return JSON data with plain dicts and lists, so that it can be compared with what was read back."""
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value
