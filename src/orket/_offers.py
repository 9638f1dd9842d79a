"""Nodes that installed packages offer as entry points, listed without importing any of them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from attrs import frozen

from orket._value import Value
from orket._wiring import KINDS


class EntryPoint(Protocol):
    """What is used of an entry point; both ``importlib_metadata`` and ``importlib.metadata`` have it."""

    @property
    def name(self) -> str:
        """The name under which it is offered."""
        ...

    @property
    def value(self) -> str:
        """``module:attribute``."""
        ...

    @property
    def dist(self) -> Any:
        """The distribution that offers it: ``name`` and ``version``; or None."""
        ...

    def load(self) -> Any:
        """Import it."""
        ...


@frozen(kw_only=True, repr=False, eq=False)
class Offer(Value):
    """A node that is there to be chosen. ``value`` says where it is defined; nothing of it has been imported."""

    kind: str
    name: str
    value: str
    distribution: str
    version: str


@frozen(kw_only=True, repr=False, eq=False)
class Installed(Value):
    """An offer and the way to load it."""

    offer: Offer
    entry_point: EntryPoint


class Offers:
    """All offers of a Python environment, found on first use and kept.

    ``unreadable`` lists distributions whose metadata cannot be read, ``misspelt`` groups that are almost one of
    orket's. They keep nobody from working, but who misses a node wants to hear of them.
    """

    def __init__(self, entry_points: Callable[[str], Iterable[EntryPoint]] | None = None) -> None:
        self._entry_points = entry_points
        self._found: dict[str, tuple[Installed, ...]] | None = None
        self.unreadable: tuple[str, ...] = ()
        self.misspelt: tuple[str, ...] = ()

    def of(self, kind: str) -> tuple[Installed, ...]:
        """Return the offers of a kind, by name."""
        if self._found is None:
            self._found = self._find()
        return self._found[kind]

    def _find(self) -> dict[str, tuple[Installed, ...]]:
        source = self._entry_points
        if source is None:
            by_group, self.unreadable = _scan()
            self.misspelt = tuple(_misspelt(by_group))
            source = lambda group: by_group.get(group, ())  # noqa: E731 - a name would say no more
        labels = _Labels()
        found = {
            spec.kind: [_installed(spec.kind, point, labels.of(point)) for point in source(spec.group)]
            for spec in KINDS.values()
        }
        return {kind: tuple(sorted(offers, key=_order)) for kind, offers in found.items()}


def _misspelt(by_group: Mapping[str, Sequence[EntryPoint]]) -> Iterator[str]:
    known = [spec.group for spec in KINDS.values()]
    for group in sorted(by_group.keys() - set(known)):
        from difflib import get_close_matches  # only needed when something looks wrong

        if group.startswith("orket.") and (close := get_close_matches(group, known, n=1, cutoff=0.8)):
            labels = _Labels()
            names = ", ".join(sorted({labels.of(point)[0] for point in by_group[group]}))
            yield f"{names} offers nodes as {group!r}, which is no kind of node; did you mean {close[0]!r}?"


def _order(installed: Installed) -> tuple[str, str]:
    return (installed.offer.name, installed.offer.distribution)


class _Labels:
    """Names and versions of distributions: to ask one parses its metadata, and it offers many nodes."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Any, tuple[str, str]]] = {}  # by identity, and kept alive: some have no hash

    def of(self, point: EntryPoint) -> tuple[str, str]:
        dist = point.dist
        if dist is None:
            return "unknown", ""
        if id(dist) not in self._known:
            self._known[id(dist)] = dist, (str(dist.name), str(dist.version))
        return self._known[id(dist)][1]


def _installed(kind: str, point: EntryPoint, label: tuple[str, str]) -> Installed:
    offer = Offer(kind=kind, name=point.name, value=point.value, distribution=label[0], version=label[1])
    return Installed(offer=offer, entry_point=point)


def _scan() -> tuple[dict[str, list[EntryPoint]], tuple[str, ...]]:
    """Read the metadata of all distributions once; only those that name one of orket's groups are parsed.

    Of two installations of one distribution the first on ``sys.path`` counts, as it does for imports.
    """
    from importlib_metadata import distribution, distributions  # it takes 30 ms, and hosts may not need it

    by_group: dict[str, list[EntryPoint]] = {}
    seen: set[str] = set()
    unreadable: list[str] = []
    for candidate in distributions():
        try:
            if "[orket." not in (candidate.read_text("entry_points.txt") or "") or candidate.name in seen:
                continue
            seen.add(candidate.name)
            for point in distribution(candidate.name).entry_points:
                by_group.setdefault(point.group, []).append(point)
        except Exception as error:  # noqa: BLE001 - the seam that reads foreign metadata, which may be broken in any way
            unreadable.append(f"{candidate} ({type(error).__name__}: {error})")
    return by_group, tuple(unreadable)
