"""Everything that is run on this project, by name: ``nox -s tests``, ``nox -s quickstart``, ``nox -l`` for the rest.

A session installs what it needs into an environment of its own; arguments after ``--`` go to the program it runs.
"""

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

import nox
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent
OWN = f"{sys.version_info.major}.{sys.version_info.minor}"
PYTHONS = sorted({"3.11", "3.12", "3.13", "3.14", OWN}, key=lambda version: int(version.removeprefix("3.")))
PROJECT = nox.project.load_toml(ROOT / "pyproject.toml")

CORE = {"anyio", "attrs", "cattrs", "importlib-metadata"}

nox.options.sessions = ["lint", "typing", "tests"]
nox.options.default_venv_backend = "virtualenv"
nox.options.reuse_venv = "yes"
nox.options.download_python = "never"
nox.options.error_on_missing_interpreters = False  # not even where CI is set: a machine tests the Pythons it has
nox.needs_version = ">=2025.10.14"


def _group(name: str) -> list[str]:
    return nox.project.dependency_groups(PROJECT, name)


@nox.session
def quickstart(session: nox.Session) -> None:
    """Drive an epic from ready to done with nothing installed but the core, and an HTTP client for real models."""
    session.install(".[http]" if "--model" in session.posargs else ".")
    session.run("python", "examples/quickstart", *session.posargs)


