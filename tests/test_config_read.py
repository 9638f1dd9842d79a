"""Files that are, and are not, JSON objects."""

import json
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orket._config import ConfigLoader, _read
from orket._config._read import MAX_BYTES, MAX_DEPTH, read_object, show, step
from orket.errors import ConfigError
from orket.nodes.loader_strategy import DefaultLoaderStrategyNode


def refusal(path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        read_object(path, "x.json")
    assert caught.value.problems, "a refusal lists what is wrong"
    return str(caught.value)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "x.json"


def test_reads_an_object_behind_a_byte_order_mark(file: Path) -> None:
    """A byte order mark, as some editors write it, is no part of the text."""
    file.write_bytes('\ufeff{"name": "Käse"}'.encode())
    assert read_object(file, "x.json") == {"name": "Käse"}


def test_a_missing_file_is_none(tmp_path: Path) -> None:
    """A file that is not there, also because its folder is a file, is None and no error."""
    (tmp_path / "folder").write_text("{}")
    assert read_object(tmp_path / "nothing.json", "nothing.json") is None
    assert read_object(tmp_path / "folder" / "x.json", "x.json") is None


def test_reads_a_file_that_grows_meanwhile(file: Path) -> None:
    """What the file system says of a file's size is no limit: another process may be writing, or nobody has counted."""

    class Empty(type(file)):  # type: ignore[misc]
        def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
            fields = list(super().stat(follow_symlinks=follow_symlinks))
            fields[stat.ST_SIZE] = 0
            return os.stat_result(fields)

    file.write_text('{"name": "a shop"}')
    assert read_object(Empty(file), "x.json") == {"name": "a shop"}


def test_follows_symbolic_links(tmp_path: Path, file: Path) -> None:
    """A link to a file elsewhere is read: whoever writes the configuration sets it."""
    (tmp_path / "elsewhere").write_text('{"a": 1}')
    file.symlink_to(tmp_path / "elsewhere")
    assert read_object(file, "x.json") == {"a": 1}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{\n  "a": 1\n  "b": 2}', "x.json: line 3, column 3: not JSON"),
        ('{"a": "line\nbreak"}', "x.json: line 1, column 12: not JSON: Invalid control character"),
        ("", "line 1, column 1"),
        ("[1]", "$: found a list; valid: an object"),
        ('"text"', '$: found "text"; valid: an object'),
        ('{"a": {"b": 1, "b": 2}}', '$.a: the key "b" appears more than once in one object'),
        ('{"a": [0, NaN]}', "$.a[1]: found nan; valid: a finite number"),
        ('{"a": -Infinity}', "$.a: found -inf"),
        ('{"a": 1e999}', "$.a: found inf"),
        ('{"a": 9223372036854775808}', "$.a: found an integer of more than 64 bits"),
        (f'{{"a": {"9" * 5000}}}', "not JSON"),
        ('{"two words": ["\\ud800"]}', '$["two words"][0]: the text has a lone surrogate'),
        ('{"\\udc00": 1}', '$: the key "\\udc00" has a lone surrogate'),
        ('{"a": ' + "[" * 5000 + "]" * 5000 + "}", f"nested more than {MAX_DEPTH} levels deep"),
        ('{"a": ' + "[" * 100 + "]" * 100 + "}", f"nested more than {MAX_DEPTH} levels deep"),
    ],
)
def test_names_what_is_wrong_and_where(file: Path, text: str, says: str) -> None:
    """Whatever keeps a text from being one strict JSON object is named with its place."""
    file.write_text(text, "utf-8")
    assert says in refusal(file)


def test_lists_every_flaw_of_a_file(file: Path) -> None:
    """Flaws that leave the text readable are listed together, in the order of the file."""
    file.write_text('{"a": NaN, "b": {"c": 1, "c": 1}, "d": "\\ud800"}')
    with pytest.raises(ConfigError) as caught:
        read_object(file, "x.json")
    assert [problem.split(":")[1].strip() for problem in caught.value.problems] == ["$.a", "$.b", "$.d"]


