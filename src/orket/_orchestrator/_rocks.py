"""How the run of a rock came to rest, which is how the runs of its epics did."""

from orket._pipeline import RunResult
from orket.cards import Rock
from orket.events import RunOutcome


def step_id(rock: str, number: int) -> str:
    """Return the id of the run that a run of a rock makes of its epic of this number."""
    return f"{rock}.{number}"


def is_step(run: str, rock: str) -> bool:
    """Return whether a run has the id of one that a run of a rock makes of its epics."""
    head, _, number = run.rpartition(".")
    return head == rock and number.isdecimal()


def rock_result(run_id: str, build: str, rock: Rock, results: list[RunResult], wanted: int, halted: bool) -> RunResult:
    """Add up the epics' results: done only when every epic is, else the first outcome that is not."""
    unfinished = next((one for one in results if one.outcome is not RunOutcome.DONE), None)
    if unfinished is not None:
        outcome, reason = unfinished.outcome, f"epic {unfinished.card}: {unfinished.reason}"
    elif halted and len(results) < wanted:
        outcome, reason = RunOutcome.HALTED, "the host asked the run to stop"
    else:
        outcome, reason = RunOutcome.DONE, "1 epic done" if len(results) == 1 else f"{len(results)} epics done"
    return RunResult(
        run=run_id,
        build=build,
        card=rock.id,
        outcome=outcome,
        reason=reason,
        cards=sum(one.cards for one in results),
        done=sum(one.done for one in results),
        canceled=sum(one.canceled for one in results),
        turns=sum(one.turns for one in results),
        refused=sum(one.refused for one in results),
        reasons={f"{one.build}/{card}": why for one in results for card, why in one.reasons.items()},
    )
