"""Child: the same graph as steps that do nothing, in another library with its own durable SQLite persistence.

Each peer runs in the form that was fastest for it, and only the run is timed, not the building of its graph. DBOS and
Burr take the issues one after the other: their ways of taking several at once cost more per step.
"""

import operator
import sqlite3
import time
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, TypedDict

import boards
import child


def langgraph(edges: boards.Edges, path: Path) -> float:
    """A state graph with a node per issue; a checkpoint is stored before the next superstep begins."""
    from langgraph.checkpoint.sqlite import SqliteSaver
    from langgraph.graph import START, StateGraph

    class State(TypedDict):
        done: Annotated[int, operator.add]

    builder = StateGraph(State)
    for issue in edges:
        builder.add_node(issue, lambda _: {"done": 1})
    for issue, needs in edges.items():
        builder.add_edge(list(needs) or START, issue)
    connection = sqlite3.connect(path, check_same_thread=False)
    graph = builder.compile(checkpointer=SqliteSaver(connection))
    config = {
        "configurable": {"thread_id": "1"},
        "recursion_limit": 2 * len(edges) + 10,
        "max_concurrency": boards.CONCURRENCY,
    }
    began = time.perf_counter()
    state = graph.invoke({"done": 0}, config, durability="sync")
    took = time.perf_counter() - began
    assert state["done"] == len(edges)
    connection.close()
    return took


def burr(edges: boards.Edges, path: Path) -> float:
    """A state machine with an action per issue, in an order that the graph allows; its state is stored after each."""
    from burr.core import ApplicationBuilder, State, action
    from burr.core.persistence import SQLitePersister

    @action(reads=["done"], writes=["done"])
    def step(state: State) -> State:
        return state.update(done=state["done"] + 1)

    persister = SQLitePersister(str(path))
    persister.initialize()
    names = list(edges)
    builder = ApplicationBuilder().with_actions(**dict.fromkeys(names, step)).with_state(done=0)
    builder = builder.with_transitions(*pairwise(names)).with_entrypoint(names[0])
    app = builder.with_identifiers(app_id="bench", partition_key="bench").with_state_persister(persister).build()
    began = time.perf_counter()
    _, _, state = app.run(halt_after=[names[-1]])
    took = time.perf_counter() - began
    assert state["done"] == len(edges)
    return took


def dbos(edges: boards.Edges, path: Path) -> float:
    """A workflow of one step per issue, in an order that the graph allows; the outcome of each step is stored."""
    from dbos import DBOS

    DBOS(
        config={
            "name": "bench",
            "system_database_url": f"sqlite:///{path}",
            "run_admin_server": False,
            "log_level": "ERROR",
        }
    )

    @DBOS.step()
    def step(issue: str) -> int:
        return len(issue)

    @DBOS.workflow()
    def work(names: list[str]) -> int:
        return sum([bool(step(name)) for name in names])

    DBOS.launch()
    began = time.perf_counter()
    done = work(list(edges))
    took = time.perf_counter() - began
    assert done == len(edges)
    DBOS.destroy()
    return took


PEERS: Mapping[str, tuple[Callable[[boards.Edges, Path], float], tuple[str, ...]]] = {
    "langgraph": (langgraph, ("langgraph", "langgraph-checkpoint-sqlite")),
    "burr": (burr, ("apache-burr",)),
    "dbos": (dbos, ("dbos",)),
}


def installed() -> dict[str, str]:
    """Return the peers of this environment and their versions."""
    found = {}
    for name, (_, distributions) in PEERS.items():
        try:
            found[name] = " + ".join([f"{each} {version(each)}" for each in distributions])
        except PackageNotFoundError:
            continue
    return found


def _main(*, peer: str, shape: str, size: int, folder: str) -> dict[str, Any]:
    path = Path(folder) / f"{peer}.db"
    took = PEERS[peer][0](boards.edges(shape, size), path)
    connection = sqlite3.connect(path)
    ((mode,),) = connection.execute("PRAGMA journal_mode").fetchall()
    connection.close()
    return {"wall": took, "journal_mode": mode, "bytes": path.stat().st_size}


if __name__ == "__main__":
    child.answer(_main(**child.params()))
