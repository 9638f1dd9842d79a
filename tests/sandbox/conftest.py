"""Sandbox services over an engine that is none, on both stores."""

from pathlib import Path

import pytest
from engine_double import EngineDouble
from sandbox_services import make_product, make_service

from orket.contracts import Store
from orket.sandbox import SandboxOrchestrator
from orket.sandbox import _ports as ports
from orket.testing import SimulatedClock


@pytest.fixture
def clock() -> SimulatedClock:
    """A clock that goes on when nothing else does."""
    return SimulatedClock(auto=True)


@pytest.fixture
def engine() -> EngineDouble:
    """An engine with things of others."""
    double = EngineDouble()
    double.foreign()
    return double


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A workspace with a product."""
    return make_product(tmp_path / "space")


@pytest.fixture(autouse=True)
def quiet_ports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test of this folder waits for, or takes, a port that another one looks at."""
    monkeypatch.setattr(ports, "lock_folder", lambda: tmp_path / "ports")
    monkeypatch.setattr(ports, "is_free", lambda port: True)


@pytest.fixture
def sandboxes(store: Store, engine: EngineDouble, clock: SimulatedClock, workspace: Path) -> SandboxOrchestrator:
    """A service with stock nodes."""
    return make_service(store, engine, clock, workspace)
