"""The documentation is true: its code runs, its links lead somewhere, its tables are the code's."""

import importlib.util
import inspect
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import attrs
import pytest
from pages import (
    DOCS,
    NOT_RUN,
    PAGES,
    ROOT,
    blocks,
    broken_links,
    name_of,
    prepare,
    prose,
    read,
    section,
    words,
    write_files,
)

import orket
from orket import contracts, errors
from orket._config._names import KNOWN_RULES
from orket._config._shapes import shapes
from orket._wiring import KINDS
from orket.governance import TRANSITIONS, GateQuestion, ToolGate

RUN = [page for page in PAGES if any(block.language == "python" for block in blocks(page))]
NODES = DOCS / "nodes"
ASKED = {  # kind: the questions and answers that its page explains field by field
    "planner": (contracts.PlanQuestion, contracts.Plan),
    "router": (contracts.RouteQuestion, contracts.Route),
    "prompt_strategy": (
        contracts.ModelQuestion,
        contracts.ModelChoice,
        contracts.DialectQuestion,
        contracts.DialectChoice,
        contracts.PromptQuestion,
        contracts.Prompt,
        contracts.Message,
    ),
    "tool_strategy": (contracts.ToolsetQuestion, contracts.Toolset),
    "evaluator": (
        contracts.TurnReport,
        contracts.SuccessQuestion,
        contracts.SuccessAnswer,
        contracts.FailureQuestion,
        contracts.FailureAnswer,
    ),
    "orchestration_loop": (contracts.LoopQuestion, contracts.BoardCounts, contracts.MissingSeat, contracts.RestAnswer),
    "loader_strategy": (),
    "execution_runtime": (),
    "engine_runtime": (contracts.EnvironmentQuestion,),
    "pipeline_wiring": (contracts.ServiceQuestion, contracts.SubPipeline, contracts.VerificationResult),
    "sandbox_policy": (contracts.SandboxQuestion, contracts.SandboxPorts),
    "api_runtime": (contracts.AssetQuestion,),
}
ASSETS = {  # the heading of configuration.md under which an object's keys stand
    "ArchitectureGovernance": "Epic",
    "ArchitectureRules": "Architecture",
    "BottleneckThresholds": "Bottleneck thresholds",
    "EpicReference": "Rock",
    "ScenarioResult": "Result",
    "Seat": "Team",
    "VerificationResult": "Result",
}


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an organization, as the current one, and an environment that says nothing to orket."""
    for name in [name for name in os.environ if name.startswith("ORKET_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("crew", "orket_by_label"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    prepare(tmp_path)
    return tmp_path


def install(project: Path, site: Path) -> None:
    """Install a package as ``pip install --editable`` would: metadata in a folder, sources where they are."""
    about = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    info = site / f"{about['name'].replace('-', '_')}-{about['version']}.dist-info"
    info.mkdir(parents=True)
    groups = about["entry-points"].items()
    lines = [
        f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in offers.items()) for group, offers in groups
    ]
    (info / "entry_points.txt").write_text("".join(lines), encoding="utf-8")
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {about['name']}\nVersion: {about['version']}\n", encoding="utf-8"
    )


def once(page: Path) -> list[pytest.MarkDecorator]:
    """Mark the page whose crews die by the dozen as too long for every Python."""
    return [pytest.mark.thorough] if page.name == "prove-durability.md" else []


@pytest.mark.parametrize("page", [pytest.param(page, marks=once(page), id=name_of(page)) for page in RUN])
def test_code_runs_and_prints_what_it_says(
    page: Path, desk: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every complete Python block of a page runs, in order, and prints just the lines that it says."""
    write_files(blocks(page), desk)
    for project in desk.glob("*/pyproject.toml"):
        install(project.parent, desk / "site")
        monkeypatch.syspath_prepend(str(desk / "site"))
        monkeypatch.syspath_prepend(str(project.parent / "src"))
    names = {"__name__": "page"}
    for block in blocks(page):
        if block.language == "python":
            code = block.compile()
            if block.is_run:
                exec(code, names)
                assert capsys.readouterr().out.splitlines() == block.printed, f"{name_of(page)}:{block.line}"


