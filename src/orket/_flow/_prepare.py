"""Before the model: who takes the turn, on what evidence, with which tools, in which words."""

from attrs import evolve

from orket._decide import decide, settle
from orket._flow._context import RunContext
from orket._flow._turn import Turn
from orket.cards import CardStatus, VerificationResult
from orket.contracts import (
    DialectQuestion,
    MemoryQuery,
    ModelQuestion,
    PromptQuestion,
    RouteQuestion,
    ToolsetQuestion,
)
from orket.errors import FixtureRefusedError, IsolationError, VerificationError
from orket.events import TurnKind, TurnOpened, VerificationRecorded
from orket.governance import Actor, check_review, grantable


async def route(turn: Turn) -> str:
    """Choose the seat and its roles; return "" or why the team has no seat for this turn.

    Raises:
        SeparationOfDutiesError: the team has no reviewer beside the worker, and the host forbids self review.
    """
    context = turn.context
    wiring, team = context.wiring, context.team
    answer = await decide(
        wiring["router"], "route", route_question(turn), records=turn.records, limit=context.limits.node
    )
    if answer.seat is None:
        return answer.reason or f"no seat {turn.issue.seat!r} in team {team.name!r}"
    seat = team.seats[answer.seat]
    is_review = turn.kind is TurnKind.REVIEW
    names = _role_order(context, seat.roles, is_review)
    if missing := [name for name in names if name not in team.roles]:
        return f"seat {seat.id!r} holds roles that exist nowhere: {', '.join(missing)}"
    turn.seat = seat
    turn.board.busy[turn.issue.id] = seat.id
    turn.hold(names)
    if is_review:
        turn.self_review = check_review(seat.id, _workers(turn), separation_of_duties=context.separation_of_duties)
    return ""


def _workers(turn: Turn) -> tuple[str, ...]:
    """Return the seats that did the work, as far as the record says; else the issue's own, whoever the router chose."""
    own = turn.context.team.find_seat(turn.issue.seat)
    return turn.context.workers.get(turn.issue.id) or (() if own is None else (own.id,))


async def verify(turn: Turn) -> None:
    """Before a review turn, prove the issue's work; the result is evidence for the reviewer and for the law.

    Raises:
        FixtureRefusedError: the fixture lies outside ``verification/``.
        IsolationError: fixtures are isolated less than is demanded.
    """
    wanted = turn.issue.verification
    if turn.kind is not TurnKind.REVIEW or wanted is None or not wanted.proves:
        return
    try:
        result = await turn.context.prover.prove(turn.issue, turn.context.workspace)
    except (FixtureRefusedError, IsolationError):
        raise
    except VerificationError as error:
        result = VerificationResult(passed=False, detail=str(error))
    turn.verification = result
    ran = evolve(wanted, last_run=evolve(result, log=""))  # the log stays in the journal only
    turn.change(evolve(turn.issue, verification=ran, version=turn.issue.version + 1))
    turn.records.append(VerificationRecorded(result=result, version=turn.issue.version))


async def equip(turn: Turn) -> None:
    """Choose tools, model and dialect, and write the prompt."""
    context = turn.context
    wiring, records, limit = context.wiring, turn.records, context.limits.node
    turn.wishes = possible_wishes(turn)
    tools = await decide(
        wiring["tool_strategy"],
        "compose",
        toolset_question(turn),
        records=records,
        limit=limit,
    )
    turn.offered = {spec.name: spec for spec in tools.tools}
    prompter = wiring["prompt_strategy"]
    model = await decide(prompter, "select_model", model_question(turn), records=records, limit=limit)
    turn.model = model.model
    turn.dialect = await _dialect(turn)
    turn.remembered = await _recall(turn)
    turn.notes = context.notes.addressed_to((turn.seat.id, *turn.role_names))
    prompt = await decide(prompter, "compose", prompt_question(turn), records=records, limit=limit)
    turn.messages = list(prompt.messages)


def _role_order(context: RunContext, roles: tuple[str, ...], is_review: bool) -> tuple[str, ...]:
    """Ask the policy once a run for the same roles: policies promise purity."""
    known = context.role_orders.get((roles, is_review))
    if known is None:
        policy = context.wiring["orchestration_loop"]
        known = context.role_orders[roles, is_review] = settle(policy, "role_order", roles, is_review)
    return known


