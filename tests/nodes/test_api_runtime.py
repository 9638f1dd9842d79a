"""What requests of a host's API mean by default."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orket._answers import CHECKS
from orket.contracts import ApiRuntimeStrategyNode, AssetQuestion
from orket.nodes.api_runtime import DefaultApiRuntimeStrategyNode

NODE = DefaultApiRuntimeStrategyNode()


def test_satisfies_the_protocol() -> None:
    """The node has every method of its protocol."""
    assert isinstance(NODE, ApiRuntimeStrategyNode)


@pytest.mark.parametrize(
    ("value", "origins"),
    [
        ("", ()),
        (" , ,", ()),
        ("*", ("*",)),
        (" * ", ("*",)),
        ("*,https://a.example", ("https://a.example",)),
        (",*", ()),
        ("https://A.example/, http://localhost:3000,https://a.example", ("https://a.example", "http://localhost:3000")),
        ("http://[::1]:8000", ("http://[::1]:8000",)),
        ("https://*.example, null, a.example, https://a/b, https://a b, https://a:x, https://u@a", ()),
    ],
)
def test_origins_are_listed_one_by_one(value: str, origins: tuple[str, ...]) -> None:
    """Origins are trimmed and listed once; junk allows nothing; a star counts only when it stands alone."""
    assert NODE.parse_allowed_origins(value) == origins


@settings(max_examples=60)
@given(st.text() | st.lists(st.sampled_from(["*", "", " ", "https://a", "x"])).map(",".join))
def test_no_text_opens_the_door_by_accident(value: str) -> None:
    """Any text gives origins, and the wildcard only where it was the whole value."""
    answer = NODE.parse_allowed_origins(value)
    assert CHECKS["api_runtime", "parse_allowed_origins"](answer, value) is None
    assert ("*" in answer) == (value.strip() == "*")


@pytest.mark.parametrize(
    ("path", "issue_id", "asset"),
    [
        ("/cards/A-1", None, "A-1"),
        ("/cards/epics/launch.json", None, "launch"),
        ("/cards/launch.json/", None, "launch"),
        ("/cards/x?y=/z", None, "x"),
        ("/cards/x", "A-1", "A-1"),
        ("/cards/b@build-launch", None, "b@build-launch"),
        ("/cards/Türen streichen.json", "b@c", "b@c"),
        ("/cards/Türen streichen.json", None, "Türen streichen"),
        ("/cards/x\n", None, None),
        ("/cards/x", "  ", "x"),
        ("/cards/x", "../../etc", "x"),
        ("/cards/..", None, None),
        ("/cards/.hidden", None, None),
        ("/cards/%2e%2e", None, None),
        ("/cards/a\\b", None, None),
        ("/", None, None),
        ("", None, None),
    ],
)
def test_an_asset_id_comes_from_the_parameter_or_the_path(path: str, issue_id: str | None, asset: str | None) -> None:
    """A safe parameter wins over the path's last segment; what is not safe names nothing."""
    assert NODE.resolve_asset_id(AssetQuestion(path=path, issue_id=issue_id)) == asset


@settings(max_examples=60)
@given(st.text(), st.none() | st.text())
def test_an_asset_id_never_leads_anywhere_else(path: str, issue_id: str | None) -> None:
    """Whatever is asked, the answer is None or a plain name."""
    answer = NODE.resolve_asset_id(AssetQuestion(path=path, issue_id=issue_id))
    assert answer is None or (answer and not set(answer) & set("/\\%\0") and not answer.startswith("."))


def test_a_session_id_is_the_whole_token() -> None:
    """No part of the token's randomness is lost."""
    assert NODE.create_session_id("0a" * 16) == "0a" * 16
