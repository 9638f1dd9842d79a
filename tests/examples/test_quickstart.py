"""The quickstart as a newcomer runs it: a command of its own, with nothing replaced."""

import json
import os
import pty
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from small_world import issue, organization

from orket.events import CallJudged, EffectRecorded, ModelReplied, RunStarted
from orket.stores.sqlite import SQLiteStore

QUICKSTART = Path(__file__).resolve().parents[2] / "examples" / "quickstart"
COMMAND = (sys.executable, "-W", "error", "-B", str(QUICKSTART))
ENVIRONMENT = {key: value for key, value in os.environ.items() if not key.startswith(("ORKET_", "COV_CORE_"))}
DONE_LINE = re.compile(r"^  \[x\] \w+ +done ", re.MULTILINE)  # of the board, which is read from the record
PATIENCE = 120  # seconds; a run takes two

Finished: TypeAlias = tuple[Path, "subprocess.CompletedProcess[str]"]


def quickstart(*options: object, folder: Path) -> "subprocess.CompletedProcess[str]":
    """Run the command in *folder*."""
    command = [*COMMAND, *map(str, options)]
    return subprocess.run(
        command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=PATIENCE, check=False
    )


def last_line(done: "subprocess.CompletedProcess[str]") -> Mapping[str, Any]:
    """Return the summary that the command ends with."""
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(params=["asyncio", "trio"])
def backend(request: pytest.FixtureRequest) -> str:
    """Run the command on both event loops."""
    return request.param


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A state directory whose epic is done, and the run that did it; tests leave it as it is."""
    folder = tmp_path_factory.mktemp("finished")
    return folder, quickstart(folder=folder)


def test_the_epic_is_done_from_one_command(tmp_path: Path, backend: str) -> None:
    """One command without options but the loop takes all ten issues to done, and ends with one line of JSON."""
    done = quickstart("--backend", backend, folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    assert "--fresh" not in done.stdout
    assert last_line(done) == {
        "outcome": "done",
        "cards": 10,
        "done": 10,
        "turns": 22,
        "refused": 1,
        "journal": "verified",
    }


def test_the_work_is_real(finished: Finished) -> None:
    """The package that the crew wrote runs."""
    product = finished[0] / ".orket" / "quickstart" / "workspace" / "agent_output"
    used = subprocess.run(
        [sys.executable, "-B", "-m", "textstats"], cwd=product, input="Don't panic.", capture_output=True, text=True
    )
    assert used.stdout.splitlines()[0].split() == ["words", "2"]


def test_wrong_work_is_sent_back(finished: Finished) -> None:
    """The hasty draft fails its fixture and is sent back with the reason; the corrected one is done."""
    lines = [line for line in finished[1].stdout.splitlines() if re.match(r" *\d+\.\ds  words ", line)]
    told = "\n".join(lines)
    order = ["fixture FAILED: 2 of 5", "-> ready: 2 of 5", "I correct agent_output", "fixture passed: 5", "-> done"]
    assert [told.find(part) for part in order] == sorted(told.find(part) for part in order)
    assert all(part in told for part in order)


def test_nothing_is_written_outside_the_workspace(finished: Finished) -> None:
    """The writer's attempt to write beside the workspace is refused, told, and leaves no file."""
    folder, done = finished
    assert sorted(path.name for path in (folder / ".orket" / "quickstart").glob("*.md")) == []
    refusals = [line for line in done.stdout.splitlines() if "workspace-boundary" in line]
    assert len(refusals) == 2  # when it happened, and in the summary
    assert "REFUSED write_file by rule workspace-boundary" in refusals[0]


def test_the_summary_explains_a_card(finished: Finished) -> None:
    """The summary has the board, where the journal lies, and why the most eventful card stands where it stands."""
    text = finished[1].stdout
    assert len(DONE_LINE.findall(text)) == 10
    assert f"{Path('.orket', 'quickstart', 'journal.db')}, verified" in text
    assert "Why is words done?" in text


def test_nothing_is_coloured_that_nobody_sees(finished: Finished) -> None:
    """Output that goes to a file holds no escape sequences."""
    assert "\x1b" not in finished[1].stdout


