"""Questions rebuilt from the scene, by the code that asked them; what a reference says outright is read from it."""

from collections.abc import Iterator, Mapping

from attrs import evolve, frozen

from orket._decide import reference_of
from orket._flow import Turn, model_question, prompt_question
from orket._pipeline import window_size
from orket._replay._scene import Scene
from orket._value import Value
from orket.cards import BoardCounts, Issue
from orket.contracts import (
    LoopQuestion,
    ModelQuestion,
    PlanQuestion,
    PromptQuestion,
    RouteQuestion,
)
from orket.errors import RunError
from orket.events import TurnKind


@frozen(kw_only=True, repr=False, eq=False)
class Asked(Value):
    """A recorded question: which method was asked, and how the question stands in the journal."""

    method: str
    reference: str

    def matches(self, question: object) -> bool:
        """Whether a rebuilt question is this one, as far as its reference tells."""
        return reference_of(self.method, (question,)) == self.reference

    def first(self, questions: Iterator[object]) -> object:
        """Return the first of *questions* that is this one.

        Raises:
            RunError: none is.
        """
        for question in questions:
            if self.matches(question):
                return question
        raise RunError("what the run knew when it asked cannot be told from the journal")


def loop_questions(
    scene: Scene, asked: Asked, counts: BoardCounts, environ: Mapping[str, str]
) -> Iterator[LoopQuestion]:
    """Yield the questions about the loop that may have been asked: as the run began, and as the board stands.

    In a board that grew between question and record, the reference says by how much.
    """
    question = LoopQuestion(organization=scene.context.organization, environ=environ, counts=counts)
    yield question
    found = scene.board.counts
    yield evolve(question, counts=found)
    total = asked.reference.split(" ")[-1]
    if total.isdigit():
        later = found.total - int(total)
        yield evolve(question, counts=evolve(found, total=int(total), ready=max(0, found.ready - later)))


def plan_questions(scene: Scene, asked: Asked, target: str | None, limit: int) -> Iterator[PlanQuestion]:
    """Yield the question as its reference tells it, and as the board stands in the journal."""
    parts = asked.reference.split(" ")
    if len(parts) == 5 and parts[3].isdigit():
        cards = [_cards(scene, part) for part in parts[:3]]
        if None not in cards:
            review, ready, running = [part or () for part in cards]
            yield PlanQuestion(
                review=review,
                ready=ready,
                running=running,
                slots=int(parts[3]),
                target_issue_id=target,
                backlog=scene.board,
            )
    review, ready = scene.board.window(window_size(limit))
    running = tuple(scene.board.running.values())
    for slots in range(max(1, limit - len(running)), 0, -1):
        yield PlanQuestion(
            review=review, ready=ready, running=running, slots=slots, target_issue_id=target, backlog=scene.board
        )


def _cards(scene: Scene, listed: str) -> tuple[Issue, ...] | None:
    found = []
    for name in listed.split(",") if listed else ():
        card, _, version = name.rpartition("@")
        issue = scene.at(card, int(version)) if version.isdigit() else None
        if issue is None:
            return None
        found.append(issue)
    return tuple(found)


def route_questions(scene: Scene, asked: Asked, issue: Issue) -> Iterator[RouteQuestion]:
    """Yield the question of either kind of turn, with the seats that its reference names as busy."""
    team = scene.context.team
    for kind in TurnKind:
        question = RouteQuestion(issue=issue, team=team, kind=kind)
        rest = asked.reference.removeprefix(reference_of(asked.method, (question,)))
        yield evolve(question, busy=tuple(rest.split(" ")[1:]))
        yield evolve(question, busy=tuple(scene.board.busy.values()))


def model_questions(turn: Turn, asked: Asked) -> Iterator[ModelQuestion]:
    """Yield the question with the choices of the host that its reference names, and with those of today."""
    question = model_question(turn)
    plain = evolve(question, host_override="", user_preference="", organization_default="")
    said = asked.reference.removeprefix(reference_of(asked.method, (plain,)).removesuffix("   ")).split(" ")
    if len(said) == 4:
        yield evolve(question, host_override=said[1], user_preference=said[2], organization_default=said[3])
    yield question


def prompt_questions(scene: Scene, turn: Turn, asked: Asked) -> Iterator[PromptQuestion]:
    """Yield the question with as much history as its reference counts, and the decisions that the turn names.

    A turn that names none, where the reference counts some, is of a time when they were not searched.
    """
    counts = asked.reference.split(" ")[-2:]
    if not all(count.isdigit() for count in counts):
        return
    history = scene.history(turn.issue.id, int(counts[0]))
    remembered = turn.remembered or scene.remembered(int(counts[1]))
    if history is not None and remembered is not None:
        yield evolve(prompt_question(turn), history=history, remembered=remembered)
