"""Run seeds from the command line: ``python -m orket.testing.simulation --seed 123 --backend trio``."""

import argparse
import json
import sys
from hashlib import sha256

from orket.testing.simulation._loops import BACKENDS
from orket.testing.simulation._simulation import CARD, SCENARIO, Simulation
from orket.testing.simulation._stores import STORES


def main(arguments: list[str] | None = None) -> int:
    """Run what the arguments say, tell what came of it, and return the exit code: 1 where a seed failed."""
    given = _parser().parse_args(arguments)
    simulation = Simulation(
        scenario=given.scenario, card=given.card, options=given.options, backend=given.backend, store=given.store
    )
    failed = 0
    for seed in range(given.seed, given.seed + given.count):
        done = simulation.twice(seed)
        if given.trace:
            _say(*done.trace)
        _say(f"{done}; journal {sha256(done.journal).hexdigest()[:16]}")
        if done.problems:
            failed += 1
            _say(done.told)
    if given.count > 1:
        _say(f"{given.count} seeds on {given.backend}, {failed} failed")
    return 1 if failed else 0


def _say(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m orket.testing.simulation", description="Simulate crews in a storm."
    )
    parser.add_argument("--seed", type=int, default=0, help="the seed, or the first one of several")
    parser.add_argument("--count", type=int, default=1, help="how many seeds")
    parser.add_argument("--backend", choices=BACKENDS, default="asyncio")
    parser.add_argument("--store", choices=tuple(STORES), default="memory")
    parser.add_argument("--scenario", default=SCENARIO, help="the crew, as module:function")
    parser.add_argument("--card", default=CARD, help="what is run")
    parser.add_argument("--options", type=json.loads, default={}, help="further arguments of the crew, as JSON")
    parser.add_argument("--trace", action="store_true", help="say what happened when")
    return parser


if __name__ == "__main__":
    sys.exit(main())
