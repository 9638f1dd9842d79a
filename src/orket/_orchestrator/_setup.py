"""From what a host passes to what runs need: environment, organization, wiring, tools and store, each checked."""

import os
import stat
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from attrs import define, frozen

from orket._config import ConfigLoader
from orket._decide import settle
from orket._orchestrator._arguments import misspelt_variables, refuse
from orket._registry import DecisionNodeRegistry
from orket._value import Value
from orket._wiring import Binding, Wiring
from orket.contracts import EnvironmentQuestion, Isolation, ModelClient, Store, Tool
from orket.errors import ConfigError, NodeError, StoreError, ToolError
from orket.models import CallableModel
from orket.models.callables import Agent
from orket.organization import Organization
from orket.stores import SQLiteStore
from orket.tools import board_tools, workspace_tools

_ISOLATION: Final = "verification_isolation"  # process rules
_MODEL: Final = "default_model"
_EARLY: Final = ("engine_runtime", "loader_strategy")  # needed before the organization's process rules are known


@frozen(kw_only=True, repr=False, eq=False)
class HostChoices(Value):
    """What decides the wiring: the host's nodes, its environment, where its assets are, and where agents write."""

    config: Path
    workspace: Path
    nodes: Mapping[str, object]
    environ: Mapping[str, str]
    dotenv: str | Path | None
    strict: bool
    isolation: Isolation


@define(kw_only=True, repr=False, eq=False)
class House:
    """What all runs of one orchestrator share."""

    organization: Organization
    environ: Mapping[str, str]
    wiring: Wiring
    loader: ConfigLoader
    oddities: tuple[str, ...]  # of the environment, and of what packages offer
    isolation: Isolation  # the weakest of fixtures that will do


def build_house(registry: DecisionNodeRegistry, choices: HostChoices) -> House:
    """Read the environment and the organization, and resolve all nodes (blocking I/O).

    The nodes that find the organization cannot be chosen by its process rules before it is read: they are resolved
    twice, and the second choice is used for all that follows.

    Raises:
        WiringError: a node cannot be resolved; lists all that cannot.
        ConfigError: the organization cannot be read.
    """
    dotenv = _read_dotenv(Path(choices.dotenv)) if choices.dotenv else ""
    question = EnvironmentQuestion(environ=dict(choices.environ), dotenv=dotenv)
    host_early = {kind: node for kind, node in choices.nodes.items() if kind in _EARLY}
    early = registry.resolve(host=host_early, environ=choices.environ, process_rules={}, kinds=_EARLY)
    environ = _environment(early["engine_runtime"], question, choices.dotenv)
    root = settle(early["engine_runtime"], "config_root", choices.config, environ)
    organization = ConfigLoader(root, loader=early["loader_strategy"], environ=environ).load_organization()
    wiring = registry.resolve(host=choices.nodes, environ=environ, process_rules=organization.process_rules)
    if wiring["engine_runtime"].resolution != early["engine_runtime"].resolution:
        environ = _environment(wiring["engine_runtime"], question, choices.dotenv)
        root = settle(wiring["engine_runtime"], "config_root", choices.config, environ)
    if root.resolve().is_relative_to(choices.workspace.resolve()):
        raise ConfigError(
            f"the assets in {root} lie inside the workspace {choices.workspace}, where agents write: they could change"
            " their own roles; keep the workspace outside, or in a folder below the assets"
        )
    loader = ConfigLoader(root, loader=wiring["loader_strategy"], environ=environ, strict=choices.strict)
    organization = loader.load_organization()
    _check_default_model(organization)
    return House(
        organization=organization,
        environ=environ,
        wiring=wiring,
        loader=loader,
        oddities=(*misspelt_variables(environ), *registry.warnings),
        isolation=_demanded_isolation(organization, choices.isolation),
    )


def _environment(binding: Binding, question: EnvironmentQuestion, dotenv: str | Path | None) -> Mapping[str, str]:
    """Return what the node says; what the stock one raises names a line and quotes none, so that it can be told.

    Raises:
        ConfigError: a line of the ``.env`` file is none.
        NodeError: another node raised, or one broke its contract.
    """
    from orket.nodes.engine_runtime import DefaultEngineRuntimePolicyNode

    try:
        environ: Mapping[str, str] = settle(binding, "environment", question)
    except NodeError as error:
        if type(binding.node) is not DefaultEngineRuntimePolicyNode or not isinstance(error.__cause__, ValueError):
            raise
        where = str(error.__cause__).removeprefix(".env, ")
        raise ConfigError(f"{dotenv} cannot be read: {where}", file=str(dotenv)) from None
    return environ


