"""Bytes of a file -> JSON data; every way in which that can fail is a :class:`~orket.errors.ConfigError`."""

import json
import math
import stat
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final, TypeVar

from orket.cards import JsonValue
from orket.errors import ConfigError

MAX_BYTES: Final = 16 * 1024 * 1024  # an epic of 10,000 issues takes about a fifth of it
MAX_DEPTH: Final = 64
T = TypeVar("T")
_NAP: Final = 0.00002  # seconds; long enough for another thread to wake up
_TWICE: Final = object()  # the key under which an object's repeated keys wait for the walk that knows where it lies


def read_object(path: Path, file: str) -> dict[str, JsonValue] | None:
    """Return the object in a JSON file; None when there is no such file.

    Args:
        path: The file; symbolic links are followed, because whoever writes the configuration sets them.
        file: What messages call it.

    Raises:
        ConfigError: it cannot be read, is too large, or is not one object of strict JSON in UTF-8 (RFC 8259). A byte
            order mark is accepted; repeated keys are not, unless they are comments.
    """
    raw = _read_bytes(path, file)
    if raw is None:
        return None
    try:
        data = json.loads(raw.decode("utf-8-sig"), object_pairs_hook=_note_repeated_keys)
    except UnicodeDecodeError as error:
        raise _refuse(file, [f"byte {error.start} is not UTF-8; valid: a JSON file in UTF-8"]) from error
    except json.JSONDecodeError as error:
        raise _refuse(file, [f"line {error.lineno}, column {error.colno}: not JSON: {error.msg}"]) from error
    except RecursionError as error:
        raise _refuse(file, [f"nested more than {MAX_DEPTH} levels deep"]) from error
    except ValueError as error:  # an integer of thousands of digits
        raise _refuse(file, [f"not JSON: {error}"]) from error
    if problems := list(_flaws(data)):
        raise _refuse(file, problems)
    if isinstance(data, dict):
        return data
    raise _refuse(file, [f"$: found {show(data)}; valid: an object"])


def unhurried(items: Iterable[T], every: int) -> Iterator[tuple[int, T]]:
    """Enumerate *items*, and after *every* so many of them let other threads have the interpreter.

    Assets are read beside an event loop, which Python alone would let wait for five milliseconds each time.
    """
    for index, item in enumerate(items, 1):
        yield index - 1, item
        if not index % every:
            time.sleep(_NAP)


def show(value: JsonValue) -> str:
    """Return *value* as a message quotes it: short, and a container only by its kind."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:77]}…"


def step(key: str) -> str:
    """Return *key* as one step of a JSON path."""
    return f".{key}" if key.isidentifier() else f"[{json.dumps(key)}]"


def _refuse(file: str, problems: list[str]) -> ConfigError:
    return ConfigError(f"{file} cannot be read", problems=[f"{file}: {problem}" for problem in problems], file=file)


def _read_bytes(path: Path, file: str) -> bytes | None:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # opening a pipe would wait for its other end
            raise _refuse(file, ["not a regular file"])
        with path.open("rb") as stream:
            raw = stream.read(min(status.st_size, MAX_BYTES) + 1)
            if len(raw) > status.st_size:  # it grows, or does not say how large it is
                raw += stream.read(MAX_BYTES + 1 - len(raw))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise _refuse(file, [str(error.strerror)]) from error
    if len(raw) > MAX_BYTES:
        raise _refuse(file, [f"larger than {MAX_BYTES} bytes"])
    return raw


def _note_repeated_keys(pairs: list[tuple[str, JsonValue]]) -> dict[Any, JsonValue]:
    data: dict[Any, JsonValue] = dict(pairs)
    if len(data) < len(pairs):
        counted = Counter(key for key, _ in pairs if not key.startswith("_"))
        data[_TWICE] = [key for key, count in counted.items() if count > 1]
    return data


def _flaws(value: JsonValue, path: str = "$", depth: int = 0) -> Iterator[str]:
    """Find what Python's parser lets pass: repeated keys, NaN, huge numbers, lone surrogates, great depth."""
    if depth > MAX_DEPTH:
        yield f"{path:.200}: nested more than {MAX_DEPTH} levels deep"
    elif isinstance(value, dict):
        for key in value.pop(_TWICE, ()):
            yield f"{path}: the key {json.dumps(key)} appears more than once in one object"
        for key, item in value.items():
            if not _is_unicode(key):
                yield f"{path}: the key {json.dumps(key)} has a lone surrogate, which is no character"
            yield from _flaws(item, path + step(key), depth + 1)
    elif isinstance(value, list):
        for index, item in unhurried(value, 128):
            yield from _flaws(item, f"{path}[{index}]", depth + 1)
    elif flaw := _scalar_flaw(value):
        yield f"{path}: {flaw}"


def _scalar_flaw(value: JsonValue) -> str:
    if isinstance(value, str) and not _is_unicode(value):
        return "the text has a lone surrogate, which is no character"
    if isinstance(value, float) and not math.isfinite(value):
        return f"found {value}; valid: a finite number"
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return "found an integer of more than 64 bits; valid: a smaller one"
    return ""


def _is_unicode(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= char <= "\udfff" for char in text)
