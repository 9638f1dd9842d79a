"""iDesign: where a source file lies, what it is called, and what it may import.

Managers say what happens in which order, engines how something is worked out, accessors where data comes from and goes
to. Calls go down only: a manager uses engines and accessors, an engine uses accessors, an accessor neither.

Only source files are judged (:data:`SOURCE_SUFFIXES`); documents and data may lie anywhere.
"""

import ast
import warnings
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from orket.governance._paths import folded, split

# Folder -> what its files are called.
LAYERS: Final[Mapping[str, str]] = MappingProxyType(
    {"managers": "manager", "engines": "engine", "accessors": "accessor"}
)
FREE_FOLDERS: Final = ("clients", "contracts", "utilities", "tests", "docs")
_SUFFIXES = "c cc cjs cpp cs cxx go h hpp java js jsx kt mjs php py pyi pyw rb rs scala svelte swift ts tsx vue"
SOURCE_SUFFIXES: Final = frozenset(_SUFFIXES.split())
ENTRY_POINTS: Final = frozenset({"__init__", "__main__", "conftest", "main"})  # lie anywhere: they join the layers
_PYTHON: Final = frozenset({"py", "pyi", "pyw"})
_FORBIDDEN: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "engines": frozenset({"managers"}),
        "accessors": frozenset({"managers", "engines"}),
        "contracts": frozenset(LAYERS),
        "utilities": frozenset(LAYERS),
    }
)


def is_source(path: str) -> bool:
    """Return whether a path names a source file, by its suffix."""
    return _suffix(path) in SOURCE_SUFFIXES


def is_python(path: str) -> bool:
    """Return whether a path names Python source."""
    return _suffix(path) in _PYTHON


def category(path: str) -> str:
    """Return the innermost folder of a path that iDesign knows, or ""."""
    known = [folder for folder in _folders(path) if folder in LAYERS or folder in FREE_FOLDERS]
    return known[-1] if known else ""


def structure_fault(path: str) -> str:
    """Return why a source file may not lie where it would, or ""."""
    layers = [folder for folder in dict.fromkeys(_folders(path)) if folder in LAYERS]
    if len(layers) > 1:
        return f"lies in two layers at once: {', '.join(layers)}"
    if category(path) or _stem(path) in ENTRY_POINTS:
        return ""
    return f"lies in no folder that iDesign knows: {', '.join((*LAYERS, *FREE_FOLDERS))}"


def naming_fault(path: str, content: str | None = None) -> str:
    """Return why a source file, or a class in it, may not be called what it is called, or "".

    A name that ends in Manager, Engine or Accessor belongs in the folder of that layer, and a file directly in such
    a folder has such a name. Free folders and private modules (``_x.py``) are not judged, entry points neither.
    """
    place, stem = category(path), _stem(path)
    if place in FREE_FOLDERS or stem in ENTRY_POINTS or stem.startswith("_"):
        return ""
    said = _layer_said(stem)
    if said and said != place:
        return f"is named after {said} and lies in {place or 'none of the layers'}"
    if place and not said and _folders(path)[-1] == place:
        return f"lies in {place} and must be named …_{LAYERS[place]}"
    tree = _parsed(content)[0] if content is not None and is_python(path) else None
    for statement in tree.body if tree else ():
        if isinstance(statement, ast.ClassDef) and (named := _layer_said(statement.name)) and named != place:
            return f"defines {statement.name:.80} of {named} and lies in {place or 'none of the layers'}"
    return ""


def import_fault(path: str, content: str) -> str:
    """Return which import breaks the layers, or that the source cannot be read, or "".

    Reads ``import``, ``from … import`` and the constant names given to ``import_module`` and ``__import__``; a module
    is of the layer that is a component of its dotted name. Tests, documents and clients import what they like, and so
    do files outside the layers.
    """
    tree, problem = _parsed(content)
    if tree is None:
        return f"is Python that cannot be read: {problem}"
    place = category(path)
    forbidden = _FORBIDDEN.get(place, frozenset())
    for line, name in _imports(tree):
        if broken := forbidden.intersection(name.split(".")):
            return f"imports {name!r:.120} in line {line}: {place} may not use {min(broken)}"
    return ""


def _parsed(content: str) -> tuple[ast.Module | None, str]:
    """Return the syntax tree, or None and why there is none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a strange escape in an agent's string is not the host's concern
        try:
            return ast.parse(content), ""
        except (SyntaxError, ValueError) as error:
            return None, str(error)[:200]
        except (RecursionError, MemoryError):  # how the compiler says that source is nested too deeply
            return None, "it is nested too deeply"


def _imports(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from ((node.lineno, alias.name) for alias in names)
            case ast.ImportFrom(module=module, names=names):
                yield from ((node.lineno, f"{module}.{alias.name}" if module else alias.name) for alias in names)
            case ast.Call(
                func=ast.Name(id="__import__" | "import_module") | ast.Attribute(attr="import_module"),
                args=[ast.Constant(value=str() as name), *_],
            ):
                yield node.lineno, name


def _folders(path: str) -> list[str]:
    return [folded(part) for part in split(path)[:-1]]


def _name(path: str) -> str:
    parts = split(path)
    return parts[-1] if parts else ""


def _stem(path: str) -> str:
    return _name(path).split(".")[0]


def _suffix(path: str) -> str:
    name = folded(_name(path))
    return name.rpartition(".")[2] if "." in name else ""


def _layer_said(name: str) -> str:
    """Return the folder of the layer that a name ends in, or ""."""
    return next((folder for folder, word in LAYERS.items() if name.lower().endswith(word)), "")
