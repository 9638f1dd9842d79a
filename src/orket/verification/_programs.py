"""Programs as texts: what runs in other processes imports nothing from where orket is installed."""

from importlib import resources
from typing import Final

SUPERVISOR: Final = ("_supervisor.py", "_watch.py")
CAGE: Final = ("_cage.py", "_landlock.py", "_calls.py", "_seccomp.py", "_privileges.py")
_HEAD: Final = """\
import sys, types
for name, text in {parts!r}.items():
    sys.modules[name] = part = types.ModuleType(name)
    exec(compile(text, name, "exec"), part.__dict__)
"""


def program_text(name: str, *parts: str) -> str:
    """Return the text of a program of this package.

    Args:
        name: the program's file.
        parts: files of modules that it imports; a part may import those before it.
    """
    texts = {f"{__package__}.{part.removesuffix('.py')}": _read(part) for part in parts}
    head = _HEAD.format(parts=texts) if texts else ""
    return head + _read(name)


def _read(name: str) -> str:
    return resources.files("orket.verification").joinpath(name).read_text(encoding="utf-8")