def _check_default_model(organization: Organization) -> None:
    """Refuse a process rule that names no model: it would be passed over without a word.

    Raises:
        ConfigError: it is no text.
    """
    said = organization.process_rules.get(_MODEL, "")
    if not isinstance(said, str):
        raise ConfigError(
            f"process rule {_MODEL!r} of organization {organization.name!r} is {said!r:.80}; valid: a model's name"
        )


def _demanded_isolation(organization: Organization, host: Isolation) -> Isolation:
    """Return the stronger of what the host and the organization demand.

    Raises:
        ConfigError: the organization's process rule is no level.
    """
    said = organization.process_rules.get(_ISOLATION, host.value)
    if said not in tuple(Isolation):
        raise ConfigError(
            f"process rule {_ISOLATION!r} of organization {organization.name!r} is {said!r:.80}; "
            f"valid: {', '.join(Isolation)}"
        )
    return min(host, Isolation(said), key=tuple(Isolation).index)


def _read_dotenv(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}", file=str(path)) from error
    except UnicodeDecodeError:  # not chained: it holds the file's bytes, which may be secrets
        raise ConfigError(f"{path} is not UTF-8 text", file=str(path)) from None


def gather_tools(host: Iterable[Tool], store_files: Callable[[], Iterable[Path]]) -> Mapping[str, Tool]:
    """Return the stock tools and the host's by name; the store's files are closed to all of them.

    Raises:
        ToolError: two tools have one name, or the host passed something that is no tool.
    """

    def protected() -> frozenset[tuple[int, int]]:
        found = set()
        for path in store_files():
            try:
                status = os.stat(path)  # noqa: PTH116 - Path.stat is a detour
            except FileNotFoundError:
                continue
            if stat.S_ISREG(status.st_mode):
                found.add((status.st_dev, status.st_ino))
        return frozenset(found)

    tools: dict[str, Tool] = {}
    for one in (*workspace_tools(protected=protected), *board_tools(), *host):
        if not isinstance(one, Tool):
            raise ToolError(f"{one!r:.100} is no tool; make one of a function with @orket.tool", found=one)
        if one.spec.name in tools:
            raise ToolError(f"two tools are called {one.spec.name!r}; rename the host's", tool=one.spec.name)
        tools[one.spec.name] = one
    return tools


def as_model(model: ModelClient | Agent) -> ModelClient:
    """Return a model client; a plain function becomes a :class:`~orket.models.CallableModel`.

    Raises:
        WiringError: neither a client nor a function.
    """
    valid = "a model client, or a function of a ModelRequest"
    if isinstance(model, type) and hasattr(model, "complete"):  # the class of a client has what its instances have
        raise refuse("model", model, valid)
    if isinstance(model, ModelClient):
        return model
    if not callable(model):
        raise refuse("model", model, valid)
    return CallableModel(model)


def as_store(store: Store | Path | str | None, workspace: Path) -> Store:
    """Return the store: the one given, a SQLite file at the path given, or a SQLite file beside the workspace.

    Makes the workspace and the store's folder (blocking I/O).

    Raises:
        StoreError: the file would lie inside the workspace, where agents write; or a folder cannot be made.
    """
    _make_folder(workspace)
    if store is None:
        store = workspace.parent / f"{workspace.name}.orket" / "journal.db"
    if isinstance(store, str | Path):
        path = SQLiteStore(store).location.resolve()
        _refuse_inside(path, workspace)
        _make_folder(path.parent)
        return SQLiteStore(path)
    if store.location is not None:
        _refuse_inside(store.location.resolve(), workspace)
    return store


def _make_folder(path: Path) -> None:
    """Make a folder and those above it that are missing; a power failure takes none of them and what lies in it."""
    try:
        missing = [folder for folder in (path, *path.parents) if not folder.exists()]
        path.mkdir(parents=True, exist_ok=True)
        for folder in missing:
            _sync_names(folder.parent)
    except OSError as error:
        raise StoreError(f"the folder {path} cannot be made: {error.strerror}", path=path) from error


def _sync_names(folder: Path) -> None:
    with suppress(PermissionError):  # it may not be read; on Windows none may, and none need be synced
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _refuse_inside(path: Path, workspace: Path) -> None:
    if path.is_relative_to(workspace.resolve()):
        raise StoreError(
            f"the store {path} lies inside the workspace {workspace}, where agents write; keep it outside", path=path
        )


def store_files(store: Store) -> tuple[Path, ...]:
    """Return the files that a store keeps open."""
    location = store.location
    if location is None:
        return ()
    return (location, *(location.with_name(location.name + suffix) for suffix in ("-wal", "-shm")))
