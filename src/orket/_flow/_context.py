"""What stays the same for all turns of a run, and what they share."""

from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from attrs import Attribute, Factory, field, frozen

from orket._flow._evidence import Prover
from orket._flow._notes import Notes
from orket._flow._recollection import Recollection
from orket._flow._tally import Tally
from orket._value import Value
from orket._wiring import Wiring
from orket.cards import Epic
from orket.contracts import Clock, ModelClient, Receipt, Store, Tool, ToolSpec
from orket.errors import WiringError
from orket.events import Digest
from orket.governance import ToolGate
from orket.organization import Dialect, Environment, Organization, Team
from orket.tools import ToolRuntimeExecutor
from orket.tools._threads import WorkerThreads


def _above_zero(_limits: object, field: "Attribute[Any]", value: object) -> None:
    whole = field.name == "rounds"
    if isinstance(value, bool) or not isinstance(value, int if whole else int | float) or not value > 0:
        what = "a whole number" if whole else "seconds"
        raise WiringError([f"limits: {field.name} is {value!r:.80}; valid: {what} above 0"])


@frozen(kw_only=True, repr=False, eq=False)
class Limits(Value):
    """Bounds of a turn: how many rounds, and seconds of a claim's lease, a tool call, a node, a host's gate rules."""

    rounds: int = field(default=8, validator=_above_zero)
    lease: float = field(default=60.0, validator=_above_zero)
    tool: float = field(default=120.0, validator=_above_zero)
    node: float = field(default=60.0, validator=_above_zero)
    rule: float = field(default=5.0, validator=_above_zero)


@frozen(kw_only=True, repr=False, eq=False)
class RunContext(Value):
    """What stays the same for all turns of a run."""

    run: str
    build: str
    owner: str
    epic: Epic  # without its issues: the board has them
    planned: int  # how many issues the epic's asset lists
    organization: Organization
    team: Team
    environment: Environment
    families: tuple[str, ...]
    dialect: Callable[[str], Dialect]
    wiring: Wiring
    store: Store
    model: ModelClient
    tools: Mapping[str, Tool]
    specs: Mapping[str, ToolSpec]
    gate: ToolGate
    host_gate: ToolGate | None
    executor: ToolRuntimeExecutor
    prover: Prover
    recollection: Recollection
    clock: Clock
    workspace: Path
    started_at: float
    context_window: int
    evaluator_waits: bool = False
    limits: Limits = Limits()
    model_override: str = ""
    user_preference: str = ""
    separation_of_duties: bool = False
    tally: Tally = field(factory=Tally)
    rule_threads: WorkerThreads = field(factory=lambda: WorkerThreads(16))  # a host's rule that hangs keeps one of them
    history: dict[str, deque[str]] = field(factory=dict)
    workers: dict[str, tuple[str, ...]] = field(factory=dict)  # issue -> the seats that have worked on it
    notes: Notes = field(default=Factory(lambda self: Notes(self.context_window), takes_self=True))
    stored_prompts: dict[str, Digest] = field(factory=dict)
    stored_texts: dict[str, Digest] = field(factory=dict)
    role_orders: dict[tuple[tuple[str, ...], bool], tuple[str, ...]] = field(factory=dict)
    model_dialects: dict[str, str] = field(factory=dict)

    def recall(self, issue_id: str) -> deque[str]:
        """Return the history of an issue, oldest entry first, cut to the context window."""
        if (known := self.history.get(issue_id)) is None:
            known = self.history[issue_id] = deque(maxlen=self.context_window)
        return known

    def saw(self, receipt: Receipt, *, turns: int = 0) -> None:
        """Take over where a commit of the run went, and how many turns it was charged for."""
        self.tally.add(receipt, turns)
        self.recollection.saw(receipt)