async def _dialect(turn: Turn) -> str:
    """Ask once a run for each model: the question says nothing else."""
    context = turn.context
    known = context.model_dialects.get(turn.model)
    if known is None:
        question = DialectQuestion(model=turn.model, families=context.families)
        node, limit = context.wiring["prompt_strategy"], context.limits.node
        answer = await decide(node, "select_dialect", question, records=turn.records, limit=limit)
        known = context.model_dialects[turn.model] = answer.family
    return known


async def _recall(turn: Turn) -> tuple[str, ...]:
    """Return the remembered decisions that go with the issue, as many as the context window holds."""
    context, issue = turn.context, turn.issue
    text = "\n".join([issue.name, *issue.labels, issue.note, issue.requirements])
    query = MemoryQuery(text=text, limit=context.context_window, build=context.build)
    found = await context.recollection.search(query, limit=context.limits.node)
    return tuple([one.text for one in found])


def possible_wishes(turn: Turn) -> tuple[CardStatus, ...]:
    """Return what the law could grant the seat now; nobody may finish an issue whose fixture has not passed."""
    status = CardStatus.IN_PROGRESS if turn.kind is TurnKind.WORK else turn.issue.status
    wishes = grantable(status, turn.role_names, turn.kind)
    proven = turn.verification is None or turn.verification.passed
    return wishes if proven else tuple([wish for wish in wishes if wish is not CardStatus.DONE])


async def open_turn(turn: Turn) -> None:
    """Commit the claim, the decisions so far, the prompt, and for a work turn the move to in progress."""
    if turn.issue.status is CardStatus.READY:
        turn.move(CardStatus.IN_PROGRESS, actor=Actor.CORE, reason=f"turn {turn.number}")
    if turn.kind is TurnKind.WORK and turn.seat.id not in (known := turn.context.workers.get(turn.issue.id, ())):
        turn.context.workers[turn.issue.id] = (*known, turn.seat.id)
    turn.records.append(
        TurnOpened(
            turn=turn.number,
            kind=turn.kind,
            seat=turn.seat.id,
            roles=turn.role_names,
            model=turn.model,
            dialect=turn.dialect,
            prompt=tuple([turn.prompt_payload(message) for message in turn.messages]),
            tools=tuple(turn.offered),
            self_review=turn.self_review,
            remembered=tuple([turn.quoted_payload(text) for text in turn.remembered]),
            notes=tuple([turn.quoted_payload(text) for text in turn.notes]),
        )
    )
    await turn.commit(turns=1, claim=True)


def route_question(turn: Turn) -> RouteQuestion:
    """Return the question which seat takes the turn."""
    busy = tuple(turn.board.busy.values())
    return RouteQuestion(issue=turn.issue, team=turn.context.team, kind=turn.kind, busy=busy)


def toolset_question(turn: Turn) -> ToolsetQuestion:
    """Return the question which tools the turn is offered."""
    return ToolsetQuestion(
        issue=turn.issue,
        seat=turn.seat,
        roles=turn.roles,
        kind=turn.kind,
        available=turn.context.specs,
        wishes=turn.wishes,
    )


def model_question(turn: Turn) -> ModelQuestion:
    """Return the question which model answers."""
    context = turn.context
    default = context.organization.process_rules.get("default_model", "")
    return ModelQuestion(
        issue=turn.issue,
        epic=context.epic,
        role=turn.roles[0].name,
        environment=context.environment,
        host_override=context.model_override,
        user_preference=context.user_preference,
        organization_default=default if isinstance(default, str) else "",
    )


def prompt_question(turn: Turn) -> PromptQuestion:
    """Return the question what the model is told."""
    context = turn.context
    return PromptQuestion(
        issue=turn.issue,
        epic=context.epic,
        organization=context.organization,
        seat=turn.seat,
        roles=turn.roles,
        kind=turn.kind,
        dialect=context.dialect(turn.dialect),
        tools=tuple(turn.offered.values()),
        history=tuple(context.recall(turn.issue.id)),
        remembered=turn.remembered,
        notes=turn.notes,
        verification=turn.verification,
    )
