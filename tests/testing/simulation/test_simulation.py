"""A storm of faults, chosen by a seed: nothing is lost, nothing runs twice, everything comes to rest."""

import json
import os
import re
import shlex
import subprocess
import sys
from hashlib import sha256

import pytest
from evidence import Evidence
from nightly import drawn
from storms import SPOILED

from orket.testing.simulation import Simulated, Simulation, SimulationReport
from orket.testing.simulation.__main__ import main

SEEDS = drawn(300, 50_000)
WORLDS = [(backend, store) for backend in ("asyncio", "trio") for store in ("memory", "sqlite")]


@pytest.mark.nightly
@pytest.mark.thorough
@pytest.mark.fire("simulation")
@pytest.mark.parametrize(("backend", "store"), WORLDS)
def test_every_storm_ends_well(backend: str, store: str, evidence: Evidence) -> None:
    """On both event loops and in both stores, each seed is sound, and the same twice."""
    share = WORLDS.index((backend, store))
    report = Simulation(backend=backend, store=store).sweep(SEEDS[share :: len(WORLDS)])
    print(report)  # pytest -rP shows it
    evidence(runs=report.seeds, failures=len(report.failed), note=str(report))
    report.check()
    assert report.seeds == len(SEEDS) // len(WORLDS)
    for what in ("crash", "store", "model", "tool", "jump of a clock", "act of a person"):
        assert report.counts[what] > report.seeds // 10, what


def first_failure(simulation: Simulation, *, twice: bool = False) -> Simulated:
    for seed in range(300):
        if (done := simulation.twice(seed) if twice else simulation.run(seed)).problems:
            return done
    raise AssertionError("all 300 seeds are sound")


@pytest.mark.thorough
@pytest.mark.parametrize("name", SPOILED)
def test_what_does_not_survive_a_storm_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel, store or node that is wrong in one way fails in one of the first seeds."""
    spoil, said, store = SPOILED[name]
    spoil(monkeypatch)
    failed = first_failure(Simulation(store=store), twice="second time" in said)
    assert any(re.search(said, problem) for problem in failed.problems), failed.problems
    with pytest.raises(AssertionError, match=rf"python -m orket.testing.simulation --seed {failed.seed} --backend"):
        failed.check()


def test_a_store_that_is_slower_than_claims_last_is_no_failure() -> None:
    """Where the store takes longer to renew a claim than it lasts, each time, the run ends, and the weather did it."""
    done = [Simulation(scenario="storms:hasty").run(seed) for seed in range(12)]
    assert [problem for one in done for problem in one.problems] == []
    assert sum(one.counts.get("runs that a slow store ended", 0) for one in done) > 0


def journals(*arguments: str, hash_seed: str) -> str:
    """Return what a process of its own says of seeds."""
    command = [sys.executable, "-m", "orket.testing.simulation", *arguments]
    path = os.pathsep.join(sys.path)
    environ = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": path}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environ)
    assert not done.stderr
    return done.stdout


@pytest.mark.parametrize(("backend", "store"), WORLDS)
def test_another_process_writes_the_same_journal(backend: str, store: str) -> None:
    """Whatever the order of sets in a process, a seed has the same journal."""
    arguments = ("--seed", "20", "--count", "4", "--backend", backend, "--store", store)
    first, second = [journals(*arguments, hash_seed=seed) for seed in ("1", "2")]
    assert first == second
    assert first.endswith(f"4 seeds on {backend}, 0 failed\n")


def test_an_order_of_sets_is_found() -> None:
    """A planner that takes cards out of a set makes another journal in another process."""
    arguments = ("--seed", "20", "--count", "4", "--scenario", "storms:hashed")
    assert journals(*arguments, hash_seed="1") != journals(*arguments, hash_seed="2")


def test_a_failed_seed_is_told(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The command says what is wrong and how to see it again, with a trace if asked, and fails."""
    SPOILED["a real clock"][0](monkeypatch)
    assert main(["--seed", "0", "--trace"]) == 1
    said = capsys.readouterr().out
    assert "python -m orket.testing.simulation --seed 0 --backend asyncio\n  - its journal is another one" in said
    assert "the storm is over" in said


def test_options_of_the_crew_are_in_its_command(capsys: pytest.CaptureFixture[str]) -> None:
    """The command that runs a seed again gives its crew the same further arguments."""
    simulation = Simulation(scenario="orket.testing.faults:chains_and_fans", options={"issues": 6})
    _, _, _, *arguments = shlex.split(simulation.reproduction(0))
    assert main(arguments) == 0
    assert sha256(simulation.run(0).journal).hexdigest()[:16] in capsys.readouterr().out


def board(simulation: Simulation, seed: int) -> list[str]:
    """Return the issues of the epic."""
    lines = [json.loads(line) for line in simulation.run(seed).journal.splitlines()]
    added = [line["record"][1] for line in lines if line.get("record", [""])[0] == "card_added"]
    return sorted(json.dumps(one["issue"] | {"created_at": 0}) for one in added if one["by"] == "config")


def test_a_seed_makes_up_a_board() -> None:
    """It is the same on both event loops, and another seed's is another one."""
    assert board(Simulation(), 3) == board(Simulation(backend="trio"), 3) != board(Simulation(), 4)


def test_problems_are_counted() -> None:
    """A report names each failed seed, five problems of it, and how many more there are."""
    failed = Simulated(
        seed=3,
        reproduction="run it",
        problems=tuple("abcdefg"),
        journal=b"",
        trace=(),
        seconds=7200.0,
        steps=1,
        counts={"crash": 2},
    )
    assert repr(failed) == "Simulated(seed 3: 7 problems after 7200 s and 1 steps (2 × crash))"
    report = SimulationReport(seeds=2, failed=(failed,), counts=failed.counts, seconds=failed.seconds)
    with pytest.raises(AssertionError) as caught:
        report.check()
    assert str(caught.value).splitlines()[0] == "2 seeds, 1 failed, 2 simulated hours: 2 × crash"
    assert str(caught.value).splitlines()[1:] == ["run it", *[f"  - {one}" for one in "abcde"], "  - and 2 more"]
