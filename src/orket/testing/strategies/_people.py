"""Teams and organizations, from a team without seats to one whose seats share every role."""

from typing import Final

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from orket.cards import JsonValue
from orket.organization import INTEGRITY_GUARD, ArchitectureRules, Department, Organization, Role, Seat, Team
from orket.testing.strategies._cards import texts

SEATS: Final = ("coder", "qa", "architect", "lead_architect", "редактор", "Seat 7")
ROLES: Final = ("coder", "architect", "writer", INTEGRITY_GUARD)
TOOLS: Final = ("read_file", "write_file", "list_directory", "update_issue_status", "add_issue_comment", "create_issue")


def roles(*, names: SearchStrategy[str] | None = None) -> SearchStrategy[Role]:
    """Generate roles with any set of orket's own tools."""
    return st.builds(
        Role,
        name=st.sampled_from(ROLES) if names is None else names,
        intent=texts(),
        responsibilities=st.lists(texts(), max_size=2).map(tuple),
        constraints=st.lists(texts(), max_size=2).map(tuple),
        tools=st.lists(st.sampled_from(TOOLS), max_size=4, unique=True).map(tuple),
    )


_HELD: Final = ((), ("coder",), (INTEGRITY_GUARD,), ("architect", "writer"), ("coder", INTEGRITY_GUARD), ("writer",))
_SEATS: Final = st.sampled_from(
    [Seat(id=key, name=key.replace("_", " ").title(), roles=held) for held in _HELD for key in SEATS]
)
_CATALOGUES: Final = st.sampled_from(
    [{name: Role(name=name, tools=tools) for name in ROLES} for tools in ((), TOOLS, ("read_file",))]
)
_TEAMS: Final = st.sampled_from(("core", "crew", "команда"))


def teams(*, min_seats: int = 0, max_seats: int = 5) -> SearchStrategy[Team]:
    """Generate teams; every role that a seat holds is defined.

    Args:
        min_seats: The least number of seats.
        max_seats: The largest number of seats, up to six.
    """
    seats = st.lists(_SEATS, min_size=min_seats, max_size=max_seats, unique_by=lambda seat: seat.id)
    return st.builds(_team, name=_TEAMS, seats=seats, catalogue=_CATALOGUES)


def _team(*, name: str, seats: list[Seat], catalogue: dict[str, Role]) -> Team:
    held = sorted({role for seat in seats for role in seat.roles})
    return Team(name=name, seats={seat.id: seat for seat in seats}, roles={role: catalogue[role] for role in held})


def process_rules() -> SearchStrategy[dict[str, JsonValue]]:
    """Generate process rules: numbers that policies read, and what they do not know."""
    return st.fixed_dictionaries(
        {},
        optional={
            "concurrency": st.integers(1, 64),
            "context_window": st.integers(1, 100),
            "turn_budget": st.integers(1, 10_000),
            "something_else": st.one_of(st.none(), st.booleans(), texts()),
        },
    )


def organizations() -> SearchStrategy[Organization]:
    """Generate organizations with process rules and departments."""
    return st.builds(
        Organization,
        name=st.sampled_from(("Acme", "Организация", "O'Neil & Sons")),
        vision=texts(),
        ethos=texts(),
        architecture=st.builds(ArchitectureRules, idesign_threshold=st.integers(1, 20)),
        departments=st.lists(
            st.builds(Department, name=st.sampled_from(("core", "marketing"))), max_size=2, unique=True
        ).map(tuple),
        process_rules=process_rules(),
    )
