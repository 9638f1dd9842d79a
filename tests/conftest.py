"""What all tests share."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, settings
from model_server import make_model, missing_parts, model_server

from orket.contracts import Store
from orket.stores import MemoryStore, SQLiteStore

pytest_plugins = ["evidence"]

# A busy machine is nobody's defect: no property may fail for how long it takes.
settings.register_profile(
    "orket", deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
settings.load_profile("orket")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the longest tests first, so that none is left to the end, when only one worker has something to do."""
    items.sort(key=lambda item: (item.get_closest_marker("fire") is None, item.get_closest_marker("thorough") is None))


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Run every async test on both backends."""
    return request.param


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path, anyio_backend: str) -> AsyncIterator[Store]:
    """An open store of each kind."""
    opened: Store = MemoryStore() if request.param == "memory" else SQLiteStore(tmp_path / "journal.db")
    await opened.open()
    yield opened
    await opened.aclose()


@pytest.fixture
def memory_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory, if there is such a place: for files that no test wants to outlive the machine."""
    memory = Path("/dev/shm")
    with TemporaryDirectory(prefix="orket-", dir=memory if memory.is_dir() else tmp_path) as name:
        yield Path(name)


@pytest.fixture(scope="session")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny real language model: calls a tool when tools are offered and none has answered, else answers with text."""
    if missing := missing_parts():
        pytest.skip(f"the model server needs {' and '.join(missing)}: install the dependency group 'test'")
    return make_model(tmp_path_factory.mktemp("model") / "tiny.gguf")


@pytest.fixture(scope="session")
def model_url(model_file: Path) -> Iterator[str]:
    """The address of a real llama.cpp server of the tiny model, without a path."""
    with model_server(model_file, model_file.with_name("server.log")) as url:
        yield url
