"""Assets and records without files: what the portfolio is made of."""

from collections.abc import Iterable, Mapping

from attrs import evolve

from orket.cards import CardStatus, Epic, EpicReference, Issue, Rock
from orket.contracts import CardRow, RunRow
from orket.events import RunOutcome
from orket.organization import Seat, Team
from orket.portfolio._found import EpicAsset, RecordedBuild, RockAsset, Survey

CREW = Team(name="crew", seats={"s": Seat(id="s", name="S")})
REVIEWS = frozenset({CardStatus.CODE_REVIEW})


def card(name: str, /, *needs: str, status: str = "ready", **fields: object) -> Issue:
    """Return an issue."""
    return Issue(**{"id": name, "name": name, "seat": "s", "status": CardStatus(status), "depends_on": needs, **fields})


def epic_asset(name: str, /, *issues: Issue, **fields: object) -> EpicAsset:
    """Return an epic as it would be read from a file."""
    epic = Epic(**{"id": name, "name": name, "team": "crew", "environment": "e", "issues": issues, **fields})
    return EpicAsset(file=f"epics/{name}", name=name, department="core", epic=epic, team=CREW)


def rock_asset(name: str, *epics: str, missing: Iterable[str] = (), status: str = "ready") -> RockAsset:
    """Return a rock as it would be read from a file."""
    gone = set(missing)
    references = tuple([EpicReference(epic=one) for one in (*epics, *gone)])
    return RockAsset(
        file=f"rocks/{name}",
        name=name,
        department="core",
        rock=Rock(id=name, name=name, epics=references, status=CardStatus(status)),
        files={one: "" if one.epic in gone else f"epics/{one.epic}" for one in references},
    )


def recorded(
    build: str,
    *issues: Issue,
    epic: str | None = "launch",
    known: bool = True,
    running: Iterable[str] = (),
    outcome: RunOutcome | None = None,
) -> RecordedBuild:
    """Return a build with the cards of one epic."""
    held = set(running)
    rows = [
        CardRow(
            issue=evolve(one, build=build, parent=epic, version=1),
            owner="o" if one.id in held else None,
            until=10.0 if one.id in held else 0.0,
            token=1 if one.id in held else 0,
        )
        for one in issues
    ]
    run = RunRow(id=f"run-{build}", build=build, card=epic or "", started_at=1.0, fingerprint="f", outcome=outcome)
    files: Mapping[str, str] = {epic: f"epics/{epic}"} if epic and known else {}
    return RecordedBuild(build=build, cards=tuple(rows), runs=(run,), files=files)


def survey(*assets: RockAsset | EpicAsset) -> Survey:
    """Return a survey of rocks and epics."""
    return Survey(
        rocks=tuple([one for one in assets if isinstance(one, RockAsset)]),
        epics=tuple([one for one in assets if isinstance(one, EpicAsset)]),
    )
