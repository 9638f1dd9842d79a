"""At the beginning of a run, tools are asked what became of the effects that issues wait for."""

from attrs import evolve

from orket._codec import digest
from orket._flow import UNKNOWN, RunContext, effects_of, settle_effect, settling
from orket._pipeline._joining import JoinedBuild
from orket.cards import CardStatus, Issue
from orket.contracts import Batch, CardRow, Settlement
from orket.errors import StoreConflictError
from orket.events import EffectSettled
from orket.governance import Actor


async def ask_tools(context: RunContext, joined: JoinedBuild, target: str | None) -> JoinedBuild:
    """Return the build after every issue that waits for an effect whose tool knows goes on.

    Raises:
        StoreError: the record could not be read or written.
    """
    waiting = [issue for issue in joined.issues if _waits(issue) and target in (None, issue.id)]
    if not waiting:
        return joined
    rows = {row.issue.id: row for row in await context.store.load_board(context.build)}
    settled = {issue.id: await _settle(context, rows[issue.id]) for issue in waiting}
    return evolve(joined, issues=[settled.get(issue.id, issue) for issue in joined.issues])


def _waits(issue: Issue) -> bool:
    return issue.status is CardStatus.BLOCKED and issue.wait_detail.startswith(UNKNOWN)


async def _settle(context: RunContext, row: CardRow) -> Issue:
    """Ask the tools of a card's effects; stop where somebody else changes the card meanwhile."""
    effects = await effects_of(context.store, context.build, row.issue.id)
    for effect in list(effects.unsettled.values()):
        tool = context.tools.get(effect.tool)
        if tool is None:
            continue
        answer = await context.executor.reconcile(tool, effect.key, timeout=context.limits.tool)
        if not isinstance(answer, Settlement):
            continue
        output = digest(answer.output) if answer.ran else ""
        batch = Batch(
            op_id=settling(effect.key, effects),
            run=context.run,
            build=context.build,
            at=context.clock.now(),
            card=row.issue.id,
            payloads={output: answer.output} if output else None,
        )
        settled = EffectSettled(key=effect.key, ran=answer.ran, by=f"tool {effect.tool}", ok=answer.ok, output=output)
        try:
            row = evolve(row, issue=await settle_effect(context.store, effects, row, batch, settled, Actor.CORE))
        except StoreConflictError:
            break  # it is looked at again like every card that others work on
        del effects.unsettled[effect.key]
    return row.issue
