"""The shape of files: small, named by nouns, without state of their own."""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.thorough  # files look the same to every Python
ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "orket"
SOURCES = sorted(PACKAGE.rglob("*.py"))
FILES = sorted([*SOURCES, *(ROOT / "tests").rglob("*.py"), *(ROOT / "examples").rglob("*.py")])
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 40
VAGUE_NAMES = {"util", "utils", "helper", "helpers", "common", "base", "manager", "managers", "misc"}
CONTAINERS = {"list", "dict", "set", "bytearray", "deque", "defaultdict", "Counter", "OrderedDict", "ChainMap", "count"}
LOCKS = {"Lock", "RLock", "Condition", "Queue", "SimpleQueue", "local", "WeakSet", "WeakKeyDictionary"}
FOREIGN_LOOPS = {"asyncio", "trio"}
MAKES_LOOPS = "testing/simulation/_loops.py"  # the one module that makes event loops, for anyio to run on

# Where anything may be raised, because the code that is called there is not orket's own.
SEAMS = {
    "_codec/__init__.py": "cattrs raises many kinds for one fact",
    "_decide.py": "calls decision nodes",
    "_fit.py": "looks at foreign objects, whose properties may do anything",
    "_flow/__init__.py": "frees the issue, whatever ended its turn, and raises it again",
    "_flow/_asking.py": "calls models",
    "_flow/_evidence.py": "calls verifiers",
    "_flow/_filing.py": "frees the card, whatever ended the writing of its file, and raises it again",
    "_flow/_recollection.py": "calls memories",
    "_flow/_converse.py": "binds the arguments of foreign tools",
    "_offers.py": "reads foreign package metadata and imports what plugins offer",
    "_orchestrator/_engine.py": "turns what ended a run into orket's own error for the host",
    "_orchestrator/_unbroken.py": "raises what foreign stores raise outside of a task group",
    "_pipeline/_drive.py": "calls turn executors, clocks and stores",
    "_registry.py": "builds what plugins offer",
    "governance/_gate.py": "calls gate rules",
    "models/_http.py": "calls an HTTP library whose errors may hold secrets",
    "models/callables.py": "calls the host's agent functions",
    "review/_effects.py": "calls the review desk's ports",
    "review/_judging.py": "calls the host's review policy",
    "stores/_connection.py": "closes the connection, whatever opening it ended with, and raises it again",
    "stores/_threaded.py": "closes the database, whatever starting ended with, and raises it again",
    "stores/_writer.py": "answers the commits that wait for a writer thread, whatever ended it",
    "testing/_nodes.py": "calls the nodes under test",
    "testing/faults/_trial.py": "calls hosts that cancel, and notes what they and the crew were ended by",
    "testing/faults/_lives.py": "writes down what ended a process, and raises it again",
    "testing/_outcome.py": "calls the ports under test",
    "testing/_suite.py": "notes which rule failed, and raises it again",
    "testing/simulation/_process.py": "looks at whatever ended a simulated process",
    "testing/simulation/_threads.py": "runs functions as a thread would, and hands what they raise to their callers",
    "testing/_watch.py": "hands what is thrown into a watched call on to it",
    "testing/suites/_tool_hooks.py": "binds the arguments of the tools under test",
    "tools/_binding.py": "builds the argument classes of hosts, whose validators raise what they like",
    "tools/_results.py": "reads the messages of foreign exceptions",
    "tools/_runtime.py": "calls tools",
    "verification/_child.py": "runs fixtures",
}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def size(function: Function) -> int:
    """Lines from ``def`` to the last statement, without the docstring."""
    total = (function.end_lineno or function.lineno) - function.lineno + 1
    if ast.get_docstring(function, clean=False) is None:
        return total
    docstring = function.body[0]
    return total - ((docstring.end_lineno or docstring.lineno) - docstring.lineno + 1)


def long_functions(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, Function) and size(node) > MAX_FUNCTION_LINES:
            yield f"{node.name} (line {node.lineno}) has {size(node)} lines"


def is_broad(handler: ast.ExceptHandler) -> bool:
    caught = handler.type
    if caught is None:
        return True
    names = caught.elts if isinstance(caught, ast.Tuple) else [caught]
    return any(ast.unparse(name).split(".")[-1] in {"Exception", "BaseException"} for name in names)


def broad_handlers(tree: ast.Module) -> list[ast.ExceptHandler]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.ExceptHandler) and is_broad(node)]


def is_mutable(value: ast.expr | None) -> bool:
    """Say whether an expression makes a new container or lock that anybody could change later."""
    match value:
        case ast.List() | ast.Dict() | ast.Set() | ast.ListComp() | ast.DictComp() | ast.SetComp() | ast.GeneratorExp():
            return True
        case ast.Tuple(elts=parts):
            return any(map(is_mutable, parts))
        case ast.BinOp(left=left, right=right) | ast.IfExp(body=left, orelse=right):
            return is_mutable(left) or is_mutable(right)
        case ast.NamedExpr(value=inner) | ast.Starred(value=inner):
            return is_mutable(inner)
        case ast.Call(func=func, args=args):
            maker = ast.unparse(func).split("[")[0].split(".")[-1]
            frozen_dict = maker == "MappingProxyType" and args and isinstance(args[0], ast.Dict)
            return maker in CONTAINERS | LOCKS or bool(frozen_dict and any(map(is_mutable, args[0].values)))
        case _:
            return False