def test_the_package_of_the_how_to_passes_its_own_tests(desk: Path) -> None:
    """What write-a-node.md tells a newcomer to write and run passes, in a process where the package is installed."""
    write_files(blocks(DOCS / "howto" / "write-a-node.md"), desk)
    install(desk / "by-label", desk / "site")
    paths = os.pathsep.join([str(desk / "by-label" / "src"), str(desk / "site"), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "by-label/tests"]
    done = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True, timeout=120, check=False
    )
    assert "5 passed" in done.stdout, done.stdout + done.stderr


def test_few_blocks_are_not_run() -> None:
    """Blocks that are only compiled are rare, and data that pages show is well formed."""
    found = [block for page in PAGES for block in blocks(page)]
    assert sum(block.text.startswith(NOT_RUN) for block in found) <= 3
    assert {block.language for block in found} <= {"python", "json", "toml", "text", "sh"}
    for block in found:
        if block.language == "json":
            json.loads(block.text)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_to_pages_and_headings(page: Path) -> None:
    """Every relative link of a page names a file that exists, and a heading that it has."""
    assert list(broken_links(page)) == []


def test_every_page_can_be_found() -> None:
    """Every page is linked from another one, and each kind of node from the map of nodes."""
    linked = {(page.parent / path).resolve() for page in PAGES for path in links(page)}
    assert [name_of(page) for page in PAGES if page not in linked] == []
    assert {f"{kind}.md" for kind in KINDS} <= set(links(NODES / "index.md"))


def links(page: Path) -> list[str]:
    return re.findall(r"\]\(([^)#:]+\.md)", read(page))


def writer_of_states() -> ModuleType:
    spec = importlib.util.spec_from_file_location("write_states", DOCS / "write_states.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_of_states_is_the_law() -> None:
    """The tables of states.md are what the transition table says; ``python docs/write_states.py`` writes them."""
    page = DOCS / "states.md"
    assert writer_of_states().update(read(page)) == read(page)
    assert {str(status) for status in orket.CardStatus} <= words(section(page, "Statuses"))
    assert {str(reason) for reason in orket.WaitReason} <= words(section(page, "Wait reasons"))


def test_the_written_states_follow_the_law() -> None:
    """Each pair of statuses that somebody may use is one row below the status it starts from, and no other is."""
    for before in orket.CardStatus:
        rows = re.findall(r"^\| `(\w+)` \|", section(DOCS / "states.md", f"From `{before}`"), re.MULTILINE)
        assert rows == [str(after) for after in orket.CardStatus if TRANSITIONS[before, after].actors]


def test_rules_of_transitions_are_named() -> None:
    """Every rule by which the law refuses a transition stands in states.md, and no other."""
    source = (ROOT / "src" / "orket" / "governance" / "_machine.py").read_text(encoding="utf-8")
    named = re.findall(r"^\| `([\w-]+)` \|", section(DOCS / "states.md", "Who may"), re.MULTILINE)
    assert sorted(named) == sorted(set(re.findall(r'rule="([\w-]+)"', source)))


def test_gate_rules_stand_in_their_order() -> None:
    """gate.md lists the stock rules in the order they are asked, and the fields of their question."""
    page = DOCS / "gate.md"
    assert tuple(re.findall(r"^\| `([\w-]+)` \|", section(page, "Rules"), re.MULTILINE)) == ToolGate().rules
    assert {field.name for field in attrs.fields(GateQuestion)} <= words(section(page, "Rules of your own"))


def test_errors_are_all_explained() -> None:
    """Every error class has one row in errors.md, and stands in its tree."""
    page = DOCS / "errors.md"
    classes = {name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, Exception)}
    rows = re.findall(r"^\| `(\w+Error)` \|", prose(page), re.MULTILINE)
    assert sorted(rows) == sorted(classes - {"OrketError"})
    tree = next(block.text for block in blocks(page) if block.language == "text")
    assert set(re.findall(r"\w+Error", tree)) == classes


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_explains_each_kind(kind: str) -> None:
    """A kind's page names its Protocol, methods, ways to choose it, options, and every field of question and answer."""
    spec, page = KINDS[kind], NODES / f"{kind}.md"
    found = words(read(page)) | set(re.findall(r"\w+", prose(page)))
    stock = next(point for point in orket.DecisionNodeRegistry().offers(kind) if point.distribution == "orket").value
    assert {f"orket.contracts.{spec.protocol.__name__}", spec.group, spec.variable, spec.rule} <= words(prose(page))
    assert stock.replace(":", ".") in words(prose(page))
    assert set(spec.methods) <= found
    assert [cls.__name__ for cls in ASKED[kind] if cls.__name__ not in found] == []
    assert {field.name for cls in ASKED[kind] for field in attrs.fields(cls)} - found == set()
    assert any(block.is_run for block in blocks(page))


