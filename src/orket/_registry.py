"""Which nodes there are, and which of them a run gets.

Packages offer nodes as entry points; the registry lists the offers without importing any, and imports only what is
chosen. A host adds nodes of its own with :meth:`DecisionNodeRegistry.register`. For each kind the strongest source that
says something wins::

    host          what the host passes in code: a name, a node, a factory, or {"name": …, "options": {…}}
    environment   ORKET_<KIND>_NODE, a name; an empty one says nothing
    process_rules <kind>_node of the organization: a name, or {"name": …, "options": {…}}
    default       the node named "default"

A source that says something wrong is an error, never a reason to ask the next one. All errors are reported at once.
"""

import copy
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from orket._choice import Choice, called, checked_options, choose, spec_of, strangers
from orket._fit import misfits
from orket._offers import EntryPoint, Installed, Offer, Offers
from orket._wiring import HOST, KINDS, Binding, KindSpec, Wiring
from orket.cards import EMPTY, JsonValue
from orket.contracts import CONTRACT_VERSION
from orket.errors import WiringError

_SPEC_KEYS: Final = frozenset({"name", "distribution", "version", "source", "options"})


class DecisionNodeRegistry:
    """All nodes that installed packages and the host offer. It keeps no nodes: every wiring gets new ones.

    Args:
        entry_points: Returns the entry points of a group; by default those of the installed distributions, which are
            read once, on first use.
    """

    def __init__(self, *, entry_points: Callable[[str], Iterable[EntryPoint]] | None = None) -> None:
        self._offers = Offers(entry_points)
        self._registered: dict[tuple[str, str], object] = {}

    def register(self, kind: str, name: str, node_or_factory: object) -> None:
        """Offer a node under a name, in this registry only. It hides an installed one of that name.

        Args:
            kind: One of the twelve kinds.
            name: The name under which it can be chosen; ``"default"`` replaces the stock node.
            node_or_factory: A node, or what makes one: a class, or a callable that takes the options as keywords.

        Raises:
            WiringError: there is no such kind, the name is no name, or it is registered already.
        """
        spec_of(kind)
        if type(name) is not str or not name:
            raise WiringError([f"{kind}: a node cannot be registered as {name!r}; valid: a non-empty str"])
        if (kind, name) in self._registered:
            raise WiringError([f"{kind} {name!r} is registered already"])
        self._registered[kind, name] = node_or_factory

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was odd in the metadata of packages, once offers were read: groups that are almost one of orket's."""
        return self._offers.misspelt

    def offers(self, kind: str) -> tuple[Offer, ...]:
        """Return what there is to choose from, by name, without importing any of it.

        Raises:
            WiringError: there is no such kind.
        """
        spec_of(kind)
        own = [
            Offer(kind=kind, name=name, value=called(value), distribution=HOST, version="")
            for (of, name), value in self._registered.items()
            if of == kind
        ]
        hidden = {offer.name for offer in own}
        installed = [it.offer for it in self._offers.of(kind) if it.offer.name not in hidden]
        return tuple(sorted(own + installed, key=lambda offer: (offer.name, offer.distribution)))

    def resolve(
        self,
        *,
        host: Mapping[str, object] = EMPTY,
        environ: Mapping[str, str] = EMPTY,
        process_rules: Mapping[str, JsonValue] = EMPTY,
        kinds: Iterable[str] = tuple(KINDS),
    ) -> Wiring:
        """Choose, load and check one node of each kind.

        Args:
            host: By kind a name, ``{"name": …, "options": {…}}``, a node, or a factory; None says nothing.
            environ: The environment; ``ORKET_<KIND>_NODE`` names a node, an empty one says nothing.
            process_rules: The organization's; ``<kind>_node`` is a name or ``{"name": …, "options": {…}}``.
            kinds: Which kinds to resolve; all by default.

        Returns:
            The wiring, with new nodes.

        Raises:
            WiringError: with everything that is wrong, and what is installed instead; ``from`` the first thing a node
                raised.
        """

        def bind(kind: str) -> Binding:
            return self._bind(choose(spec_of(kind), host, environ, process_rules))

        return _wire(kinds, bind, strangers(host, environ, process_rules))

    def build(self, spec: JsonValue) -> Wiring:
        """Make the wiring that ``Wiring.spec`` describes, with the very distributions and versions it names.

        Raises:
            WiringError: with everything that is wrong: no such spec, or what it names is not installed here.
        """
        if not isinstance(spec, Mapping):
            raise WiringError([f"the spec is a {type(spec).__name__}; valid: what Wiring.spec() returns"])
        return _wire(spec, lambda kind: self._rebind(kind, spec[kind]))

    def _bind(self, choice: Choice) -> Binding:
        kind, name = choice.spec.kind, choice.name
        if choice.brought is not None:
            return self._make(choice, choice.brought, HOST, "")
        if (kind, name) in self._registered:
            return self._make(choice, self._registered[kind, name], HOST, "")
        found = [it for it in self._offers.of(kind) if it.offer.name == name]
        if not found:
            raise WiringError([f"no {kind} named {name!r} ({choice.where}); {self._instead(kind, name)}"])
        if len(found) > 1:
            sources = " and ".join(f"{it.offer.distribution} {it.offer.version} ({it.offer.value})" for it in found)
            raise WiringError(
                [f"{kind} {name!r} ({choice.where}) is offered by {sources}; uninstall one, or register one in code"]
            )
        return self._load(choice, found[0])

    def _rebind(self, kind: str, entry: JsonValue) -> Binding:
        spec = spec_of(kind)
        if not isinstance(entry, Mapping) or entry.keys() != _SPEC_KEYS:
            raise WiringError([f"spec: {kind} is {entry!r:.80}; valid: an object of {', '.join(sorted(_SPEC_KEYS))}"])
        where = "named by the spec"
        options = checked_options(spec, where, entry["options"])
        choice = Choice(spec=spec, source=str(entry["source"]), where=where, name=str(entry["name"]), options=options)
        wanted = (choice.name, entry["distribution"], entry["version"])
        for it in self._offers.of(kind):
            if (it.offer.name, it.offer.distribution, it.offer.version) == wanted:
                return self._load(choice, it)
        origin = f"{entry['distribution']} {entry['version']}"
        raise WiringError([f"no {kind} {choice.name!r} of {origin} ({where}); {self._instead(kind)}"])

    def _load(self, choice: Choice, installed: Installed) -> Binding:
        offer = installed.offer
        try:
            value = installed.entry_point.load()
        except KeyboardInterrupt:  # the only one that is not the package's
            raise
        except BaseException as error:
            fault = f"cannot be imported: {_raised(error)}"
            raise self._problem(choice, offer.distribution, offer.version, fault) from error
        return self._make(choice, value, offer.distribution, offer.version)

    def _make(self, choice: Choice, value: object, distribution: str, version: str) -> Binding:
        """Make the node, check it against its contract, and bind it."""
        try:
            node = _node(choice, value)
            faults = list(_faults(choice.spec, node))
        except KeyboardInterrupt:  # the only one that is not the package's
            raise
        except BaseException as error:
            fault = f"cannot be made: {_raised(error)}{_options_of(value, choice.options)}"
            raise self._problem(choice, distribution, version, fault) from error
        if faults:
            raise self._problem(choice, distribution, version, "; ".join(faults))
        return Binding(
            kind=choice.spec.kind,
            name=choice.name,
            node=node,
            distribution=distribution,
            version=version,
            source=choice.source,
            options=choice.options,
        )

    def _problem(self, choice: Choice, distribution: str, version: str, fault: str) -> WiringError:
        kind, name = choice.spec.kind, choice.name
        origin = f"{distribution} {version}".strip()
        return WiringError([f"{kind} {name!r} of {origin} ({choice.where}) {fault}"])

    def _instead(self, kind: str, name: str = "") -> str:
        from difflib import get_close_matches  # only needed when something is wrong

        close = get_close_matches(name, {it.name for it in self.offers(kind)}, n=1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        origins = [f"{it.name} ({it.distribution} {it.version}".rstrip() + ")" for it in self.offers(kind)]
        unreadable = "".join(f"; unreadable: {it}" for it in self._offers.unreadable)
        misspelt = "".join(f"; {it}" for it in self._offers.misspelt)
        return f"{hint}installed: {', '.join(origins) or 'none'}{unreadable}{misspelt}"


def _wire(kinds: Iterable[str], bind: Callable[[str], Binding], strange: Iterable[str] = ()) -> Wiring:
    """Bind every kind, or raise one error with the problems of all."""
    bindings: dict[str, Binding] = {}
    problems = list(strange)
    causes: list[BaseException] = []
    for kind in kinds:
        try:
            bindings[kind] = bind(kind)
        except WiringError as error:
            problems.extend(error.problems)
            if error.__cause__ is not None:
                causes.append(error.__cause__)
    if problems:
        raise WiringError(problems) from (causes[0] if causes else None)
    return Wiring(bindings=bindings)


def _node(choice: Choice, value: object) -> object:
    """Return the node that *value* is, or makes. The options are its own copy, to keep or change as it likes."""
    options = {key: copy.deepcopy(item) for key, item in choice.options.items()}
    if callable(value) and (isinstance(value, type) or not any(hasattr(value, it) for it in choice.spec.methods)):
        node = value(**options)
        if inspect.iscoroutine(node):
            node.close()
            raise TypeError("its factory is async; valid: a plain one")
        return node
    if options:
        raise TypeError(f"options {', '.join(options)} are given, but it is a node, not a factory that takes any")
    return value


def _options_of(factory: object, given: Mapping[str, JsonValue]) -> str:
    """Return which options a factory takes, where it cannot be called with those that are given."""
    try:
        signature = inspect.signature(factory)  # type: ignore[arg-type]  # what is no function is a TypeError
    except Exception:  # noqa: BLE001 - the seam that calls foreign code: a signature may raise anything
        return ""
    try:
        signature.bind(**given)
    except TypeError:
        return f"; its options: {', '.join(signature.parameters) or 'none'}"
    return ""


def _faults(spec: KindSpec, node: object) -> Iterator[str]:
    version = getattr(node, "contract_version", CONTRACT_VERSION)
    if type(version) is not int or version != CONTRACT_VERSION:
        yield f"was written for contract version {version!r:.40}; valid: {CONTRACT_VERSION}"
    yield from misfits(node, spec.protocol, may_be_async=spec.may_be_async)


def _raised(error: BaseException) -> str:
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 - the seam that calls foreign code: an exception's text is foreign too
        text = "its text cannot be read"
    return f"{type(error).__name__}: {text[:500]}"
