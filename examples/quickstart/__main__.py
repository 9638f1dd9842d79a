"""A crew of five takes an epic of ten dependent issues from ready to done, under law and on record.

    python examples/quickstart

No network and no model server: the agents are Python functions (``agents.py``). They write a small Python package into
the workspace, and the team's guard calls an issue done only when the issue's fixture has passed in a process of its
own. Stop it at any time: the same command goes on where it stopped. The organization is data (``config/``, ``model/``),
and so is the proof that it demands (``verification/``).
"""

import argparse
import importlib.util
import json
import os
import shutil
import sys
from pathlib import Path

import agents
import anyio
from progress import BOLD, DIM, YELLOW, Terminal, plain
from summary import check_journal, introduce, show_record

import orket
from orket.contracts import ModelClient

HOME = Path(__file__).resolve().parent  # this folder is an organization: config/, model/ and verification/
HINT = "what is blocked stays blocked in later runs: mend the cause, then start over with --fresh"
LEASE = 2.0  # seconds until the cards that a killed run was working on are free for the next run


def main() -> int:
    """Run the command; return its exit code: 0 done, 1 not done, 2 it could not be run."""
    options = read_options()
    try:
        return anyio.run(play, options, backend=options.backend)
    except (orket.OrketError, OSError) as error:
        print(f"quickstart: {plain(str(error), limit=2000)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nquickstart: stopped; the same command goes on from here", file=sys.stderr)
        return 130


async def play(options: argparse.Namespace) -> int:
    """Drive the epic to rest, tell what happens, and sum it up."""
    model, terminal = choose_model(options.model), Terminal()
    workspace, journal = prepare(options)
    async with orket.Orchestrator(
        config=options.config,
        workspace=workspace,
        store=journal,
        model=model,
        limits=orket.Limits(lease=LEASE),
    ) as orchestrator:
        before = await orchestrator.board()
        run = await orchestrator.start(options.epic, department=options.department)
        introduce(orchestrator.organization.name, options.epic, before, terminal)
        await terminal.follow(run.events())
        result = await run.outcome()
        await show_record(orchestrator, terminal)
        proof = await check_journal(orchestrator.store)
    terminal.print(f"\n{result.outcome.value}: {result.reason}", BOLD)
    if result.outcome is not orket.RunOutcome.DONE:
        terminal.print(HINT, YELLOW)
    terminal.print(f"work     {workspace / 'agent_output'}\njournal  {journal}, {proof}", DIM)
    counts = {"cards": result.cards, "done": result.done, "turns": result.turns, "refused": result.refused}
    print(json.dumps({"outcome": result.outcome.value, **counts, "journal": proof}), flush=True)
    return 0 if result.outcome is orket.RunOutcome.DONE and proof == "verified" else 1


def read_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python examples/quickstart",
        usage="%(prog)s [options]",
        description="Watch a crew of agents take an epic from ready to done.",
    )
    parser.add_argument("--state", type=Path, metavar="DIR", help="workspace and journal; default: .orket/quickstart")
    parser.add_argument("--fresh", action="store_true", help="start over: forget the work and the journal in DIR")
    parser.add_argument("--model", help="openai:URL[#name] (its key is read from OPENAI_API_KEY) or ollama:NAME")
    parser.add_argument("--config", type=Path, metavar="DIR", default=HOME, help="another organization")
    parser.add_argument("--epic", metavar="NAME", help="an epic of that organization")
    parser.add_argument("--department", metavar="NAME", default="core", help="whose epic it is; default: core")
    parser.add_argument("--backend", choices=["asyncio", "trio"], default="asyncio", help="the event loop")
    options = parser.parse_args()
    own = options.config.resolve() == HOME
    if not own and not options.epic:
        parser.error("--config needs --epic NAME")
    if not own and not options.model:
        parser.error("--config needs --model: the agents of this example know only their own organization")
    if options.backend == "trio" and importlib.util.find_spec("trio") is None:
        parser.error("--backend trio needs trio: pip install trio")
    kind, _, where = (options.model or "").partition(":")
    if options.model is not None and (kind not in ("openai", "ollama") or not where):
        parser.error(f"--model is {options.model!r}; valid: openai:URL[#name] or ollama:NAME")
    options.epic = options.epic or "textstats"
    options.state = options.state or Path(".orket", "quickstart" if own else options.epic)
    return options


def choose_model(spec: str | None) -> ModelClient:
    """Return the Python agents, or the client for a model server."""
    if spec is None:
        return orket.CallableModel(agents.answer)
    kind, _, where = spec.partition(":")
    if kind == "openai":
        from orket.models import OpenAICompatibleModel  # needs the extra orket[http]

        url, _, name = where.partition("#")
        return OpenAICompatibleModel(url, name=name, api_key=os.environ.get("OPENAI_API_KEY"))
    from orket.models import OllamaModel

    return OllamaModel(name=where)


def prepare(options: argparse.Namespace) -> tuple[Path, Path]:
    """Return workspace and journal, side by side: agents write in the one and never reach the other."""
    workspace, journal = options.state / "workspace", options.state / "journal.db"
    if options.fresh and journal.exists():
        shutil.rmtree(workspace, ignore_errors=True)
        for file in options.state.glob("journal.db*"):
            file.unlink()
    if (fixtures := options.config / "verification").is_dir():
        shutil.copytree(fixtures, workspace / "verification", dirs_exist_ok=True)
    return workspace, journal


if __name__ == "__main__":
    sys.exit(main())
