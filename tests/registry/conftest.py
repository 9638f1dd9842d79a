"""Real packages: a folder on ``sys.path`` with modules and the metadata that an installer would have written."""

import itertools
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

Package = Callable[..., str]


class Site:
    """A folder on ``sys.path`` to which distributions are installed."""

    numbers = itertools.count()

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.modules: list[str] = []
        folder.mkdir(parents=True)
        sys.path.insert(0, str(folder))

    def package(self, name: str, offers: Mapping[str, Mapping[str, str]], code: str = "", version: str = "1.0") -> str:
        """Install a distribution; ``{module}`` in *offers* stands for its module, whose name is returned."""
        stem = name.replace("-", "_")
        module = f"{stem}_{next(self.numbers)}"
        (self.folder / f"{module}.py").write_text(code)
        info = self.folder / f"{stem}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        lines = []
        for group, points in offers.items():
            lines += [f"[{group}]", *[f"{key} = {value.format(module=module)}" for key, value in points.items()]]
        (info / "entry_points.txt").write_text("\n".join(lines))
        self.modules.append(module)
        return module

    def leave(self) -> None:
        """Forget it all."""
        sys.path.remove(str(self.folder))
        for module in self.modules:
            sys.modules.pop(module, None)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A new folder for packages, first on ``sys.path``."""
    site = Site(tmp_path / "site")
    yield site
    site.leave()


@pytest.fixture
def package(site: Site) -> Package:
    """Installs a package."""
    return site.package


@pytest.fixture(scope="module")
def shared_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The same, for all tests of a module."""
    site = Site(tmp_path_factory.mktemp("shared") / "site")
    yield site
    site.leave()