def test_a_second_run_has_nothing_to_do(finished: Finished) -> None:
    """The same command again continues: no turn is taken, and the epic is still done."""
    again = quickstart(folder=finished[0])
    assert again.returncode == 0
    assert "continuing: 10 of 10" in again.stdout
    assert last_line(again) == {**last_line(finished[1]), "turns": 0, "refused": 0}


@pytest.mark.thorough
def test_fresh_starts_over(finished: Finished, tmp_path: Path) -> None:
    """``--fresh`` forgets workspace and journal, and nothing else."""
    state = tmp_path / "state"
    shutil.copytree(finished[0] / ".orket" / "quickstart", state)
    (state / "notes.txt").write_text("mine")
    (state / "workspace" / "agent_output" / "old.txt").write_text("old")
    done = quickstart("--state", state, "--fresh", folder=tmp_path)
    assert last_line(done)["turns"] == 22
    assert (state / "notes.txt").read_text() == "mine"
    assert not (state / "workspace" / "agent_output" / "old.txt").exists()


@pytest.mark.thorough
def test_fresh_leaves_foreign_folders_alone(tmp_path: Path) -> None:
    """``--fresh`` removes nothing from a folder that has no journal."""
    (tmp_path / "workspace").mkdir()
    (tmp_path / "workspace" / "mine.txt").write_text("mine")
    assert quickstart("--state", tmp_path, "--fresh", folder=tmp_path).returncode == 0
    assert (tmp_path / "workspace" / "mine.txt").read_text() == "mine"


async def read(journal: Path) -> list[tuple[str | None, Any]]:
    """Return all records of a journal with their cards."""
    store = SQLiteStore(journal)
    await store.open()
    try:
        return [(entry.card, entry.record) async for entry in store.events()]
    finally:
        await store.aclose()


DYING = """
import os, runpy, signal, sys
path, sign = sys.argv[1], sys.argv.pop(2)
class Out:
    write = lambda self, text: sys.__stdout__.write(text) and sign in text and os.kill(os.getpid(), signal.SIGKILL)
    __getattr__ = lambda self, name: getattr(sys.__stdout__, name)
sys.stdout, sys.argv = Out(), sys.argv[1:]
runpy.run_path(path, run_name="__main__")
"""


