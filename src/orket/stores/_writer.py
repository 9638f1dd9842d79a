"""One thread that writes, and a queue in front of it.

Whatever waits in the queue when the thread is free becomes one group, written in one transaction, so the price of
making it durable is paid once for all of them. The thread owns every transaction from its first statement to its
last: nothing that happens to the tasks that wait (cancellation, even one that pierces shields) can reach into it. One
call per group wakes them.
"""

import queue
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, Protocol, TypeAlias

import anyio
from attrs import define, field

from orket.contracts import Receipt
from orket.errors import StorageFault, StoreError
from orket.stores._prepare import Prepared

GROUP: Final = 256  # a transaction that has as many batches takes no more: the first of them waits for the last

Answer: TypeAlias = Receipt | StoreError
Wake: TypeAlias = Callable[[Callable[[], None]], object]  # runs a function soon on the event loop, from any thread


class Books(Protocol):
    """What the thread writes into."""

    def write(self, batches: Sequence[Prepared], /) -> list[Answer]:
        """Write a group in one transaction; return when it is durable. Must not raise for what storage does."""
        ...

    def tidy(self) -> None:
        """Do what should not delay an answer; called after each."""
        ...

    def close(self) -> None:
        """Close every connection. The last thing that is called."""
        ...


@define(repr=False, eq=False)
class Group:
    """Batches on their way together, and their answers, in the same order, once ``done`` is set."""

    batches: list[Prepared] = field(factory=list)
    done: anyio.Event = field(factory=anyio.Event)
    answers: Sequence[Answer] = ()


class Writer:
    """Write batches from one thread, in the order of :meth:`submit`."""

    def __init__(self, books: Books, *, wake: Wake, answered: Callable[[Sequence[Answer]], None]) -> None:
        self._books = books
        self._wake = wake
        self._answered = answered
        self._stopped = False
        self._gathered: Group | None = None  # handed over in this turn of the event loop
        self._queue: queue.SimpleQueue[Group | None] = queue.SimpleQueue()
        self._start()

    def _start(self) -> None:
        # A daemon: a host that forgets to close must still be able to exit, and an interrupted transaction rolls back.
        self._thread = threading.Thread(target=self._work, name="orket-store-writer", daemon=True)
        self._thread.start()

    def submit(self, batch: Prepared) -> tuple[Group, int]:
        """Hand a batch over, on the event loop; return the group it goes with, and its place there.

        What is handed over in one turn of the loop reaches the thread together, when the turn is over: a thread that
        begins with the first of ten would write it alone, and fight the loop for the interpreter meanwhile.

        Raises:
            StoreError: the writer was stopped.
        """
        if self._stopped:
            raise StoreError("the store is closing; it takes no more batches", op_id=batch.op_id)
        group = self._gathered
        if group is None:
            group = self._gathered = Group()
            self._wake(self._pass_on)
        group.batches.append(batch)
        return group, len(group.batches) - 1

    def stop(self) -> None:
        """Take no more batches; those that were handed over are still written."""
        if not self._stopped:
            self._stopped = True
            self._pass_on()
            self._queue.put(None)

    def _pass_on(self) -> None:
        if self._gathered is not None:
            self._queue.put(self._gathered)
            self._gathered = None

    def join(self) -> None:
        """Block until the last batch is written and everything is closed."""
        self._thread.join()

    def _work(self) -> None:
        going = True
        while going:
            groups, going = self._gather()
            if groups:
                self._answer(groups, self._write([batch for group in groups for batch in group.batches]))
                self._books.tidy()
        self._books.close()  # here, so that it happens once, whatever became of who asked for it

    def _gather(self) -> tuple[list[Group], bool]:
        groups: list[Group] = []
        count = 0
        more = self._queue.get()
        with suppress(queue.Empty):
            while more is not None:
                groups.append(more)
                count += len(more.batches)
                if count >= GROUP:
                    break
                more = self._queue.get_nowait()
        return groups, more is not None

    def _write(self, batches: list[Prepared]) -> list[Answer]:
        try:
            return self._books.write(batches)
        except Exception as error:  # noqa: BLE001 - a dead thread would leave every caller waiting for ever
            return [refusal(batch, error) for batch in batches]

    def _answer(self, groups: list[Group], answers: list[Answer]) -> None:
        def deliver() -> None:
            start = 0
            for group in groups:
                end = start + len(group.batches)
                group.answers, start = answers[start:end], end
                group.done.set()
            self._answered(answers)

        with suppress(RuntimeError):  # the event loop is gone, and with it everybody who waited
            self._wake(deliver)


def refusal(
    batch: Prepared, cause: Exception, *, fault: StorageFault | None = None, advice: str = "", undone: bool = True
) -> StoreError:
    """Return the error for a batch that could not be written.

    Args:
        batch: which.
        cause: what happened; it is chained.
        fault: what that means.
        advice: what helps.
        undone: nothing of it was applied; else nobody knows.
    """
    kept = "nothing of it was applied" if undone else "whether it was applied is not known"
    told = f"{advice}; then " if advice and advice not in str(cause) else "when the cause is gone, "
    error = StoreError(
        f"batch {batch.op_id!r} was not written: {cause}; {kept}; {told}commit it again, under the same op_id",
        op_id=batch.op_id,
        fault=fault,
        advice=advice,
    )
    error.__cause__ = cause
    return error
