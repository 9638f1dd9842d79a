"""What seats cost and what they can do."""

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from attrs import field, frozen

from orket.contracts import EMPTY, Seat, Team


class TariffError(ValueError):
    """A price or a skill is declared in a way that cannot be read."""


def _price(value: Any, where: str) -> float:
    if type(value) in (int, float) and 0 <= value < math.inf:
        return float(value)
    raise TariffError(f"{where} is {value!r:.80}; valid: a number, 0 or more")


def _skills(value: Any, where: str) -> frozenset[str]:
    if isinstance(value, list | tuple) and all(type(skill) is str and skill for skill in value):
        return frozenset(value)
    raise TariffError(f"{where} is {value!r:.80}; valid: a list of names")


def _table(value: Any, where: str) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return value
    raise TariffError(f"{where} is {value!r:.80}; valid: an object with a key for each seat")


def _read_prices(declared: Any) -> Mapping[str, float]:
    table = _table(declared, "option 'prices'")
    return MappingProxyType({seat: _price(value, f"the price of {seat!r}") for seat, value in table.items()})


def _read_skills(declared: Any) -> Mapping[str, frozenset[str]]:
    table = _table(declared, "option 'skills'")
    return MappingProxyType({seat: _skills(value, f"the skills of {seat!r}") for seat, value in table.items()})


@frozen(kw_only=True)
class Tariff:
    """Declared prices and skills by seat key, beside those that the roles of a team declare in their policy.

    Raises:
        TariffError: a declaration cannot be read.
    """

    prices: Mapping[str, float] = field(default=EMPTY, converter=_read_prices)
    skills: Mapping[str, frozenset[str]] = field(default=EMPTY, converter=_read_skills)

    def price_of(self, seat: Seat, team: Team) -> float:
        """Return what a turn of *seat* costs: as declared, else as its dearest role says, else infinity."""
        if (declared := self.prices.get(seat.id)) is not None:
            return declared
        return max((_price(value, where) for value, where in _policies(seat, team, "price")), default=math.inf)

    def skills_of(self, seat: Seat, team: Team) -> frozenset[str]:
        """Return what *seat* can do: what is declared, and what its roles can do."""
        of_roles = [_skills(value, where) for value, where in _policies(seat, team, "skills")]
        return self.skills.get(seat.id, frozenset()).union(*of_roles)


def _policies(seat: Seat, team: Team, key: str) -> list[tuple[Any, str]]:
    """Return what the policies of the seat's roles say about *key*, each with the place where it stands."""
    roles = [team.roles[name] for name in seat.roles if name in team.roles]
    return [(role.policy[key], f"policy.{key} of role {role.name!r}") for role in roles if key in role.policy]
