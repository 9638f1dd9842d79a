"""Values that follow from a number: one choice of hypothesis makes a whole issue or team; 0 makes the plainest."""

import zlib
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, TypeVar

from orket.contracts import INTEGRITY_GUARD, CardStatus, Epic, Issue, JsonValue, Role, Seat, ToolSpec, WaitReason
from orket.testing.strategies._cards import NAMES, TEXTS
from orket.tools import board_tools, workspace_tools

T = TypeVar("T")

WAITING: Final = (CardStatus.BLOCKED, CardStatus.WAITING_FOR_DEVELOPER)
_PRIORITIES: Final = (2.0, 1.0, 3.0, 0.0, 2.5, 100.0)
_SEATS: Final = ("coder", "qa", "architect", "редактор")
_COUNTS: Final = ((0, 3), (1, 3), (2, 3), (3, 3), (4, 3), (0, 0), (0, 1), (7, 10))  # retries, and how many may be
_TEXTS: Final = ("do it", *TEXTS)


def pick(pool: Sequence[T], seed: int, *where: object) -> T:
    """Return the choice that belongs to a seed and a place; the first one for the seed 0.

    Letters beyond ASCII come with every third seed, so that a node that fails on them still meets other questions.
    """
    chosen = pool[zlib.crc32(repr((seed, *where)).encode()) % len(pool)] if seed else pool[0]
    return pool[0] if isinstance(chosen, str) and not chosen.isascii() and not is_strange(seed) else chosen


def is_strange(seed: int) -> bool:
    """Return whether what follows from a seed may hold letters beyond ASCII."""
    return seed % 3 == 2


def sketch_issue(
    name: str, seed: int, *, status: CardStatus = CardStatus.READY, depends_on: tuple[str, ...] = ()
) -> Issue:
    """Return an issue; its mapping is a plain one, so that writing into it is seen."""
    retry_count, max_retries = pick(_COUNTS, seed, name, "retries")
    return Issue(
        id=name,
        name=pick(_TEXTS, seed, name, "name") or name,
        seat=pick(_SEATS, seed, name, "seat"),
        status=status,
        priority=pick(_PRIORITIES, seed, name, "priority"),
        wait_reason=pick(tuple(WaitReason), seed, name, "waits") if status in WAITING else None,
        requirements=pick(_TEXTS, seed, name, "requirements"),
        note=pick(_TEXTS, seed, name, "note"),
        depends_on=depends_on,
        build="build-launch",
        labels=pick(((), ("urgent",)), seed, name, "labels"),
        params=dict(pick(((), (("sandbox", True),), (("deep", "value"),)), seed, name, "params")),
        retry_count=retry_count,
        max_retries=max_retries,
        version=1,
    )


def sketch_id(seed: int) -> str:
    """Return the id of an issue."""
    return pick(NAMES, seed, "id")


def sketch_epic(seed: int) -> Epic:
    """Return an epic without issues, whose parameters may name models by role."""
    overrides: tuple[Mapping[str, str], ...] = ({}, {"coder": "qwen3-coder:30b"}, {"writer": " house-7b "})
    chosen = dict(pick(overrides, seed, "overrides"))
    return Epic(
        id=pick(("launch", "core_baseline", "пуск"), seed, "epic"),
        name=pick(_TEXTS, seed, "epic's name"),
        team="core",
        environment="standard",
        description=pick(_TEXTS, seed, "epic's description"),
        requirements=pick(_TEXTS, seed, "epic's requirements"),
        params={"model_overrides": chosen} if chosen else {},
    )


def sketch_roles(seed: int, *, kind: str = "work") -> tuple[Role, ...]:
    """Return the roles of a turn, the leading one first; of a review turn ``integrity_guard`` leads."""
    names = pick((("coder",), ("coder", "writer"), ("writer",)), seed, "roles")
    return tuple(_role(name, seed) for name in ((INTEGRITY_GUARD, *names) if kind == "review" else names))


def _role(name: str, seed: int) -> Role:
    listed = (("read_file", "write_file", "update_issue_status"), (), ("update_issue_status", "nothing"))
    strange = (("ядро", "drop_table", "search"),) if is_strange(seed) else (("drop_table", "search"),)
    return Role(
        name=name,
        intent=pick(_TEXTS, seed, name, "intent"),
        responsibilities=pick(((), ("Answer.",), TEXTS[1:6]), seed, name, "responsibilities"),
        constraints=pick(((), ("Do no harm.",), TEXTS[6:9]), seed, name, "constraints"),
        tools=pick((*listed, *strange, tuple(STOCK)), seed, name, "tools"),
        policy={},
    )


def sketch_seat(seed: int, roles: tuple[Role, ...]) -> Seat:
    """Return a seat that holds the roles."""
    name = pick(("Coder", "", "Редактор", "Seat 7"), seed, "seat's name")
    return Seat(id=pick(_SEATS, seed, "seat"), name=name, roles=tuple(role.name for role in roles))


STOCK: Final[Mapping[str, ToolSpec]] = MappingProxyType(
    {tool.spec.name: tool.spec for tool in (*workspace_tools(), *board_tools())}
)


def thawed(spec: ToolSpec) -> ToolSpec:
    """Return a copy of a tool's spec that nobody else has, with a schema that lets itself be written to."""
    return ToolSpec(
        name=spec.name,
        description=spec.description,
        parameters=_thawed(spec.parameters),
        effect=spec.effect,
        destructive=spec.destructive,
    )


def _thawed(value: JsonValue) -> Any:
    if isinstance(value, Mapping):
        return {key: _thawed(item) for key, item in value.items()}
    return [_thawed(item) for item in value] if isinstance(value, list | tuple) else value
