"""The stock process-level inputs: the environment mapping, with ``.env`` below it, and the configuration's folder."""

import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from orket.contracts import EnvironmentQuestion

_ASSIGNMENT = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)[ \t]*=[ \t]*(.*?)\s*", re.DOTALL)
_DOUBLE = re.compile(r'"((?:[^"\\]|\\.)*)"\s*(?:#.*)?')
_SINGLE = re.compile(r"'([^']*)'\s*(?:#.*)?")
_COMMENT = re.compile(r"(?:^|\s)#.*")
_ESCAPES: Final[Mapping[str, str]] = MappingProxyType({"n": "\n", "t": "\t", "r": "\r"})


class DefaultEngineRuntimePolicyNode:
    """What the host's environment says wins over a ``.env`` file; ``ORKET_CONFIG_ROOT`` wins over the given folder."""

    contract_version = 1
    # For a .env file that cannot be read.
    contract_powers: Mapping[str, object] = MappingProxyType({"errors": (ValueError,)})

    def environment(self, question: EnvironmentQuestion, /) -> Mapping[str, str]:
        r"""Return the environment, filled up with what only ``.env`` says.

        A line of it is empty, a comment, or ``KEY=value``, with or without ``export``. A value in single quotes is
        taken as it is; in double quotes, ``\n``, ``\t`` and ``\r`` are control characters and a backslash keeps any
        other character; a bare value ends before `` #``. Nothing is expanded and nothing spans lines.

        Raises:
            ValueError: a line is none of these. The message has its number only: the line may hold a secret.
        """
        return {**_parse(question.dotenv), **question.environ}

    def config_root(self, given: Path, environ: Mapping[str, str], /) -> Path:
        """Return the folder that ``ORKET_CONFIG_ROOT`` names, or *given*."""
        named = environ.get("ORKET_CONFIG_ROOT", "").strip()
        return Path(named) if named else given


def _parse(text: str) -> dict[str, str]:
    values: dict[str, str] = {}
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), start=1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        assignment = _ASSIGNMENT.fullmatch(line)
        value = _value(assignment[2]) if assignment else None
        if assignment is None or value is None or "\0" in value:
            raise ValueError(f".env, line {number}: valid: KEY=value, KEY='value', KEY=\"value\", or a # comment")
        values[assignment[1]] = value
    return values


def _value(text: str) -> str | None:
    if text.startswith('"'):
        quoted = _DOUBLE.fullmatch(text)
        return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), quoted[1]) if quoted else None
    if text.startswith("'"):
        quoted = _SINGLE.fullmatch(text)
        return quoted[1] if quoted else None
    return _COMMENT.sub("", text, count=1).strip()
