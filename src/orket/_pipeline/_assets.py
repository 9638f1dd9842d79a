"""What one epic needs of the organization, loaded and validated in one go, before anything is written."""

from collections import deque
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from attrs import evolve, frozen

from orket._codec import codec
from orket._config import ConfigLoader
from orket._value import Value
from orket.cards import Epic, Issue, JsonValue
from orket.errors import AssetNotFoundError, ConfigError
from orket.governance import check_complexity
from orket.organization import INTEGRITY_GUARD, Dialect, Environment, Organization, Role, Team

GENERIC = "generic"  # the family every organization has


@frozen(kw_only=True, repr=False, eq=False)
class EpicAssets(Value):
    """An epic with its team (every used role defined), environment and dialects.

    ``epic`` comes without its issues. They wait in ``issues`` until they have joined the board, which then is the only
    one to hold them: twice the issues would be twice the walk of every full garbage collection. ``planned`` is how many
    there were. ``dialects`` holds for each family the dialect, or the error that its file gave: it is raised when the
    family is used.
    """

    organization: Organization
    epic: Epic
    issues: deque[Issue]
    planned: int
    team: Team
    environment: Environment
    dialects: Mapping[str, Dialect | ConfigError]
    warnings: tuple[str, ...] = ()

    @property
    def families(self) -> tuple[str, ...]:
        """The families whose dialects there are."""
        return tuple(self.dialects)

    def snapshot(self) -> JsonValue:
        """Return what the assets said when the run began; the issues are on the board, and change."""
        dump = codec().dump
        return {
            "organization": dump(self.organization),
            "epic": dump(self.epic),
            "team": dump(self.team),
            "environment": dump(self.environment),
            "dialects": [
                [family, dump(one) if isinstance(one, Dialect) else None] for family, one in self.dialects.items()
            ],
            "planned": self.planned,
        }

    def dialect(self, family: str) -> Dialect:
        """Return a family's dialect.

        Raises:
            ConfigError: its file is broken.
        """
        found = self.dialects[family]
        if isinstance(found, ConfigError):
            raise found
        return found


def load_epic_assets(
    loader: ConfigLoader,
    organization: Organization,
    epic: Epic,
    department: str,
    *,
    tools: Collection[str],
    fixtures: Path,
) -> EpicAssets:
    """Load all that the turns of an epic need (blocking I/O).

    Args:
        loader: of the organization's assets.
        organization: whose limits the epic keeps.
        epic: with its issues.
        department: that asks for it.
        tools: the names of those that there are.
        fixtures: the folder of the issues' fixtures.

    Raises:
        AssetNotFoundError: its team, its environment, or a role of a used seat is nowhere.
        ConfigError: an asset is wrong.
        ComplexityError: the epic is too large for its declared architecture.
    """
    check_complexity(epic, organization)
    with _named_by(epic, "team"):
        team = loader.load_team(epic.team, department)
    with _named_by(epic, "environment"):
        environment = loader.load_environment(epic.environment, department)
    loader.check_seats(epic, team)
    loader.require_roles(team, seats_in_use(epic, team), department)
    team = _with_guard(loader, team, department)
    loader.check_tools(team, tools)
    loader.check_fixtures(epic, fixtures)
    return EpicAssets(
        organization=organization,
        epic=evolve(epic, issues=()),
        issues=deque(epic.issues),
        planned=len(epic.issues),
        team=team,
        environment=environment,
        dialects=_dialects(loader, department),
        warnings=loader.warnings,
    )


def seats_in_use(epic: Epic, team: Team) -> list[str]:
    """Return the seats that work on an epic's unfinished issues, and those that may review them."""
    seats = [team.find_seat(issue.seat) for issue in epic.issues if not issue.status.is_terminal]
    return sorted({seat.id for seat in (*seats, *team.seats_holding(INTEGRITY_GUARD)) if seat is not None})


@contextmanager
def _named_by(epic: Epic, field: str) -> Iterator[None]:
    """Say of an asset that is nowhere who names it."""
    try:
        yield
    except AssetNotFoundError as error:
        problems = [*error.problems, f'the epic "{epic.id}" names it as its {field}']
        raise AssetNotFoundError(error.message, problems=problems, **error.data) from None


def _with_guard(loader: ConfigLoader, team: Team, department: str) -> Team:
    """Return the team with a definition of the reviewing role, which self review adds to a seat that lacks it."""
    if INTEGRITY_GUARD in team.roles:
        return team
    try:
        guard = loader.load_role(INTEGRITY_GUARD, department)
    except AssetNotFoundError:
        guard = STOCK_GUARD
    return evolve(team, roles={**team.roles, INTEGRITY_GUARD: guard})


def _dialects(loader: ConfigLoader, department: str) -> Mapping[str, Dialect | ConfigError]:
    found: dict[str, Dialect | ConfigError] = {}
    for family in loader.dialect_families(department):
        try:
            found[family] = loader.load_dialect(family, department) or Dialect(model_family=family)
        except ConfigError as error:
            found[family] = error
    return found if GENERIC in found else {**found, GENERIC: STOCK_GENERIC}


STOCK_GUARD = Role(
    name=INTEGRITY_GUARD,
    description="Verifies that work is done before it is called done.",
    intent="Judge the issue by its evidence.",
    responsibilities=("Read what was delivered.", "Grant done only to what is proven; send everything else back."),
    tools=("read_file", "list_directory", "add_issue_comment", "get_issue_context", "update_issue_status"),
)

STOCK_GENERIC = Dialect(
    model_family=GENERIC,
    dsl_format='{"tool": "write_file", "args": {"path": "agent_output/example.txt", "content": "text"}}',
    constraints=("Produce valid JSON.", "Be concise."),
    hallucination_guard="Output only the tool call.",
)