def kill_at(sign: str, *options: str, folder: Path) -> None:
    """Run the command in *folder*; it kills itself when it prints *sign*: nobody outside is sure to be in time."""
    command = [sys.executable, "-W", "error", "-B", "-c", DYING, str(QUICKSTART), sign, *options]
    victim = subprocess.run(
        command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert victim.returncode == -signal.SIGKILL, victim.stdout + victim.stderr


@pytest.mark.thorough
@pytest.mark.anyio
@pytest.mark.parametrize(
    ("anyio_backend", "sign"), [("asyncio", "turn 1:"), ("trio", "turn 6:"), ("asyncio", "REFUSED")]
)
async def test_a_killed_run_goes_on(tmp_path: Path, sign: str, anyio_backend: str) -> None:
    """After SIGKILL the same command finishes the epic; no model call is paid twice and no effect happens twice."""
    kill_at(sign, "--backend", anyio_backend, folder=tmp_path)
    done = quickstart("--backend", anyio_backend, folder=tmp_path)
    assert last_line(done)["done"] == 10, done.stdout + done.stderr
    assert last_line(done)["journal"] == "verified"
    assert len(DONE_LINE.findall(done.stdout)) == 10
    records = await read(tmp_path / ".orket" / "quickstart" / "journal.db")
    assert sum(isinstance(record, RunStarted) for _, record in records) == 2
    effects = [record.key for _, record in records if isinstance(record, EffectRecorded)]
    assert len(effects) == len(set(effects))
    assert sum(isinstance(record, ModelReplied) for _, record in records) == 34
    assert sum(isinstance(record, CallJudged) and not record.allowed for _, record in records) == 1


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--config", "elsewhere"), "--config needs --epic NAME"),
        (("--config", "elsewhere", "--epic", "launch"), "--config needs --model"),
        (("--model", "gpt"), "valid: openai:URL[#name] or ollama:NAME"),
        (("--model", "openai:"), "valid: openai:URL[#name] or ollama:NAME"),
        (("--epic", "nothing"), "no rock, epic or issue 'nothing'"),
        (("--state", "file"), "file/workspace"),
        (("--config", "elsewhere", "--epic", "launch", "--model", "ollama:m"), "no file defines the organization"),
    ],
    ids=lambda value: None if isinstance(value, str) else " ".join(value),
)
def test_what_cannot_be_run_is_one_line(tmp_path: Path, options: tuple[str, ...], said: str) -> None:
    """A wrong option or a missing asset gives exit code 2 and one line that says what is wrong, never a traceback."""
    (tmp_path / "file").write_text("")
    done = quickstart(*options, folder=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr.splitlines()[-1]
    assert [line for line in done.stderr.splitlines()[:-1] if not line.startswith("usage:")] == []
    assert done.stdout == ""


@pytest.mark.thorough
def test_a_journal_that_was_changed_is_told(finished: Finished, tmp_path: Path) -> None:
    """Work that is done on a journal that somebody changed is reported as broken, with exit code 1."""
    state = tmp_path / "state"
    shutil.copytree(finished[0] / ".orket" / "quickstart", state)
    tamper(state / "journal.db")
    done = quickstart("--state", state, folder=tmp_path)
    assert done.returncode == 1
    assert last_line(done)["outcome"] == "done"
    assert last_line(done)["journal"].startswith("broken: ")


def tamper(journal: Path) -> None:
    """Change one word of a comment in a journal."""
    connection = sqlite3.connect(journal)
    with connection:
        changed = connection.execute("UPDATE journal SET body = replace(body, 'belongs', 'belonged')").rowcount
    connection.close()
    assert changed


@pytest.mark.thorough
def test_colour_is_for_terminals(finished: Finished) -> None:
    """On a terminal what is done is green; NO_COLOR is honoured there."""
    assert "\x1b[1m" in on_terminal(finished[0], ENVIRONMENT)
    assert "\x1b" not in on_terminal(finished[0], ENVIRONMENT | {"NO_COLOR": "1"})


def on_terminal(folder: Path, environment: Mapping[str, str]) -> str:
    """Run the command on a pseudo-terminal and return what it shows."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(COMMAND, cwd=folder, env=environment, stdout=theirs, stderr=theirs):
        os.close(theirs)
        shown = b""
        try:
            while piece := os.read(ours, 65536):
                shown += piece
        except OSError:  # Linux says so when the other side has closed
            pass
    os.close(ours)
    return shown.decode()


def test_a_model_server_plays_the_crew(tmp_path: Path, model_url: str) -> None:
    """``--config`` and ``--model openai:URL`` run another organization with a real model server."""
    root = organization(tmp_path / "other", [issue("one")], tools=["update_issue_status"])
    done = quickstart("--config", root, "--epic", "launch", "--model", f"openai:{model_url}#tiny", folder=tmp_path)
    assert done.stderr == ""
    assert last_line(done)["outcome"] in ("done", "stalled")  # a model of 310 KB follows the schema, not the sense
    assert (last_line(done)["outcome"] == "done") == (done.returncode == 0)
    assert "turn 1: coder works" in done.stdout
    assert "ModelError" not in done.stdout
    assert (tmp_path / ".orket" / "launch" / "journal.db").is_file()


@pytest.mark.thorough
def test_a_run_that_cannot_be_done_says_why(tmp_path: Path) -> None:
    """Without a model server the run fails, with exit code 1 and the reason of every issue that waits."""
    done = quickstart("--model", "openai:http://127.0.0.1:9#none", folder=tmp_path)
    assert done.returncode == 1
    assert last_line(done)["outcome"] == "failed"
    assert "ModelConnectionError" in done.stdout
    assert "mend the cause, then start over with --fresh" in done.stdout
    assert "Why is stats blocked" in done.stdout
