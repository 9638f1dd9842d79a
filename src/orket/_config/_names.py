"""What may be the name of an asset, a department or a category."""

import re

_NAME = re.compile(r"\w[\w .-]{0,127}")
VALID_NAME = "a name of letters, digits, space, _ . and -, no path, at most 128 long"


def is_asset_name(name: object) -> bool:
    """Return whether *name* is a plain file name without its ending: no separators, nothing hidden, no ``..``."""
    return isinstance(name, str) and _NAME.fullmatch(name) is not None and name == name.rstrip(" .")