@pytest.mark.parametrize("kind", KINDS)
def test_options_of_stock_nodes_are_explained(kind: str) -> None:
    """Each option of a stock node stands on its page with its default."""
    node = orket.DecisionNodeRegistry().resolve(kinds=[kind])[kind].node
    text = " ".join(prose(NODES / f"{kind}.md").split())
    if type(node).__init__ is object.__init__:
        assert "no options" in text
        return
    for option in inspect.signature(type(node)).parameters.values():
        assert f"`{option.name}`" in text
        assert str(option.default) in text


@pytest.mark.parametrize("cls", shapes(), ids=lambda cls: cls.__name__)
def test_keys_of_assets_are_explained(cls: type) -> None:
    """Every key and alias of an asset stands under its heading of configuration.md."""
    heading = ASSETS.get(cls.__name__, cls.__name__)
    known = words(section(DOCS / "configuration.md", heading))
    if cls.__name__ == "Issue":  # keys of a verification may stand in the issue
        known |= words(section(DOCS / "configuration.md", "Verification"))
    assert set(shapes()[cls].keys) - known == set()


def test_process_rules_are_explained() -> None:
    """Every process rule that orket reads has a row in configuration.md, and no other has one."""
    rows = [
        line.split("|")[1] for line in section(DOCS / "configuration.md", "Process rules").splitlines() if "|" in line
    ]
    told = {name for row in rows for name in re.findall(r"`(\w+)`", row)} - {"router_node"}
    assert told == set(KNOWN_RULES)
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "src" / "orket").rglob("*.py"))
    assert [rule for rule in KNOWN_RULES if sources.count(f'"{rule}"') < 2] == []


def test_environment_variables_are_explained() -> None:
    """Every variable that the package reads stands in configuration.md, and no other."""
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py"))
    settings = {f"ORKET_{name.upper()}" for name in re.findall(r'_read\(question, "(\w+)"', sources)}
    read_there = set(re.findall(r'"(ORKET_[A-Z_]+)"', sources)) - {"ORKET_"} | settings
    told = set(re.findall(r"ORKET_[A-Z_]+(?=`)", prose(DOCS / "configuration.md")))
    assert told - {spec.variable for spec in KINDS.values()} == read_there


def test_public_names_are_on_the_map() -> None:
    """Every public name stands on the map, and on the page that the map names for it."""
    rows = [line.strip("| ").split(" | ") for line in section(DOCS / "index.md", "Public names").splitlines()]
    told: dict[str, str] = {}
    for row in rows:
        if len(row) == 3 and (leads := re.search(r"\(([\w./-]+)\)", row[2])):
            told |= dict.fromkeys(words(row[0]), leads[1])
    assert sorted(told) == sorted(orket.__all__)
    missing = {name: path for name, path in told.items() if not re.search(rf"\b{name}\b", read(DOCS / path))}
    assert missing == {}
