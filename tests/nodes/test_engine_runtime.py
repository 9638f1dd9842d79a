"""The stock environment and configuration folder."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orket.contracts import EngineRuntimePolicyNode, EnvironmentQuestion
from orket.nodes.engine_runtime import DefaultEngineRuntimePolicyNode

NODE = DefaultEngineRuntimePolicyNode()


def read(dotenv: str, **environ: str) -> dict[str, str]:
    return dict(NODE.environment(EnvironmentQuestion(environ=environ, dotenv=dotenv)))


def test_satisfies_the_protocol() -> None:
    """The node has every method of its protocol."""
    assert isinstance(NODE, EngineRuntimePolicyNode)


def test_the_environment_wins_over_the_file() -> None:
    """``.env`` fills gaps only, and ``os.environ`` is never touched."""
    before = dict(os.environ)
    assert read("A=file\nB=file", A="host", C="host") == {"A": "host", "B": "file", "C": "host"}
    assert dict(os.environ) == before


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("K=v", "v"),
        ("  export K = v  ", "v"),
        ("K=", ""),
        ("K=a b  # comment", "a b"),
        ("K=a#b", "a#b"),
        ("K=# comment", ""),
        ("K='a # $HOME \\n'  # comment", "a # $HOME \\n"),
        ('K="a\\n\\t\\"\\$b\\\\" # comment', 'a\n\t"$b\\'),
        ('K=""', ""),
        ("K=a=b", "a=b"),
        ("K=${HOME}", "${HOME}"),
        ("\ufeffK=v\r", "v"),
        ("\n# comment\n\nK=v\n", "v"),
        ("K=first\nK=last", "last"),
    ],
)
def test_reads_the_usual_spellings(line: str, value: str) -> None:
    """Comments, ``export`` and both kinds of quotes mean what they mean elsewhere; nothing is expanded."""
    assert read(line) == {"K": value}


@pytest.mark.parametrize(
    "line", ["K", "1K=v", "K K=v", "=v", 'K="open', "K='open", 'K="a" b', "K-X=v", "K=\0", "export"]
)
def test_refuses_other_lines_without_showing_them(line: str) -> None:
    """A line that is no assignment is refused by its number; its text may be a secret."""
    with pytest.raises(
        ValueError, match=r"^\.env, line 2: valid: KEY=value, KEY='value', KEY=\"value\", or a # comment$"
    ):
        read(f"A=1\n{line}")


@settings(max_examples=60)
@given(st.text(st.characters(exclude_characters="\0\n", exclude_categories=["Cs"])))
def test_a_quoted_value_comes_back(value: str) -> None:
    """What is escaped into double quotes is read as it was."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    assert read(f'K="{escaped}"') == {"K": value}


@settings(max_examples=60)
@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text raises anything but ValueError."""
    try:
        values = read(text)
    except ValueError:
        return
    assert all(name.isidentifier() and "\0" not in value for name, value in values.items())


def test_the_environment_may_name_the_configuration() -> None:
    """``ORKET_CONFIG_ROOT`` wins over the given folder, unless it is blank."""
    assert NODE.config_root(Path("given"), {}) == Path("given")
    assert NODE.config_root(Path("given"), {"ORKET_CONFIG_ROOT": " "}) == Path("given")
    assert NODE.config_root(Path("given"), {"ORKET_CONFIG_ROOT": "/srv/house"}) == Path("/srv/house")
