"""The public interface as stubs, and what of it a change breaks.

``docs/api`` holds the interface of the last release: a stub for each public module, with every public name, its
signature and its fields. A change of the package is compared with it. What it breaks must be declared, by its path in
backticks, under "Breaking" in the unreleased part of the changelog; a release writes the stubs anew (``--write``).
"""

import argparse
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import griffe

ROOT = Path(__file__).resolve().parents[2]
BASELINE = ROOT / "docs" / "api"
CHANGELOG = ROOT / "CHANGELOG.md"


def is_public(name: str) -> bool:
    return not name.startswith("_")


def public_modules(module: griffe.Module) -> Iterator[griffe.Module]:
    """Find the modules whose names people import: all but those that a package of their own re-exports."""
    if module.exports is not None or module.parent is None or module.parent.parent is None:
        yield module
    for name, member in sorted(module.members.items()):
        if is_public(name) and not member.is_alias and member.is_module:
            yield from public_modules(member)


def stub(module: griffe.Module) -> str:
    """Write a module with everything that it exports, wherever that is defined."""
    names = sorted(_exported(module))
    blocks = [block for name in names if (block := _object(module[name], name, ""))]
    return "\n".join([f"__all__ = {names!r}", "", *blocks, ""])


def _exported(module: griffe.Module) -> Iterator[str]:
    if module.exports is not None:
        yield from (str(name) for name in module.exports)
        return
    for name, member in module.members.items():
        if is_public(name) and (_is_own(module, member) if member.is_alias else not member.is_module):
            yield name


def _is_own(module: griffe.Module, member: griffe.Alias) -> bool:
    """Return whether a package has an imported name from a private module of its own."""
    return member.target_path.startswith(f"{module.path}._")


def _object(found: griffe.Object | griffe.Alias, name: str, indent: str) -> str:
    target = found.final_target if found.is_alias else found
    if target.is_class:
        return _class(target, name, indent)
    if target.is_function:
        return _function(target, name, indent)
    if target.is_attribute:
        if target.annotation is None and target.parent.is_class and target.value is not None:
            return f"{indent}{name} = {target.value}"  # a member of an enumeration: its value is what is stored
        return f"{indent}{name}: {target.annotation or 'object'}"
    return ""  # a module is a file of its own


def _class(target: griffe.Class, name: str, indent: str) -> str:
    inner = indent + "    "
    found = {**_hidden(target), **target.members}
    members = [member for own, member in sorted(found.items()) if is_public(own) or own == "__init__"]
    body = [_object(member, member.name, inner) for member in members]
    if "__init__" not in target.members and (fields := list(_fields(target))):
        star = ["*"] if any("kw_only=True" in str(decorator.value) for decorator in target.decorators) else []
        body.append(f"{inner}def __init__({', '.join(['self', *star, *fields])}) -> None: ...")
    bases = ", ".join(str(base) for base in target.bases)
    return "\n".join([f"{indent}class {name}({bases}):", *(line for line in body if line), f"{inner}..."])


def _hidden(target: griffe.Class) -> dict[str, griffe.Object | griffe.Alias]:
    """Return what a class inherits from bases that nobody can import: it is as public as if it stood there itself."""
    found: dict[str, griffe.Object | griffe.Alias] = {}
    for base in reversed(target.mro()):
        exported = getattr(base.module.parent, "exports", None) or ()
        if base.name not in {str(name) for name in exported}:
            found |= {name: member for name, member in base.members.items() if is_public(name)}
    return found


def _fields(target: griffe.Class) -> Iterator[str]:
    """Yield the keywords that attrs makes of a class's fields."""
    if not any("frozen" in str(decorator.value) or "define" in str(decorator.value) for decorator in target.decorators):
        return
    for name, member in target.members.items():
        if not member.is_attribute or member.annotation is None or "property" in member.labels:
            continue
        value = str(member.value or "")
        if "init=False" in value.replace(" ", "") or "ClassVar" in str(member.annotation):
            continue
        has_default = bool(value) and ("field(" not in value or "default=" in value or "factory=" in value)
        yield f"{name.lstrip('_')}: {member.annotation}{' = ...' if has_default else ''}"


