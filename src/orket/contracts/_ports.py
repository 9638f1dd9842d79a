"""Ports: the pluggable *doing*. A port may touch the world; a node may not."""

import enum
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal, Protocol, TypeAlias, runtime_checkable

from attrs import field, frozen

from orket._value import Value
from orket.cards import EMPTY, Issue, JsonValue, Scenario, ScenarioResult, Verification, VerificationResult
from orket.contracts._requests import BoardRequest
from orket.events import TurnKind


class EffectClass(enum.StrEnum):
    """What running a tool again would do to the world outside the store.

    ``NONE`` acts on the record only, inside the turn's own commit. ``READ`` and ``IDEMPOTENT`` may run again with the
    same key. ``AT_MOST_ONCE`` never runs again by itself.
    """

    NONE = "none"
    READ = "read"
    IDEMPOTENT = "idempotent"
    AT_MOST_ONCE = "at_most_once"


@frozen(kw_only=True, repr=False, eq=False)
class ToolSpec(Value):
    """What a model is told about a tool: ``parameters`` is a JSON Schema of type ``object``."""

    name: str
    description: str
    parameters: Mapping[str, JsonValue]
    effect: EffectClass = EffectClass.READ
    destructive: bool = False  # the gate asks for an argument ``confirm: true``


@frozen(kw_only=True, repr=False, eq=False)
class ToolCall(Value):
    """A call as the parser read it: ``id`` ties the result to a native call, "" for calls found in text."""

    name: str
    arguments: Mapping[str, JsonValue]
    id: str = ""


@frozen(kw_only=True, repr=False, eq=False)
class RawToolCall(Value):
    """A native tool call as the server sent it; ``arguments`` is JSON text, or an object if the protocol has it so."""

    name: str
    arguments: str | Mapping[str, JsonValue]
    id: str = ""


@frozen(kw_only=True, repr=False, eq=False)
class Message(Value):
    """One message of a prompt. ``calls`` only on assistant messages, ``call_id`` only on tool messages."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str
    calls: tuple[ToolCall, ...] = ()
    call_id: str = ""
    name: str = ""


@frozen(kw_only=True, repr=False, eq=False)
class TurnBrief(Value):
    """Which turn a request belongs to; a Python agent reads it instead of parsing the prompt."""

    run: str
    turn: int
    round: int
    kind: TurnKind
    issue: Issue
    seat: str
    roles: tuple[str, ...]
    verification: VerificationResult | None = None


@frozen(kw_only=True, repr=False, eq=False)
class ModelRequest(Value):
    """One model exchange. ``timeout`` is seconds for the whole exchange; ``params`` go to the server unchanged."""

    model: str
    messages: tuple[Message, ...]
    tools: tuple[ToolSpec, ...] = ()
    temperature: float = 0.0
    seed: int | None = None
    timeout: float = 300.0
    params: Mapping[str, JsonValue] = EMPTY
    response_schema: Mapping[str, JsonValue] | None = None
    brief: TurnBrief | None = None


@frozen(kw_only=True, repr=False, eq=False)
class Usage(Value):
    """Tokens a reply cost, as the server counted them; 0 where it did not say."""

    prompt_tokens: int = 0
    completion_tokens: int = 0


@frozen(kw_only=True, repr=False, eq=False)
class ModelReply(Value):
    """What a model answered."""

    text: str = ""
    tool_calls: tuple[RawToolCall, ...] = ()
    usage: Usage = Usage()
    model: str = ""
    finish_reason: str = "stop"


@runtime_checkable
class ModelClient(Protocol):
    """Answers model requests."""

    async def complete(self, request: ModelRequest, /) -> ModelReply:
        """Answer *request*.

        Must be safe to call concurrently, must run on asyncio and trio, must leave nothing running when cancelled.

        Raises:
            ModelError: of the subclass that says what happened.
        """
        ...


@frozen(kw_only=True, repr=False, eq=False)
class ToolContext(Value):
    """Where a tool runs: whose turn it is, and the ways to the workspace and the board.

    ``key`` is the effect key: the same for a repeated run of the same call. ``find_issue`` reads the board.
    """

    run: str
    build: str
    issue: Issue
    seat: str
    roles: tuple[str, ...]
    turn: int
    workspace: Path
    key: str
    find_issue: Callable[[str], Issue | None] = field(default=lambda _id: None)
    comments: tuple[str, ...] = ()


@frozen(kw_only=True, repr=False, eq=False)
class ToolResult(Value):
    """What a tool gave back. ``output`` goes to the model; ``requests`` are applied in the turn's next commit."""

    ok: bool
    output: str
    requests: tuple[BoardRequest, ...] = ()


