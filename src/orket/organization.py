"""Who works: organization, departments, teams, seats, roles, and the venue they work in."""

import re
from collections.abc import Mapping
from types import MappingProxyType

from attrs import field, frozen

from orket._value import Value
from orket.cards import EMPTY, JsonValue

INTEGRITY_GUARD = "integrity_guard"  # the only role that may finish an issue


def sanitize_name(name: str) -> str:
    """Return *name* as assets spell it: lower case, words joined by ``_``, only letters, digits, ``_`` and ``-``."""
    return re.sub(r"[^\w-]+", "_", name.strip().lower()).strip("_")


@frozen(kw_only=True, repr=False, eq=False)
class Role(Value):
    """What a seat may do: ``tools`` is the whole list of tools that the gate lets it call."""

    name: str
    id: str = ""
    description: str = ""
    intent: str = ""
    responsibilities: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    policy: Mapping[str, JsonValue] = EMPTY


@frozen(kw_only=True, repr=False, eq=False)
class Seat(Value):
    """A place in a team; ``id`` is its key in the team, ``roles`` are names of roles."""

    id: str
    name: str
    roles: tuple[str, ...] = ()


# Copies that nobody can change: nodes see the team, and the law goes by it.
def _closed_seats(seats: Mapping[str, Seat]) -> Mapping[str, Seat]:
    return MappingProxyType(dict(seats))


def _closed_roles(roles: Mapping[str, Role]) -> Mapping[str, Role]:
    return MappingProxyType(dict(roles))


@frozen(kw_only=True, repr=False, eq=False)
class Team(Value):
    """Seats and the roles they hold. ``roles`` holds the definitions, from the team itself or from role assets."""

    name: str
    description: str = ""
    seats: Mapping[str, Seat] = field(default=EMPTY, converter=_closed_seats)
    roles: Mapping[str, Role] = field(default=EMPTY, converter=_closed_roles)

    def find_seat(self, name: str) -> Seat | None:
        """Return the seat whose key, or else whose display name, is *name* once both are sanitized; None if none is."""
        if (seat := self.seats.get(name)) is not None:
            return seat
        wanted = sanitize_name(name)
        by_key = {sanitize_name(key): seat for key, seat in self.seats.items()}
        by_name = {sanitize_name(seat.name): seat for seat in self.seats.values()}
        return by_key.get(wanted) or by_name.get(wanted)

    def seats_holding(self, role: str) -> tuple[Seat, ...]:
        """Return the seats that hold *role*, in the team's order."""
        return tuple(seat for seat in self.seats.values() if role in seat.roles)


@frozen(kw_only=True, repr=False, eq=False)
class Environment(Value):
    """The venue of an epic: which model answers and how. ``timeout`` is seconds per model call."""

    name: str
    description: str = ""
    model: str = ""
    temperature: float = 0.0
    timeout: float = 300.0
    seed: int | None = None
    params: Mapping[str, JsonValue] = EMPTY


@frozen(kw_only=True, repr=False, eq=False)
class Dialect(Value):
    """How a model family wants to be spoken to."""

    model_family: str
    dsl_format: str = ""
    constraints: tuple[str, ...] = ()
    hallucination_guard: str = ""


@frozen(kw_only=True, repr=False, eq=False)
class ArchitectureRules(Value):
    """Organization-wide structure rules. An epic of more than ``idesign_threshold`` issues needs iDesign."""

    idesign_threshold: int = 10
    preferred_stack: Mapping[str, str] = EMPTY
    cicd_rules: tuple[str, ...] = ()


@frozen(kw_only=True, repr=False, eq=False)
class BottleneckThresholds(Value):
    """When waiting cards become an alert: numbers of cards, and a share of the blocked ones (0–1)."""

    resource_normal: int = 3
    resource_warning: int = 10
    resource_critical: int = 11
    dependency_warning_pct: float = 0.5
    human_attention_threshold: int = 1


@frozen(kw_only=True, repr=False, eq=False)
class Department(Value):
    """A part of the organization with assets of its own under ``model/<name>/``."""

    name: str


@frozen(kw_only=True, repr=False, eq=False)
class Organization(Value):
    """Who the host works for, and the rules of its process.

    ``process_rules`` chooses nodes (``"router_node": "cost-aware"``) and holds numbers that policies read
    (``"concurrency"``, ``"context_window"`` …).
    """

    name: str
    vision: str = ""
    ethos: str = ""
    branding: Mapping[str, JsonValue] = EMPTY
    architecture: ArchitectureRules = ArchitectureRules()
    contact: Mapping[str, JsonValue] = EMPTY
    departments: tuple[Department, ...] = ()
    process_rules: Mapping[str, JsonValue] = EMPTY
    bottleneck_thresholds: BottleneckThresholds = field(factory=BottleneckThresholds)
