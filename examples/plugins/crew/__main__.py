"""Three packages decide together: an epic, once with nodes chosen by process rules, once by environment variables.

    python examples/plugins/crew

orket-critical-path-planner, orket-cost-router and orket-llm-evaluator must be installed, the last with its extra
``test``: its tests' tiny model is the judge, unless ``LLM_EVALUATOR_URL`` names another. The journal must say which
package made which decision; the exit code is 1 where it does not.
"""

import contextlib
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import anyio

import orket
from orket.contracts import ModelRequest, Resolution, ToolCall, TurnKind
from orket.events import DecisionMade, RunStarted

HERE = Path(__file__).resolve().parent
SERVER = HERE.parent / "orket-llm-evaluator" / "tests" / "tiny_server.py"
CHOSEN = {  # kind: name, and the distribution that has it
    "planner": ("critical-path", "orket-critical-path-planner"),
    "router": ("cost-aware", "orket-cost-router"),
    "evaluator": ("llm", "orket-llm-evaluator"),
}
VARIABLES = {f"ORKET_{kind.upper()}_NODE": name for kind, (name, _) in CHOSEN.items()}


def agent(request: ModelRequest) -> ToolCall:
    """Work, and find every work good: whether it is, the evaluator's model decides."""
    assert request.brief is not None
    status = "done" if request.brief.kind is TurnKind.REVIEW else "code_review"
    return ToolCall(name="update_issue_status", arguments={"status": status})


@contextlib.contextmanager
def judge(folder: Path) -> Iterator[None]:
    """Have ``LLM_EVALUATOR_URL`` name a model server: the one that it names, or a tiny one of this process."""
    if "LLM_EVALUATOR_URL" in os.environ:
        yield
        return
    command = [sys.executable, str(SERVER), str(folder / "judge.gguf")]
    with (
        (folder / "judge.log").open("wb") as log,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True) as server,
    ):
        assert server.stdout is not None
        try:
            address = next((line for line in server.stdout if line.startswith("LISTEN ")), "LISTEN nowhere")
            os.environ["LLM_EVALUATOR_URL"] = address.split()[1]
            yield
        finally:
            server.terminate()


def misfits(
    resolutions: Mapping[str, Resolution], decisions: list[DecisionMade], source: str, *, by_rules: bool
) -> Iterator[str]:
    """Yield what the journal says otherwise than it should."""
    for kind, (name, distribution) in CHOSEN.items():
        one = resolutions[kind]
        if (one.name, one.distribution, one.source) != (name, distribution, source):
            yield f"{kind}: wired {one.name} of {one.distribution} by {one.source}"
    if others := {kind for kind, one in resolutions.items() if kind not in CHOSEN and one.distribution != "orket"}:
        yield f"not of orket: {', '.join(sorted(others))}"
    for each in decisions:
        if each.node != CHOSEN.get(each.kind, ("default",))[0]:
            yield f"{each.kind}: {each.method} was decided by {each.node}"
    first = {kind: next((it for it in decisions if it.kind == kind), None) for kind in CHOSEN}
    expected = {
        "planner": ("schema (4)", "longest remaining path first"),
        "router": ("senior costs 1.5" if by_rules else "senior costs 2", "with sql"),
        "evaluator": ("judged: ",),
    }
    for kind, words in expected.items():
        reason = first[kind].reason if first[kind] else "nothing"
        if not all(word in reason for word in words):
            yield f"{kind}: the first reason is {reason!r}"


async def run(store: Path, environ: Mapping[str, str]) -> list[str]:
    """Drive the epic, print who decided what, and return what the journal says otherwise than it should."""
    source = "environment" if environ else "process_rules"
    async with orket.Orchestrator(
        config=HERE, workspace=store.parent / source / "workspace", store=store, model=agent, environ=environ
    ) as crew:
        result = await crew.run_epic("catalogue")
        records = [entry.record async for entry in crew.history()]
    (started,) = [it for it in records if isinstance(it, RunStarted)]
    resolutions = {one.kind: one for one in started.resolutions}
    decisions = [it for it in records if isinstance(it, DecisionMade)]
    print(f"{source}: {result.outcome}, {result.done} issues done in {result.turns} turns")
    for (kind, node), count in sorted(Counter((it.kind, it.node) for it in decisions).items()):
        one = resolutions[kind]
        print(f"  {count:3} decisions of {kind} {node!r} ({one.distribution} {one.version}, by {one.source})")
    found = list(misfits(resolutions, decisions, source, by_rules=not environ))
    return found if result.outcome == orket.RunOutcome.DONE else [*found, f"the epic is {result.outcome}"]


def main() -> int:
    """Run the epic both ways; return 1 where anything is not as it should be."""
    with tempfile.TemporaryDirectory(prefix="crew-") as name, judge(Path(name)):
        wrong = []
        for way, environ in (("rules", {}), ("environment", VARIABLES)):
            wrong += anyio.run(run, Path(name) / f"{way}.db", environ)
    for line in wrong:
        print(f"wrong: {line}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
