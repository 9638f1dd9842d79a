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
from orket.errors import StoreError
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
class Job:
    """A batch on its way, and its answer once ``done`` is set."""

    batch: Prepared
    done: anyio.Event = field(factory=anyio.Event)
    answer: Answer = field(init=False)


class Writer:
    """Write batches from one thread, in the order of :meth:`submit`."""

    def __init__(self, books: Books, *, wake: Wake, answered: Callable[[Answer], None]) -> None:
        self._books = books
        self._wake = wake
        self._answered = answered
        self._stopped = False
        self._gathered: list[Job] = []  # handed over in this turn of the event loop
        self._queue: queue.SimpleQueue[Sequence[Job] | None] = queue.SimpleQueue()
        # A daemon: a host that forgets to close must still be able to exit, and an interrupted transaction rolls back.
        self._thread = threading.Thread(target=self._work, name="orket-store-writer", daemon=True)
        self._thread.start()

    def submit(self, batch: Prepared) -> Job:
        """Hand a batch over; called on the event loop.

        What is handed over in one turn of the loop reaches the thread together, when the turn is over: a thread that
        begins with the first of ten would write it alone, and fight the loop for the interpreter meanwhile.

        Raises:
            StoreError: the writer was stopped.
        """
        if self._stopped:
            raise StoreError("the store is closing; it takes no more batches", op_id=batch.op_id)
        if not self._gathered:
            self._wake(self._pass_on)
        job = Job(batch)
        self._gathered.append(job)
        return job

    def stop(self) -> None:
        """Take no more batches; those that were handed over are still written."""
        if not self._stopped:
            self._stopped = True
            self._pass_on()
            self._queue.put(None)

    def _pass_on(self) -> None:
        if self._gathered:
            jobs, self._gathered = self._gathered, []
            self._queue.put(jobs)

    def join(self) -> None:
        """Block until the last batch is written and everything is closed."""
        self._thread.join()

    def _work(self) -> None:
        going = True
        while going:
            jobs, going = self._gather()
            if jobs:
                self._answer(jobs, self._write([job.batch for job in jobs]))
                self._books.tidy()
        self._books.close()  # here, so that it happens once, whatever became of who asked for it

    def _gather(self) -> tuple[list[Job], bool]:
        jobs: list[Job] = []
        more = self._queue.get()
        with suppress(queue.Empty):
            while more is not None:
                jobs.extend(more)
                if len(jobs) >= GROUP:
                    break
                more = self._queue.get_nowait()
        return jobs, more is not None

    def _write(self, batches: list[Prepared]) -> list[Answer]:
        try:
            return self._books.write(batches)
        except Exception as error:  # noqa: BLE001 - a dead thread would leave every caller waiting for ever
            return [refusal(batch, error) for batch in batches]

    def _answer(self, jobs: list[Job], answers: list[Answer]) -> None:
        def deliver() -> None:
            for job, answer in zip(jobs, answers, strict=True):
                job.answer = answer
                job.done.set()
                self._answered(answer)

        with suppress(RuntimeError):  # the event loop is gone, and with it everybody who waited
            self._wake(deliver)


def refusal(batch: Prepared, cause: Exception) -> StoreError:
    """Return the error for a batch that could not be written because of *cause*."""
    error = StoreError(
        f"batch {batch.op_id!r} was not written: {cause}; nothing of it was applied; commit it again, under the same "
        "op_id, when the cause is gone",
        op_id=batch.op_id,
    )
    error.__cause__ = cause
    return error