def _function(target: griffe.Function, name: str, indent: str) -> str:
    decorators = "".join(
        f"{indent}@{label}\n" for label in ("property", "classmethod", "staticmethod") if label in target.labels
    )
    prefix = "async " if "async" in target.labels else ""
    returns = f" -> {target.returns}" if target.returns else ""
    return f"{decorators}{indent}{prefix}def {name}({_parameters(target)}){returns}: ..."


def _parameters(target: griffe.Function) -> str:
    kinds = griffe.ParameterKind
    written: list[str] = []
    positional = star = False
    for parameter in target.parameters:
        if parameter.kind is kinds.positional_only:
            positional = True
        elif positional:
            written.append("/")
            positional = False
        if parameter.kind is kinds.keyword_only and not star:
            written.append("*")
            star = True
        star = star or parameter.kind is kinds.var_positional
        prefix = {kinds.var_positional: "*", kinds.var_keyword: "**"}.get(parameter.kind, "")
        annotation = f": {parameter.annotation}" if parameter.annotation else ""
        default = " = ..." if parameter.default is not None and not prefix else ""
        written.append(f"{prefix}{parameter.name}{annotation}{default}")
    return ", ".join([*written, "/"] if positional else written)


def write(package: griffe.Module, folder: Path) -> None:
    """Write the stubs of all public modules of a package."""
    shutil.rmtree(folder, ignore_errors=True)
    for module in public_modules(package):
        parts = module.path.split(".")
        is_package = module.parent is None or any(
            not member.is_alias and member.is_module for member in module.members.values()
        )
        path = folder.joinpath(*parts, "__init__.pyi") if is_package else folder.joinpath(*parts).with_suffix(".pyi")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(stub(module), encoding="utf-8")


def breakages(old: Path, new: Path, name: str = "orket") -> Iterator[tuple[str, str]]:
    """Yield the path of each public thing that the new stubs break, and how."""
    before, after = (griffe.load(name, search_paths=[folder], allow_inspection=False) for folder in (old, new))
    for found in griffe.find_breaking_changes(before, after):
        yield found.obj.path, found.explain(style=griffe.ExplanationStyle.ONE_LINE)
    yield from _changed_values(before, after)


def _changed_values(before: griffe.Object, after: griffe.Object) -> Iterator[tuple[str, str]]:
    """Yield the members of enumerations that have another value: records hold the old one."""
    for name, old in before.members.items():
        if not is_public(name) or (new := after.members.get(name)) is None or old.is_alias or new.is_alias:
            continue
        if old.is_attribute and old.value is not None and str(old.value) != str(new.value):
            yield old.path, f"{old.path}: the value {old.value} became {new.value}"
        elif old.is_class or old.is_module:
            yield from _changed_values(old, new)


def declared(changelog: str) -> set[str]:
    """Return the paths that the unreleased part of a changelog declares as broken."""
    unreleased = re.search(r"^## \[Unreleased\]\s*$(.*?)(?=^## |\Z)", changelog, re.MULTILINE | re.DOTALL)
    section = re.search(
        r"^### Breaking\s*$(.*?)(?=^### |\Z)", unreleased[1] if unreleased else "", re.MULTILINE | re.DOTALL
    )
    return set(re.findall(r"`([\w.]+)`", section[1])) if section else set()


def main() -> int:
    """Compare the package with the stubs of the last release, or write them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the stubs of a release")
    package = griffe.load("orket", search_paths=[ROOT / "src"], allow_inspection=False)
    if parser.parse_args().write:
        write(package, BASELINE)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        write(package, Path(folder))
        known = declared(CHANGELOG.read_text(encoding="utf-8"))
        undeclared = [how for path, how in breakages(BASELINE, Path(folder)) if path not in known]
    print(*undeclared or ["the public interface breaks nothing that the changelog does not declare"], sep="\n")
    return 1 if undeclared else 0


if __name__ == "__main__":
    sys.exit(main())
