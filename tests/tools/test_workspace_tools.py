"""Tools for the files of the workspace."""

import os
from collections.abc import Callable
from typing import Any

import pytest

from orket import _files
from orket.contracts import EffectClass, Tool, ToolContext, ToolResult
from orket.errors import ToolError
from orket.tools import ToolRuntimeExecutor, workspace_tools
from orket.tools.workspace import MAX_ENTRIES, MAX_FILE

pytestmark = pytest.mark.anyio
TOOLS: dict[str, Tool] = {tool.spec.name: tool for tool in workspace_tools()}


async def call(name: str, context: ToolContext, tools: dict[str, Tool] = TOOLS, **arguments: Any) -> ToolResult:
    tool = tools[name]
    return await ToolRuntimeExecutor().execute(tool, tool.bind(arguments), context, timeout=60)


def test_effects() -> None:
    """Reading may run again; so may writing, which leaves the same file."""
    assert {name: tool.spec.effect for name, tool in TOOLS.items()} == {
        "read_file": EffectClass.READ,
        "write_file": EffectClass.IDEMPOTENT,
        "list_directory": EffectClass.READ,
    }


async def test_a_file_goes_round(context: ToolContext) -> None:
    """What is written is read, byte by byte, and listed; writing it again changes nothing."""
    text = "line\r\nend ä\n"
    for _ in range(2):
        result = await call("write_file", context, path="./agent_output/a.py", content=text)
        assert result == ToolResult(ok=True, output="wrote 13 bytes to agent_output/a.py")
    assert (context.workspace / "agent_output/a.py").read_bytes() == text.encode()
    assert await call("read_file", context, path="agent_output/a.py") == ToolResult(ok=True, output=text)
    assert (await call("list_directory", context)).output == "agent_output/"
    assert (await call("list_directory", context, path="agent_output")).output == "a.py (13 bytes)"


async def test_listing(context: ToolContext) -> None:
    """A listing shows what is no regular file, escapes what is no Unicode, and says how much is not shown."""
    assert (await call("list_directory", context)).output == "(empty)"
    (context.workspace / "link").symlink_to("/etc")
    os.mknod(os.fsencode(context.workspace) + b"/\xff")
    assert (await call("list_directory", context)).output == "link (not a regular file)\n\\xff (0 bytes)"
    many = context.workspace / "many"
    many.mkdir()
    for number in range(MAX_ENTRIES + 2):
        (many / f"{number:05}").touch()
    lines = (await call("list_directory", context, path="many")).output.splitlines()
    assert lines[0] == "00000 (0 bytes)"
    assert lines[-1] == "… and 2 more"
    assert len(lines) == MAX_ENTRIES + 1


@pytest.mark.parametrize(
    ("name", "arguments", "output"),
    [
        ("read_file", {"path": "../secret"}, "'..' leads upwards"),
        ("read_file", {"path": "/etc/passwd"}, "is absolute"),
        ("read_file", {"path": "none"}, "'none' does not exist"),
        ("read_file", {"path": "."}, "names a folder; valid: a file"),
        ("read_file", {"path": "binary"}, "is a binary file of 3 bytes; valid: UTF-8 text"),
        ("read_file", {"path": "nul"}, "device on Windows"),
        ("read_file", {"path": "zero"}, "is a binary file of 1 bytes"),
        ("read_file", {"path": "large"}, f"too large; valid: up to {MAX_FILE} bytes"),
        ("write_file", {"path": "../secret", "content": ""}, "'..' leads upwards"),
        ("write_file", {"path": "a/", "content": ""}, "names a folder; valid: a file"),
        ("write_file", {"path": "a", "content": "\ud800"}, "content has a lone surrogate at 0"),
        ("write_file", {"path": "a", "content": "ä" * MAX_FILE}, f"content has {2 * MAX_FILE} bytes"),
        ("write_file", {"path": "file/a", "content": ""}, "'file' is not a folder"),
        (
            "write_file",
            {"path": "verification/a.py", "content": ""},
            "verification/ holds the fixtures and is read-only",
        ),
        ("write_file", {"path": "Verification/a.py", "content": ""}, "is read-only"),
        ("write_file", {"path": "ｖerification/a.py", "content": ""}, "is read-only"),
        ("write_file", {"path": "verification", "content": ""}, "is read-only"),
        ("list_directory", {"path": "none"}, "'none' does not exist"),
        ("list_directory", {"path": "file"}, "'file' is not a folder"),
        ("list_directory", {"path": ".."}, "'..' leads upwards"),
    ],
)
async def test_refusals(name: str, arguments: dict[str, Any], output: str, context: ToolContext) -> None:
    """Each refusal says what was refused and why, and leaves the workspace as it was."""
    files = {
        "binary": b"\xff\xfe\x00",
        "zero": b"\0",
        "large": b"x" * (MAX_FILE + 1),
        "file": b"",
        "verification/f": b"",
    }
    (context.workspace / "verification").mkdir()
    for path, content in files.items():
        (context.workspace / path).write_bytes(content)
    result = await call(name, context, **arguments)
    assert not result.ok
    assert output in result.output
    left = {str(path.relative_to(context.workspace)) for path in context.workspace.rglob("*") if path.is_file()}
    assert left == set(files)


async def test_fixtures_are_read_only(context: ToolContext, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fixtures may be read but not written, also under a name that only the file system knows for their folder."""
    fixtures = context.workspace / "verification"
    fixtures.mkdir()
    (fixtures / "f.py").write_text("def verify(): ...")
    assert (await call("read_file", context, path="verification/f.py")).ok
    (context.workspace / "verifi~1").mkdir()
    assert (await call("write_file", context, path="verifi~1/f.py", content="")).ok
    monkeypatch.setattr(_files, "identity", lambda _directory, _name: (1, 1))
    result = await call("write_file", context, path="verifi~1/g.py", content="")
    assert "verification/ holds the fixtures and is read-only" in result.output
    assert (fixtures / "f.py").read_text() == "def verify(): ..."


async def test_protected_files(make_context: Callable[..., ToolContext]) -> None:
    """Files of the record are neither read nor written; the host is asked at every call."""
    context = make_context(key="")
    record = context.workspace / "record.db"
    record.write_text("journal")
    protected: set[_files.Identity] = set()
    tools = {tool.spec.name: tool for tool in workspace_tools(lambda: frozenset(protected))}
    assert (await call("read_file", context, tools, path="record.db")).ok
    protected.add((record.stat().st_dev, record.stat().st_ino))
    for result in (
        await call("read_file", context, tools, path="record.db"),
        await call("write_file", context, tools, path="record.db", content=""),
    ):
        assert result == ToolResult(ok=False, output="'record.db' belongs to the record and is not for agents")
    assert record.read_text() == "journal"


def test_platforms_without_descriptors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the workspace could not be guarded there are no such tools."""
    monkeypatch.setattr(os, "supports_dir_fd", set())
    with pytest.raises(ToolError, match="need a platform with dir_fd"):
        workspace_tools()
