"""A crew whose nodes decide otherwise than the stock ones, and whose agents do whatever agents do."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
from attrs import evolve
from small_world import diligent, issue, open_world, organization, wish

import orket
from orket.contracts import (
    FailureAnswer,
    FailureQuestion,
    LoopQuestion,
    Message,
    ModelChoice,
    ModelQuestion,
    ModelRequest,
    Plan,
    PlanQuestion,
    Prompt,
    PromptQuestion,
    Route,
    RouteQuestion,
    SuccessAnswer,
    SuccessQuestion,
    ToolCall,
    Toolset,
    ToolsetQuestion,
    TurnKind,
)
from orket.errors import ModelContextExceededError
from orket.nodes.evaluator import DefaultEvaluatorNode
from orket.nodes.orchestration_loop import DefaultOrchestrationLoopPolicyNode
from orket.nodes.planner import DefaultPlannerNode
from orket.nodes.prompt_strategy import DefaultPromptStrategyNode
from orket.nodes.router import DefaultRouterNode
from orket.nodes.tool_strategy import DefaultToolStrategyNode


class Remembering(DefaultEvaluatorNode):
    """Remembers every good turn."""

    def evaluate_success(self, question: SuccessQuestion, /) -> SuccessAnswer:
        return evolve(super().evaluate_success(question), remember=f"{question.issue.id}: {question.report.text}"[:50])


class Strict(DefaultEvaluatorNode):
    """Wants a sandbox after every good turn, and says of every bad one whether a further one may help."""

    def evaluate_success(self, question: SuccessQuestion, /) -> SuccessAnswer:
        return evolve(super().evaluate_success(question), sandbox=True, reason="to be sure")

    def evaluate_failure(self, question: FailureQuestion, /) -> FailureAnswer:
        return evolve(super().evaluate_failure(question), remedy=f"not {question.retryable}")


class Narrowing(DefaultToolStrategyNode):
    """Narrows the schema of the status tool."""

    def compose(self, question: ToolsetQuestion, /) -> Toolset:
        answer = super().compose(question)
        return evolve(answer, tools=tuple([evolve(tool, description="Short.") for tool in answer.tools]))


class Thorough(DefaultPlannerNode):
    """Looks at the whole backlog before it plans."""

    def plan(self, question: PlanQuestion, /) -> Plan:
        assert sum(1 for _ in question.backlog) == len(question.backlog) > 0
        return super().plan(question)


class Alternating(DefaultRouterNode):
    """Gives every third version of a card to the seat that is not asked for."""

    def route(self, question: RouteQuestion, /) -> Route:
        if question.kind is TurnKind.WORK and question.issue.version % 3 == 0:
            return Route(seat="guard", reason="its turn")
        return super().route(question)


class Wordy(DefaultPromptStrategyNode):
    """Tells everything that it was told, and chooses the model by the issue's retries."""

    def select_model(self, question: ModelQuestion, /) -> ModelChoice:
        return ModelChoice(model=f"qwen-{question.issue.retry_count}", reason=question.role)

    def compose(self, question: PromptQuestion, /) -> Prompt:
        said = Message(role="user", content=repr((question.history, question.remembered, question.verification)))
        return evolve(super().compose(question), messages=(*super().compose(question).messages, said))


class Counting(DefaultOrchestrationLoopPolicyNode):
    """Decides by how many issues there are."""

    def concurrency_limit(self, question: LoopQuestion, /) -> int:
        return 1 + question.counts.total % 3

    def turn_budget(self, question: LoopQuestion, /) -> int:
        return 50 + question.counts.total


LIVELY = {
    "evaluator": Remembering,
    "orchestration_loop": Counting,
    "planner": Thorough,
    "prompt_strategy": Wordy,
    "router": Alternating,
    "tool_strategy": Narrowing,
}


def moody(seed: int) -> Callable[[ModelRequest], Any]:
    """Return an agent that does whatever agents do: talk, fail, be refused, create work, ask people, give up."""
    dice = random.Random(seed)

    async def agent(request: ModelRequest) -> Any:
        assert request.brief is not None
        await anyio.sleep(dice.choice((0, 0, 0.001)))
        is_work, roll = request.brief.kind is TurnKind.WORK, dice.random()
        comment = ToolCall(name="add_issue_comment", arguments={"comment": f"roll {roll:.2f}"})
        if roll < 0.04:
            raise (ModelContextExceededError("too long") if roll < 0.01 else OSError("gone"))
        if roll < 0.10:
            return dice.choice(["", "I think about it.", '{"tool": "write_file", "args": {"path": '])
        if roll < 0.20:
            return [comment, ToolCall(name="read_file", arguments={"path": "agent_output/none"})]
        if roll < 0.28:
            return [ToolCall(name="write_file", arguments={"path": "../out", "content": "x"})]
        if roll < 0.36 and is_work:
            path = f"agent_output/{request.brief.issue.id}.txt"
            return [comment, ToolCall(name="write_file", arguments={"path": path, "content": "x" * 50})]
        if roll < 0.42 and is_work:
            more = {"summary": "More", "seat": "coder", "depends_on": []}
            return [ToolCall(name="create_issue", arguments=more), wish("code_review", reason="and more")]
        if roll < 0.47 and is_work:
            return wish("waiting_for_developer", wait_reason="input", reason="Which?")
        if roll < 0.55 and not is_work:
            return wish("ready", reason="again")
        return diligent(request)

    return agent


def crew_of(root: Path, store: orket.MemoryStore | Path, model: Any = diligent, **options: Any) -> orket.Orchestrator:
    return open_world(root, model, store=store, limits=orket.Limits(rounds=4, lease=5.0), **options)


def small(root: Path, count: int = 8, **rules: Any) -> Path:
    issues = [issue(f"i{n}", *([f"i{n - 1}"] if n % 3 == 1 else []), priority=1 + n % 3) for n in range(count)]
    return organization(root, issues, process_rules={"turn_budget": 60, **rules})
