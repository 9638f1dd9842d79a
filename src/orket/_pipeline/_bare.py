"""What ended a task group, as it was: hosts are not asked to look into exception groups."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def bare() -> Iterator[None]:
    """Raise what the body's task groups raise without the group around it.

    Tasks of orket note their errors instead of raising them, so this is about what no task expects: Ctrl-C, which trio
    raises in whichever task runs.
    """
    try:
        yield
    except BaseExceptionGroup as group:
        raise _first(group.subgroup(KeyboardInterrupt) or group) from None


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
