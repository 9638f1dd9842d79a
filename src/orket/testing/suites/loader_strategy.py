"""What a loader strategy owes."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Final

from hypothesis import assume, reject
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from orket.contracts import LoaderStrategyNode, Organization
from orket.testing._nodes import Call, NodeContract
from orket.testing._suite import rule
from orket.testing.strategies import asset_arguments, environs, ruled_organizations

_METHODS: Final = (
    *("asset_paths", "search_folders", "department_paths"),
    *("organization_paths", "organization_fallback_paths"),
)
_HOSTILE: Final = st.one_of(
    [st.tuples(st.just(method), asset_arguments(method, hostile=True)) for method in _METHODS[:3]]
)
_PLAIN: Final = st.one_of([st.tuples(st.just(method), asset_arguments(method)) for method in _METHODS])


class LoaderStrategyContract(NodeContract[LoaderStrategyNode]):
    """The rules of loader strategies.

    Some names in the questions lead elsewhere (``../x``, ``/x``): a loader that refuses them declares in ``errors``
    what it raises then.
    """

    kind: ClassVar[str] = "loader_strategy"
    prefix: ClassVar[str] = "loader-strategy"

    @classmethod
    def questions(cls) -> Mapping[str, SearchStrategy[tuple[Any, ...]]]:
        """Return by method what generates its arguments."""
        named = {
            method: st.one_of(asset_arguments(method), asset_arguments(method, hostile=True)) for method in _METHODS
        }
        return {**named, "override_organization": st.tuples(ruled_organizations(), environs())}

    @classmethod
    def ordinary(cls) -> Mapping[str, tuple[Any, ...]]:
        """Return by method the arguments of a question that every node must answer."""
        root = Path("organization")
        return {
            "organization_paths": (root,),
            "organization_fallback_paths": (root,),
            "department_paths": (root, "core"),
            "asset_paths": (root, "core", "epics", "launch"),
            "search_folders": (root, "core", "epics"),
            "override_organization": (Organization(name="Acme"), {"ORKET_ORG_NAME": "Other"}),
        }

    async def paths(self, method: str, *args: Any) -> tuple[Path, ...]:
        """Return the paths that a new node gives; anything else makes the example not count."""
        found = await self.valid(method, *args, answer=tuple)
        if not all(isinstance(path, Path) for path in found):
            reject()
        return found

    @rule("20", call=_PLAIN)
    async def begins_at_the_root(self, call: Call) -> None:
        """Every path begins with the root that was asked about."""
        method, args = call
        for path in await self.paths(method, *args):
            assert path.is_relative_to(args[0]), f"{method} leads from {args[0]} to {path}"

    @rule("21", call=_PLAIN)
    async def never_goes_up(self, call: Call) -> None:
        """No path has a part '..' below the root."""
        method, args = call
        for path in await self.paths(method, *args):
            assume(path.is_relative_to(args[0]))  # else rule 20 is broken
            assert ".." not in path.relative_to(args[0]).parts, f"{method} goes up: {path}"

    @rule("22", call=_HOSTILE)
    async def is_not_led_astray(self, call: Call) -> None:
        """Names that are paths themselves, such as '../x' and '/x', lead nowhere outside the root."""
        method, args = call
        found, _ = await self.attempt(method, *args)  # to decline is fine, too
        for path in found if type(found) is tuple else ():
            assume(isinstance(path, Path))
            inside = path.is_relative_to(args[0]) and ".." not in path.relative_to(args[0]).parts
            assert inside, f"{method}{args[1:]} leads from {args[0]} to {path}"

    @rule("23", call=_PLAIN, share=0.5)
    async def reads_nothing(self, call: Call) -> None:
        """A loader answers the same whether or not there is anything where it says that assets are looked for."""
        method, args = call
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            before = await self.paths(method, root, *args[1:])
            assume(before == await self.paths(method, root, *args[1:]))  # else rule 05 is broken
            assume(all(_is_below(path, root) for path in before))  # else rule 20 or 21 is
            for path in before[-1:]:
                _create(path)
            assert await self.paths(method, root, *args[1:]) == before, f"{method} looks at what is there"

    @rule("24", organization=ruled_organizations())
    async def overrides_nothing_unsaid(self, organization: Organization) -> None:
        """An environment that says nothing leaves the organization as it is."""
        answer = await self.valid("override_organization", organization, {}, answer=Organization)
        assert answer == organization


def _is_below(path: Path, root: Path) -> bool:
    return path.is_relative_to(root) and path != root and ".." not in path.relative_to(root).parts


def _create(path: Path) -> None:
    """Make a file of that name, unless the system does not take the name."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}", encoding="utf-8")
    except (OSError, ValueError):
        reject()