def test_comments_may_repeat(file: Path) -> None:
    """The same comment key twice hides nothing, so it is no flaw."""
    file.write_text('{"_comment": "one", "a": 1, "_comment": "two"}')
    assert read_object(file, "x.json") == {"_comment": "two", "a": 1}


def test_refuses_other_encodings(file: Path) -> None:
    """Bytes that are not UTF-8 are named by their place."""
    file.write_bytes(b'{"a": "\xff"}')
    assert "byte 7 is not UTF-8" in refusal(file)


def test_refuses_what_is_no_regular_file(tmp_path: Path, file: Path) -> None:
    """A folder or a pipe is refused instead of waited for."""
    assert "not a regular file" in refusal(tmp_path)
    os.mkfifo(file)
    assert "not a regular file" in refusal(file)


def test_refuses_a_link_to_itself(file: Path) -> None:
    """An operating system's error becomes orket's own."""
    file.symlink_to(file)
    assert "x.json: " in refusal(file)


def test_refuses_large_files(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file beyond the limit is refused, one at the limit is not."""
    monkeypatch.setattr(_read, "MAX_BYTES", 20)
    file.write_text('{"a": "0123456789"}'.ljust(20))
    assert read_object(file, "x.json") == {"a": "0123456789"}
    file.write_text('{"a": "0123456789"}'.ljust(21))
    assert "larger than 20 bytes" in refusal(file)
    assert MAX_BYTES == 16 * 1024 * 1024


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=60)
@given(st.dictionaries(st.text(), json_values, max_size=5))
def test_returns_what_json_says(tmp_path_factory: pytest.TempPathFactory, data: dict[str, object]) -> None:
    """Every finite JSON object of characters comes back as it was written."""
    file = tmp_path_factory.getbasetemp() / "any.json"
    file.write_text(json.dumps(data), "utf-8")
    assert read_object(file, "any.json") == data


@settings(max_examples=60)
@given(st.binary(max_size=200))
def test_any_bytes_give_an_object_or_a_config_error(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    """No file content raises anything but ConfigError."""
    file = tmp_path_factory.getbasetemp() / "bytes.json"
    file.write_bytes(raw)
    try:
        outcome = read_object(file, "bytes.json")
    except ConfigError as error:
        outcome = error.problems
    assert outcome is not None
    assert isinstance(outcome, dict) or len(outcome) > 0


def test_quotes_values_briefly() -> None:
    """Messages show scalars as JSON, cut at 80 characters, and containers by their kind."""
    assert [show(value) for value in ({}, [1], None, "ä", 2.5)] == ["an object", "a list", "null", '"ä"', "2.5"]
    assert len(show("x" * 500)) == 78


def test_spells_steps_of_a_path() -> None:
    """A key that is no identifier is quoted, so that a path reads in one way only."""
    assert step("name") == ".name"
    assert step("a.b") == '["a.b"]'


@contextmanager
def closed(folder: Path) -> Iterator[None]:
    """Let this process list a folder, and open nothing in it; who may do anything is somebody else meanwhile."""
    user = os.geteuid()
    folder.chmod(0o744)
    if not user:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)
        folder.chmod(0o755)


def test_an_organization_in_a_closed_folder_is_no_organization_that_is_missing() -> None:
    """What may not be opened is a ConfigError that says so, whether it is a file or a folder of assets."""
    folder = Path(tempfile.mkdtemp())  # pytest's own are in one that is closed to others
    (folder / "model" / "core" / "epics").mkdir(parents=True)
    (folder / "model" / "core" / "epics" / "launch.json").write_text("{}")
    (folder / "config").mkdir()
    (folder / "config" / "org_info.json").write_text("{}")
    folder.chmod(0o755)
    loader = ConfigLoader(folder, loader=DefaultLoaderStrategyNode())
    try:
        with closed(folder / "config"), pytest.raises(ConfigError, match="Permission denied"):
            loader.load_organization()
        with closed(folder / "model" / "core" / "epics"), pytest.raises(ConfigError, match="cannot be listed"):
            loader.assets("epics")
    finally:
        shutil.rmtree(folder)