@runtime_checkable
class Tool(Protocol):
    """Something a model may call, when the gate allows it.

    ``bind`` turns arguments into the typed value that ``run`` takes. It must be pure and strict (no extra keys, no
    coercion) and raise :class:`~orket.errors.ToolError` that says what was found, where, and what is valid.
    """

    @property
    def spec(self) -> ToolSpec:
        """What the model is told."""
        ...

    def bind(self, arguments: Mapping[str, JsonValue], /) -> object:
        """Return the typed arguments, or raise ToolError."""
        ...

    async def run(self, bound: object, context: ToolContext, /) -> ToolResult:
        """Act. Whatever it raises becomes a failed result, never a crash of the turn."""
        ...


@frozen(kw_only=True, repr=False, eq=False)
class Settlement(Value):
    """What became of an effect whose outcome was not known.

    ``ran`` False: it did not happen, and may run now. Where it did, ``ok`` and ``output`` are its result, which the
    model is told.
    """

    ran: bool
    ok: bool = True
    output: str = ""


@runtime_checkable
class ReconcilingTool(Tool, Protocol):
    """A tool that can be asked what became of an effect: its service knows the keys that it was called with."""

    async def reconcile(self, key: str, /) -> Settlement | None:
        """Return whether the effect of this key happened; None where that cannot be known.

        An orchestrator that lost its claim may not have noticed yet: as long as an earlier call of this key may still
        act, the answer is None, unless the service refuses a second one of the same key.
        Asked when a turn is resumed, before its issue is left waiting, and at the beginning of every run for issues
        that wait. Must have no effect. What it raises counts as None.
        """
        ...


class Isolation(enum.StrEnum):
    """How far a fixture is kept from the rest of the machine; the strongest level first."""

    BUBBLEWRAP = "bubblewrap"
    LANDLOCK = "landlock+seccomp"
    RLIMITS = "rlimits"

    def meets(self, minimum: "Isolation") -> bool:
        """Return whether this level is *minimum* or a stronger one."""
        ladder = tuple(Isolation)
        return ladder.index(self) <= ladder.index(minimum)


@runtime_checkable
class Verifier(Protocol):
    """Runs an issue's fixture."""

    async def verify(self, verification: Verification, workspace: Path, /) -> VerificationResult:
        """Run the fixture with all its scenarios.

        A failing or hanging fixture is a result, not an error.

        Raises:
            FixtureRefusedError: the fixture lies outside ``verification/``.
            IsolationError: the machine is weaker than what is demanded; nothing ran.
            VerificationError: the fixture cannot be run at all.
        """
        ...


@runtime_checkable
class SandboxLookup(Protocol):
    """Says where the sandbox of an issue is reached; what builds sandboxes is one."""

    async def find_api(self, issue: Issue, /) -> str:
        """Return the base URL of the API of the issue's running sandbox, such as ``http://127.0.0.1:8001``.

        Raises:
            NoSandboxError: none runs; says why, and what helps.
        """
        ...


@runtime_checkable
class EndpointVerifier(Protocol):
    """Calls the endpoints that an issue's scenarios name."""

    async def call(self, issue: Issue, scenarios: Sequence[Scenario], /) -> tuple[ScenarioResult, ...]:
        """Return what each scenario gave, in their order; an endpoint that does not answer is a result, not an error.

        Raises:
            NoSandboxError: no sandbox of the issue runs; nothing was called.
        """
        ...


@frozen(kw_only=True, repr=False, eq=False)
class TurnTask(Value):
    """A turn to be placed somewhere."""

    run: str
    build: str
    issue_id: str
    turn: int
    kind: TurnKind


TurnBody: TypeAlias = Callable[[TurnTask], Awaitable[None]]


@runtime_checkable
class TurnExecutor(Protocol):
    """Places turns; the stock one runs them where they are."""

    async def execute(self, task: TurnTask, body: TurnBody, /) -> None:
        """Run *body* with *task* to its end; running it twice changes nothing (fencing)."""
        ...


@frozen(kw_only=True, repr=False, eq=False)
class CommandResult(Value):
    """What a command gave: exit code (negative: killed by that signal), capped output, whether the time limit hit."""

    returncode: int
    stdout: str
    stderr: str
    timed_out: bool = False


@runtime_checkable
class CommandRunner(Protocol):
    """Runs external commands; no shell is ever involved."""

    async def run(
        self,
        argv: Sequence[str],
        /,
        *,
        cwd: Path,
        timeout: float,  # noqa: ASYNC109 - running out of time is a result here, not an exception
    ) -> CommandResult:
        """Run *argv* in *cwd* for at most *timeout* seconds; all its descendants are dead when this returns."""
        ...


@runtime_checkable
class Clock(Protocol):
    """The only source of time."""

    def now(self) -> float:
        """Return seconds since the epoch (UTC)."""
        ...

    async def sleep(self, seconds: float, /) -> None:
        """Wait."""
        ...


@runtime_checkable
class Service(Protocol):
    """A service that a pipeline owns (sandboxes, bug-fix phase, memory); closed when the pipeline ends."""

    async def aclose(self) -> None:
        """Release what it holds."""
        ...
