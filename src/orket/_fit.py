"""How an object fits a Protocol: every method there, callable, and taking what the Protocol passes.

``isinstance`` with a runtime-checkable Protocol only looks whether the names exist: a method with the wrong arity and
an ``async def`` where a plain one is due both pass it. So signatures are compared here.
"""

import inspect
from collections.abc import Callable, Iterator
from functools import cache, lru_cache


@cache
def methods(protocol: type) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return the public methods of *protocol*, in the order it defines them, each with the names of its arguments."""
    return tuple(
        (name, tuple(inspect.signature(member).parameters)[1:])
        for name, member in vars(protocol).items()
        if not name.startswith("_") and inspect.isfunction(member)
    )


def misfits(candidate: object, protocol: type, *, may_be_async: bool = True) -> Iterator[str]:
    """Yield a sentence for everything that keeps *candidate* from being used as *protocol*.

    Args:
        candidate: Any foreign object; none of its methods is called.
        protocol: The Protocol it is to satisfy.
        may_be_async: Whether ``async def`` methods are welcome.
    """
    if isinstance(candidate, type):
        yield f"is the class {candidate.__qualname__}, not an instance of it"
        return
    for name, arguments in methods(protocol):
        wanted = f"{name}({', '.join(arguments)})"
        try:
            method = getattr(candidate, name)
        except AttributeError:
            yield f"has no method {wanted}"
            continue
        except Exception as error:  # noqa: BLE001 - the seam that calls foreign code: a property may do anything
            yield f"cannot give its method {wanted}: {type(error).__name__}"
            continue
        if not callable(method):
            yield f"has no method {wanted}: its {name} is a {type(method).__name__}"
        elif (fault := _wrong_call(method, len(arguments))) is not None:
            yield f"cannot be called as {wanted}: {fault}"
        elif inspect.isasyncgenfunction(method) or (inspect.iscoroutinefunction(method) and not may_be_async):
            yield f"has an async {wanted}; it must be {'def or async def' if may_be_async else 'a plain def'}"


def _wrong_call(method: object, count: int) -> str | None:
    if inspect.ismethod(method) and inspect.isfunction(method.__func__) and _takes(method.__func__, count + 1):
        return None
    try:
        signature = inspect.signature(method)  # type: ignore[arg-type]  # known to be callable
    except Exception as error:  # noqa: BLE001 - the seam that calls foreign code: so may a signature
        return f"its signature cannot be read ({type(error).__name__})"
    try:
        signature.bind(*[None] * count)
    except TypeError as error:
        return f"{error} (its signature is {signature})"
    return None


@lru_cache(maxsize=256)  # every opening of an orchestrator asks this of the same methods
def _takes(function: Callable[..., object], count: int) -> bool:
    try:
        inspect.signature(function).bind(*[None] * count)
    except Exception:  # noqa: BLE001 - the seam that calls foreign code; the caller looks again, and says what is wrong
        return False
    return True
