"""The broken packages, exposed as an installer would: their sources on the path, beside the metadata of each."""

import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

PLUGINS = Path(__file__).parents[2] / "examples" / "plugins"
BROKEN = ("orket-broken", "orket-broken-twin")


def entry_points(distribution: str) -> dict[str, dict[str, str]]:
    """Return by group what the distribution's project file offers."""
    project = tomllib.loads((PLUGINS / distribution / "pyproject.toml").read_text("utf-8"))["project"]
    found: dict[str, dict[str, str]] = project["entry-points"]
    return found


def write_metadata(site: Path, distribution: str) -> None:
    """Write what an installer would have written."""
    project = tomllib.loads((PLUGINS / distribution / "pyproject.toml").read_text("utf-8"))["project"]
    info = site / f"{distribution.replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {project['version']}\n")
    lines = []
    for group, points in entry_points(distribution).items():
        lines += [f"[{group}]", *[f"{name} = {value}" for name, value in points.items()]]
    (info / "entry_points.txt").write_text("\n".join(lines))


@pytest.fixture
def broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Both broken distributions, installed; nothing of them is imported yet."""
    site = tmp_path / "site"
    site.mkdir()
    for distribution in BROKEN:
        write_metadata(site, distribution)
        monkeypatch.syspath_prepend(str(PLUGINS / distribution / "src"))
    monkeypatch.syspath_prepend(str(site))
    yield site
    for name in [it for it in sys.modules if it.partition(".")[0] in ("orket_broken", "orket_broken_twin")]:
        del sys.modules[name]