def module_state(body: Iterable[ast.AST]) -> Iterator[str]:
    """Find what a module or class body would share with everybody: mutable values and ``global`` statements."""
    for node in body:
        match node:
            case ast.Assign(targets=targets, value=value) if is_mutable(value):
                names = [ast.unparse(target) for target in targets]
            case ast.AnnAssign(target=target, value=value) if is_mutable(value):
                names = [ast.unparse(target)]
            case ast.AugAssign(target=target):
                names = [ast.unparse(target)]
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                names = [f"global {' '.join(found.names)}" for found in ast.walk(node) if isinstance(found, ast.Global)]
            case _:
                names = []
                yield from module_state(ast.iter_child_nodes(node))
        yield from (name for name in names if not name.startswith("__"))


def imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_files_and_functions_are_short(path: Path) -> None:
    """No file has more than 400 lines and no function more than 40 beside its docstring."""
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_FILE_LINES
    assert list(long_functions(tree_of(path))) == []


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_names_say_what_a_file_holds(path: Path) -> None:
    """No file or folder is named utils, helpers, common, base or manager."""
    words = {part.removesuffix(".py").removeprefix("test_").strip("_") for part in path.relative_to(ROOT).parts}
    assert words & VAGUE_NAMES == set()


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_only_seams_catch_everything(path: Path) -> None:
    """A broad ``except`` stands only in a named seam; one that does not raise again gives its reason in a comment."""
    lines = path.read_text(encoding="utf-8").splitlines()
    handlers = broad_handlers(tree_of(path))
    if path.relative_to(PACKAGE).as_posix() not in SEAMS:
        assert [handler.lineno for handler in handlers] == []
    swallowing = [handler.lineno for handler in handlers if not isinstance(handler.body[-1], ast.Raise)]
    assert [number for number in swallowing if "# " not in lines[number - 1]] == []


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_modules_hold_no_state(path: Path) -> None:
    """No module or class of the package binds a container or lock that could change, and none rebinds a global."""
    assert list(module_state(tree_of(path).body)) == []


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_the_package_runs_on_any_event_loop(path: Path) -> None:
    """No module imports asyncio or trio, but the one that makes event loops of them; anyio stands for both."""
    if path.relative_to(PACKAGE).as_posix() == MAKES_LOOPS:
        return
    assert {name.split(".")[0] for name in imported(tree_of(path))} & FOREIGN_LOOPS == set()


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_imports_mean_the_same_to_checkers_and_to_python(path: Path) -> None:
    """No module hides imports under TYPE_CHECKING and none imports relatively."""
    tree = tree_of(path)
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    names |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert "TYPE_CHECKING" not in names
    assert [name for name in imported(tree) if name.startswith(".")] == []


@pytest.mark.parametrize(
    "source",
    [
        "cache = {}",
        "cache: dict[str, int] = {}",
        "seen = set()",
        "rows = [1] + []",
        "pairs = ([], 1)",
        "table = MappingProxyType({'a': []})",
        "waiting = collections.deque()",
        "counts = defaultdict[str, int](int)",
        "lock = threading.Lock()",
        "rows = []\nrows += [1]",
        "class Node:\n    seen = {}",
        "try:\n    import fast\nexcept ImportError:\n    fast = {}",
        "if fast:\n    pass\nelse:\n    cache = {}",
        "def f():\n    global count\n    count = 1",
    ],
)
def test_state_is_found(source: str) -> None:
    """The search for module state finds containers, locks, class attributes and rebound globals."""
    assert list(module_state(ast.parse(source).body)) != []


@pytest.mark.parametrize(
    "source",
    [
        "__all__ = ['a']",
        "names = frozenset({'a'})",
        "names = tuple([1, 2])",
        "table = MappingProxyType({'a': (1,)})",
        "pattern = re.compile('|'.join(['a']))",
        "class Value:\n    rows: list[int] = field(factory=list)",
        "def f():\n    rows = []",
    ],
)
def test_what_cannot_change_is_not_state(source: str) -> None:
    """The search for module state leaves constants and local variables alone."""
    assert list(module_state(ast.parse(source).body)) == []


def test_size_leaves_decorators_and_docstring_out() -> None:
    """A function is counted from ``def`` to its last line, without its docstring."""
    source = '@mark\n@mark\ndef f(\n    a,\n):\n    """One.\n\n    Two.\n    """\n    return a\n'
    assert size(ast.parse(source).body[0]) == 4  # type: ignore[arg-type]


@pytest.mark.parametrize("clause", ["", " Exception", " BaseException", " (OSError, builtins.Exception)"])
def test_broad_handlers_are_found(clause: str) -> None:
    """Bare, direct and grouped broad handlers are found."""
    assert len(broad_handlers(ast.parse(f"try:\n    f()\nexcept{clause}:\n    raise\n"))) == 1