@nox.session
def host(session: nox.Session) -> None:
    """Serve the example host on the loopback; with webhooks where HOST_WEBHOOK_SECRET is set."""
    session.install(".[http]", *_group("host"))
    session.run("python", "examples/host", *session.posargs)


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run the tests on every Python of this machine; the Python that runs nox also measures branch coverage.

    It alone runs the thorough ones, which take as long as all others together.
    """
    session.install("-e", ".[http,testing]", *_group("test"))
    whole = ["--cov", "--cov-fail-under=95"] if session.python == OWN else ["-m", "not thorough"]
    whole += ["-o", "faulthandler_timeout=900", "-o", "faulthandler_exit_on_timeout=true"]  # who hangs is named
    session.run("python", "-m", "pytest", "-n", "2", "--maxschedchunk", "1", *(session.posargs or whole))


@nox.session
def nightly(session: nox.Session) -> None:
    """Repeat what the tests do a little of in CI, much more often; for hours. NIGHTLY=3/10: the third of ten shares."""
    session.install("-e", ".[http,testing]", *_group("test"))
    chosen = ("-n", "2", "--maxschedchunk", "1", "-m", "nightly", "-rP")
    session.run("python", "-m", "pytest", *chosen, *session.posargs, env={"NIGHTLY": os.environ.get("NIGHTLY") or "1"})


@nox.session
def migrations(session: nox.Session) -> None:
    """Open files as every schema version wrote them, migrate them and work on; let migrations fail in every way."""
    session.install("-e", ".[testing]", *_group("test"))
    session.run("python", "-m", "pytest", "tests/migrations", *session.posargs)


@nox.session
def evidence(session: nox.Session) -> None:
    """Put the record under fire and write docs/evidence.md; as often as in CI, or with NIGHTLY=1 as at night.

    Arguments that end with .json are what other sessions have shown (``--evidence=FILE``): it is added.
    """
    session.install("-e", ".[http,testing]", *_group("test"))
    found = str(Path(session.create_tmp()) / "evidence.json")
    chosen = ("-n", "2", "--maxschedchunk", "1", "-m", "fire", f"--evidence={found}")
    others = [argument for argument in session.posargs if argument.endswith(".json")]
    more = [argument for argument in session.posargs if argument not in others]
    session.run("python", "-m", "pytest", *chosen, *more, success_codes=[0, 1])
    session.run("python", "docs/write_evidence.py", *others, found)  # fails where a guarantee did


@nox.session
def typing(session: nox.Session) -> None:
    """Check the types of the package and that every public name has one."""
    session.install("-e", ".[http,testing]", *_group("typing"))
    session.run("mypy", "--strict")
    for package in ("cost-router", "critical-path-planner", "llm-evaluator"):
        session.run("mypy", "--strict", f"examples/plugins/orket-{package}/src")
    session.run("pyright", "src")
    session.run("pyright", "--verifytypes", "orket", "--ignoreexternal")


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, import floors, the public interface, and the size and shape of files."""
    session.install("-e", ".[testing]", *_group("lint"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("lint-imports", "--no-cache")  # its cache does not notice that an imported module came or went
    session.run("python", "tests/api/skeleton.py")  # what the public interface breaks, the changelog declares
    session.run(
        "python", "-m", "pytest", "--quiet", "--confcutdir=tests/architecture", "tests/architecture", *session.posargs
    )


@nox.session
def bench(session: nox.Session) -> None:
    """Measure what a turn costs, beside raw SQLite and beside peers."""
    session.install(".[http]", *_group("bench"))
    session.run("python", "benchmarks/run.py", *session.posargs)


@nox.session
def load(session: nox.Session) -> None:
    """Put the example host under load, beside a double that commits once for each request."""
    session.install(".[http]", *_group("load"))
    session.run("python", "benchmarks/load", *session.posargs)


@nox.session
def wheel(session: nox.Session) -> None:
    """Build sdist and wheel into dist/, install the wheel alone, and run the quickstart's job from it elsewhere."""
    session.install("build")
    shutil.rmtree(ROOT / "dist", ignore_errors=True)  # of another version
    session.run("python", "-m", "build", "--outdir", str(ROOT / "dist"), str(ROOT))
    with tempfile.TemporaryDirectory(prefix="orket-wheel-") as name:
        outside = Path(name).resolve()
        python = _install_alone(session, outside / "env", next((ROOT / "dist").glob("*.whl")))
        shutil.copytree(ROOT / "examples" / "quickstart", outside / "quickstart")
        with session.chdir(outside):
            session.run(python, "quickstart", *session.posargs, external=True)


@nox.session
def contracts(session: nox.Session) -> None:
    """Build wheels of orket and of the example plugins, and prove these where nothing else is: suites, and an epic."""
    plugins = ROOT / "examples" / "plugins"
    packages = sorted(path.parent for path in plugins.glob("*/pyproject.toml"))
    with tempfile.TemporaryDirectory(prefix="orket-contracts-") as name:
        outside = Path(name).resolve()
        session.run("python", "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", str(outside), str(ROOT), *packages)
        session.run("python", "-m", "venv", "--without-pip", str(outside / "env"))
        python = str(outside / "env" / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python"))
        wheels = [_with_extras(path) for path in sorted(outside.glob("*.whl"))]
        session.run("python", "-m", "pip", "--python", python, "install", "--quiet", *wheels)
        shutil.copytree(plugins, outside / "plugins", ignore=shutil.ignore_patterns("src", ".*", "__pycache__"))
        for package in [it.name for it in packages if (it / "tests").is_dir()]:
            with session.chdir(outside / "plugins" / package):
                session.run(python, "-m", "pytest", "--quiet", *session.posargs, external=True)
        installed = ("-m", "pytest", "--quiet", "--pyargs", "orket.testing.installed", "-k", "asyncio", "--orket-nodes")
        with session.chdir(outside):
            session.run(python, *installed, "router=cost-aware,planner=critical-path", external=True)
            session.run(python, "plugins/crew", external=True)


def _with_extras(wheel: Path) -> str:
    """Return a wheel as pip installs it with what its tests need."""
    extras = {"orket": "[http,testing]", "orket_broken_twin": ""}
    return f"{wheel}{extras.get(wheel.name.partition('-')[0], '[test]')}"


def _install_alone(session: nox.Session, environment: Path, built: Path) -> str:
    """Install a wheel into an empty environment, check what came with it, and return the environment's Python."""
    session.run("python", "-m", "venv", "--without-pip", str(environment))
    python = str(environment / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python"))
    pip = ("python", "-m", "pip", "--python", python)
    session.run(*pip, "install", "--quiet", str(built))
    report = json.loads(str(session.run(*pip, "inspect", silent=True)))
    installed = {canonicalize_name(found["metadata"]["name"]): found["metadata"] for found in report["installed"]}
    needed, optional = _requirements(installed["orket"]["requires_dist"])
    surplus = installed.keys() & (optional - CORE)
    if needed != CORE or surplus:
        session.error(f"the wheel needs {sorted(needed)} and brought {sorted(surplus)}; the core is {sorted(CORE)}")
    origin = session.run(python, "-I", "-c", "import orket; print(orket.__file__)", external=True, silent=True)
    if environment not in Path(str(origin).strip()).parents:
        session.error(f"orket was imported from {origin}, not from {environment}")
    return python


def _requirements(lines: list[str]) -> tuple[set[str], set[str]]:
    """Return the names of what a distribution always needs, and of what its extras need."""
    requirements = [Requirement(line) for line in lines]
    optional = {canonicalize_name(each.name) for each in requirements if "extra ==" in str(each.marker)}
    return {canonicalize_name(each.name) for each in requirements if "extra ==" not in str(each.marker)}, optional
