"""Each stock rule of the gate refuses what it is for, and nothing else."""

from typing import Any

import pytest
from attrs import evolve
from gate_questions import question_of

from orket.contracts import CardStatus, Role
from orket.governance import MAX_ADDED_ISSUES, MAX_CREATED_ISSUES, ToolGate

GATE = ToolGate()


def rule_of(tool: str, arguments: dict[str, Any] | None = None, **changes: Any) -> str:
    """Return the rule that refuses a call; "" when it is allowed."""
    return GATE.judge(question_of(tool, arguments, **changes)).rule


def write(path: Any, content: Any = "x = 1\n", **changes: Any) -> str:
    return rule_of("write_file", {"path": path, "content": content}, **changes)


def test_a_tool_must_exist() -> None:
    """A call of no tool, or judged by another tool's description, is refused."""
    assert rule_of("rm") == "known-tool"
    assert rule_of("read_file", spec=question_of("write_file").spec) == "known-tool"


def test_a_role_must_list_the_tool_and_the_turn_offer_it() -> None:
    """Either of several roles may list a tool; being offered alone does not allow it, nor being listed alone."""
    reader, writer = Role(name="r", tools=("read_file",)), Role(name="w", tools=("write_file",))
    arguments = {"path": "a", "content": ""}
    assert rule_of("write_file", arguments, roles=(reader, writer)) == ""
    assert rule_of("write_file", arguments, roles=(reader,)) == "role-tools"
    assert rule_of("write_file", arguments, roles=()) == "role-tools"
    assert rule_of("write_file", arguments, offered=frozenset({"read_file"})) == "role-tools"


def test_arguments_must_have_been_read() -> None:
    """A call whose arguments the tool refused does not run, and the verdict says why."""
    verdict = GATE.judge(question_of("read_file", bound=None, bind_error="path: missing"))
    assert (verdict.rule, verdict.detail) == ("arguments", "path: missing")
    assert rule_of("read_file", bound=None) == "arguments"
    assert rule_of("read_file", bind_error="odd") == "arguments"


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "~/x",
        "../x",
        "a/../x",
        "a/..",
        "a\\b",
        "C:/x",
        "a:b",
        "a\x00b",
        "a\nb",
        "a\u202eb",
        "a\u200bb",
        "a\ud800b",
        "a\u2028b",
        "CON",
        "a/nul.txt",
        "COM1.tar.gz",
        "lpt9 .x",
        "com¹",
        "a.",
        "a /b",
        "...",
        "progra~1/x",
        "x" * 256,
        "é" * 200,
        "a/" * 600,
        "a/" * 33,
        5,
        True,
        ["ok", "../x"],
        ["ok", 5],
    ],
    ids=repr,
)
@pytest.mark.parametrize("tool", ["read_file", "write_file"])
def test_paths_outside_the_workspace_are_refused(tool: str, path: Any) -> None:
    """What leads out of the workspace, or is another file on some system, is neither read nor written."""
    assert rule_of(tool, {"path": path}) == "workspace-boundary"


@pytest.mark.parametrize("path", ["", ".", "a/", "a/.", "a?", "a*b", "<a>"])
def test_a_write_names_a_portable_file(path: str) -> None:
    """A path that names no file, or one that not every system can hold, may be read and not written."""
    assert write(path) == "workspace-boundary"
    assert rule_of("list_directory", {"path": path}) == ""


@pytest.mark.parametrize(
    "path",
    [
        "a",
        "a/b.py",
        "./a",
        "a//b",
        ".hidden",
        "a b.txt",
        "ünïcode.md",
        "console.py",
        "nullable",
        "a~b",
        "x~",
        "..a",
        None,
    ],
)
def test_ordinary_paths_are_allowed(path: str | None) -> None:
    """Relative paths with ordinary names pass, and so does an optional path that is not given."""
    assert write(path) == ""


@pytest.mark.parametrize(
    "path",
    [
        "verification",
        "verification/f.py",
        "./verification/f.py",
        "Verification/f.py",
        "VERIFICATION//x",
        "ｖerification/x",
    ],
)
def test_fixtures_are_read_only(path: str) -> None:
    """Nothing is written to verification/ however it is spelled; reading it is fine."""
    assert write(path) == "workspace-boundary"
    assert rule_of("deploy", {"target_dir": path}) == "workspace-boundary"
    assert rule_of("read_file", {"path": path}) == ""
    assert write("agent_output/verification/f.txt") == ""
    assert write(path, protected=()) == ""


@pytest.mark.parametrize(
    "arguments",
    [
        {"files": [{"path": "../x", "content": ""}]},
        {"paths": ["a", "/b"]},
        {"files": ["/b"]},
        {"options": {"deep": [{"output_file": "/b"}]}},
        {"PATH": "/b"},
        {"cwd": "/"},
    ],
)
def test_paths_are_found_however_deep(arguments: dict[str, Any]) -> None:
    """Every argument whose name says that it is a path is judged, at any depth."""
    assert rule_of("deploy", arguments) == "workspace-boundary"
    assert rule_of("deploy", {"text": "/b", "profile": "/c"}) == ""


