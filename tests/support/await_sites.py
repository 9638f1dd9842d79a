"""Where a module may be suspended: its awaits, as its source has them."""

import ast
from collections.abc import Collection, Iterator
from pathlib import Path

import orket

PACKAGE = Path(orket.__file__).parent
KERNEL = ("_orchestrator", "_pipeline", "_flow", "_decide.py", "stores/_threaded.py", "tools/_runtime.py")


def sites(parts: Collection[str] = KERNEL) -> Iterator[tuple[str, range, str]]:
    """Yield file, lines and source of each ``await``, ``async for`` and ``async with`` in some parts of the package."""
    for part in parts:
        path = PACKAGE / part
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            name = file.relative_to(PACKAGE).as_posix()
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                if isinstance(node, ast.Await):
                    yield name, range(node.lineno, (node.end_lineno or 0) + 1), ast.unparse(node)
                elif isinstance(node, ast.AsyncFor | ast.AsyncWith):
                    first = node.iter if isinstance(node, ast.AsyncFor) else node.items[0].context_expr
                    yield name, range(node.lineno, (first.end_lineno or 0) + 1), ast.unparse(first)


def missed(reached: Collection[tuple[str, int]]) -> list[str]:
    """Return the awaits in which nothing was ever suspended."""
    found = set(reached)
    return [f"{name}: {source}" for name, lines, source in sites() if not found & {(name, line) for line in lines}]
