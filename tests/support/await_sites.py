"""Where a module may be suspended: its awaits, as its source has them."""

import ast
from collections.abc import Collection, Iterator
from pathlib import Path

import orket

PACKAGE = Path(orket.__file__).parent
KERNEL = (
    "_decide.py",
    "_flow",
    "_pipeline",
    "_orchestrator/_operator.py",
    "_orchestrator/_run.py",
    "_orchestrator/_settling.py",
    "_orchestrator/_unbroken.py",
    "stores/_threaded.py",
    "tools/_runtime.py",
)
SELDOM = {  # awaits that no story of the cancelled crews meets, by what it would take
    "a fixture, or the endpoints of a sandbox": (
        "_flow/__init__.py: await verify(turn)",
        "_flow/__init__.py: await refuse_proof(turn, error)",
        "_flow/_evidence.py: await self._call(issue, wanted)",
        "_flow/_evidence.py: await self._run(own, workspace)",
        "_flow/_evidence.py: await self.verifier.verify(wanted, workspace)",
        "_flow/_evidence.py: await self.endpoints.call(issue, scenarios)",
        "_flow/_prepare.py: await turn.context.prover.prove(turn.issue, turn.context.workspace)",
    ),
    "a seat, a review or a node that is refused": (
        "_flow/__init__.py: await block(turn, WaitReason.REVIEW, str(error))",
        "_flow/__init__.py: await turn.commit(release=turn.token is not None)",
        "_flow/__init__.py: await _without_seat(turn, missing)",
        "_flow/_settle.py: await turn.commit(release=turn.token is not None)",
        "_flow/_settle.py: await end(turn)",
    ),
    "the file of a report that a run which died has left due": (
        "_flow/_filing.py: await turn.commit(claim=True)",
        "_flow/_filing.py: await (_file(turn, due) if due else turn.commit(release=True))",
        "_flow/_filing.py: await _file_again(context, board, issue)",
        "_flow/_filing.py: await turn.abandon()",
        "_flow/_filing.py: await _due(context, key)",
    ),
    "a stream of events that is left in its middle": ("_orchestrator/_run.py: await close_entries(entries)",),
    "a turn that is cancelled: who is cancelled twice meets these": (
        "_flow/__init__.py: await turn.abandon()",
        "_flow/_turn.py: await context.store.commit(batch)",
    ),
    "an effect on record that is another one now, or was settled": (
        "_flow/__init__.py: await block(turn, WaitReason.SYSTEM, f'{error.rule}: {error}')",
        "_flow/_converse.py: await turn.commit()",
        "_flow/_effects.py: await _accept(turn, intent, answer, allowed=allowed)",
        "_flow/_effects.py: await _accept(turn, intent, settled, allowed=allowed)",
        "_flow/_effects.py: await turn.commit()",
        "_flow/_effects.py: await _commit_once(store, evolve(batch, records=records, claims=(claim,)), issue)",
        "_flow/_settle.py: await block(turn, WaitReason.SYSTEM, f'{error.rule}: {error}')",
        "_pipeline/_reconciling.py: await settle_effect(context.store, effects, row, batch, settled, Actor.CORE)",
    ),
    "another orchestrator on the same cards": (
        "_pipeline/_drive.py: anyio.create_task_group()",
        "_pipeline/_drive.py: await self._changed.wait()",
        "_pipeline/_drive.py: await await_others(self._context, self._board, self._seen)",
        "_pipeline/_drive.py: await self._look_after_others()",
        "_pipeline/_drive.py: await self._catch_up()",
        "_pipeline/_drive.py: await take_over(self._context, self._board)",
        "_pipeline/_drive.py: await take_over(self._context, self._board, lost=issue.id)",
        "_pipeline/_joining.py: await _read_on(context, since)",
        "_pipeline/_joining.py: await context.clock.sleep(max(_GLANCE, min(pause, left)))",
        "_pipeline/_joining.py: await context.notes.load(context.store, context.build)",
        "_flow/_recollection.py: await self._read_on()",
        "_flow/_recollection.py: await self.store.find(KIND, prefix=home)",
        "_pipeline/_joining.py: await context.store.load_board(context.build)",
        "_pipeline/_joining.py: await take_over(context, board)",
        "_pipeline/_joining.py: context.store.events(since, build=context.build)",
    ),
    "a turn that takes as long as a third of a lease": (
        "_flow/_converse.py: await turn.hold_on()",
        "_flow/_turn.py: await self.commit(claim=True)",
        "_pipeline/_drive.py: await self._record.commit(f'renew:{count}:{card}', claims=(claim,))",
    ),
    "very long replies, very many issues or decisions, a turn executor, a name that is misspelt": (
        "_flow/_converse.py: await _stock_verdict(context.gate, question)",
        "_flow/_converse.py: await anyio.to_thread.run_sync(gate.judge, question)",
        "_flow/_converse.py: await anyio.to_thread.run_sync(parse_reply, reply)",
        "_flow/_recollection.py: await anyio.lowlevel.checkpoint()",
        "_orchestrator/_operator.py: await explain(engine.store, card, build, engine.clock.now(), engine.is_review)",
        "_pipeline/_drive.py: await self._guarded(partial(self._attempt, issue, number, records))",
        "_pipeline/_drive.py: await self._order.executor.execute(self._task(issue, number), body)",
        "_pipeline/_joining.py: await anyio.lowlevel.checkpoint()",
    ),
}


def sites(parts: Collection[str] = KERNEL) -> Iterator[tuple[str, range, str]]:
    """Yield file, lines and source of each ``await``, ``async for`` and ``async with`` in some parts of the package."""
    for part in parts:
        path = PACKAGE / part
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            name = file.relative_to(PACKAGE).as_posix()
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                if isinstance(node, ast.Await):
                    yield name, range(node.lineno, (node.end_lineno or 0) + 1), ast.unparse(node)
                elif isinstance(node, ast.AsyncFor | ast.AsyncWith):
                    first = node.iter if isinstance(node, ast.AsyncFor) else node.items[0].context_expr
                    yield name, range(node.lineno, (first.end_lineno or 0) + 1), ast.unparse(first)


def missed(reached: Collection[tuple[str, int]]) -> list[str]:
    """Return the awaits in which nothing was ever suspended, though it should have been."""
    found, seldom = set(reached), {place for places in SELDOM.values() for place in places}
    lacking = [f"{name}: {source}" for name, lines, source in sites() if not found & {(name, it) for it in lines}]
    return [place for place in lacking if place not in seldom]


def stale() -> set[str]:
    """Return what is said to be seldom met, and is not there any more."""
    return {place for places in SELDOM.values() for place in places} - {f"{name}: {it}" for name, _, it in sites()}