@pytest.mark.parametrize(
    "path",
    [
        "a.exe",
        "a.EXE",
        "lib/b.so",
        "x.pyc",
        "evil.pth",
        "sitecustomize.py",
        "a.tar.gz",
        "a.zip",
        "key.pem",
        "a/id_rsa",
        ".env",
        ".env.local",
        ".netrc",
        ".git/hooks/pre-commit",
        "a/.SSH/config",
    ],
)
def test_programs_archives_and_secrets_are_not_written(path: str) -> None:
    """Forbidden file types may be read and not written."""
    assert write(path) == "file-type"
    assert rule_of("read_file", {"path": path}) == ""


@pytest.mark.parametrize("path", ["run.sh", "a.py", ".env.example", ".gitignore", "Makefile", "a.json", "key.py"])
def test_other_files_are_written(path: str) -> None:
    """Text of every other kind may be written."""
    assert write(path) == ""


def test_idesign_rules_judge_where_the_epic_declares_it() -> None:
    """Structure, naming and imports count for written source files of an epic with iDesign only."""
    assert write("tax.py", idesign=True) == "idesign-structure"
    assert write("managers/tax.py", idesign=True) == "idesign-naming"
    bad = "from shop.managers import order_manager\n"
    assert write("engines/tax_engine.py", bad, idesign=True) == "layer-imports"
    assert write("engines/tax_engine.py", "def broken(:\n", idesign=True) == "layer-imports"
    assert write("engines/tax_engine.py", None, idesign=True) == ""
    assert write("README.md", bad, idesign=True) == ""
    assert rule_of("read_file", {"path": "tax.py"}, idesign=True) == ""
    for path in ("tax.py", "managers/tax.py", "engines/tax_engine.py"):
        assert write(path, bad, idesign=False) == write(path, bad) == ""


@pytest.mark.parametrize(
    ("arguments", "allowed"),
    [
        ({"status": "code_review"}, True),
        ({"status": "code_review", "wait_reason": None}, True),
        ({"status": "blocked", "wait_reason": "input"}, True),
        ({"status": "blocked"}, False),
        ({"status": "blocked", "wait_reason": "boredom"}, False),
        ({"status": "blocked", "wait_reason": ["input"]}, False),
        ({"status": "code_review", "wait_reason": "input"}, False),
        ({"status": "done"}, False),
        ({"status": "DONE"}, False),
        ({"status": ["code_review"]}, False),
        ({"status": None}, False),
        ({}, False),
    ],
)
def test_a_wish_must_be_grantable(arguments: dict[str, Any], allowed: bool) -> None:
    """Only a status that the law could grant now may be asked for, with the wait reason that it needs."""
    assert rule_of("update_issue_status", arguments) == ("" if allowed else "status-change")


def test_an_excuse_is_a_wish_to_wait_for_a_person() -> None:
    """Asking to be excused is refused where the law could not let the card wait."""
    assert rule_of("request_excuse", {"reason": "x"}) == ""
    assert rule_of("request_excuse", {"reason": "x"}, wishes=(CardStatus.CODE_REVIEW,)) == "status-change"


@pytest.mark.parametrize("given", [{}, {"confirm": False}, {"confirm": 1}, {"confirm": "true"}, {"confirm": True}])
def test_destruction_needs_confirmation(given: dict[str, Any]) -> None:
    """A destructive tool runs with confirm: true and nothing that merely looks like it."""
    spec = question_of("deploy").spec
    assert spec is not None
    allowed = given.get("confirm") is True
    assert rule_of("deploy", given, spec=evolve(spec, destructive=True)) == ("" if allowed else "confirm")


def test_a_turn_creates_few_issues_and_none_that_say_nothing() -> None:
    """The limit counts what the turn has created; summary and seat must be text."""
    good = {"summary": "s", "seat": "dev"}
    assert rule_of("create_issue", good, created=MAX_CREATED_ISSUES - 1) == ""
    assert rule_of("create_issue", good, created=MAX_CREATED_ISSUES) == "issue-limit"
    assert rule_of("create_issue", good, added=MAX_ADDED_ISSUES - 1) == ""
    assert rule_of("create_issue", good, added=MAX_ADDED_ISSUES) == "issue-limit"
    for bad in ({"seat": "dev"}, {"summary": " ", "seat": "dev"}, {"summary": "s", "seat": 1}):
        assert rule_of("create_issue", bad) == "issue-limit"
    assert rule_of("read_file", created=MAX_CREATED_ISSUES) == ""
