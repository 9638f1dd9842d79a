"""Files that no agent may write, by their names: programs, archives, secrets, and what runs or is read by itself."""

from typing import Final

from orket.governance._paths import folded, split


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Suffixes, without the dot. Scripts that only run when somebody runs them (sh, py) are work like any other.
EXECUTABLES: Final = _words("""
    apk app bat bin class cmd com cpl deb dll dylib elf exe hta jar lnk msi msix o pif pkg ps1 pth pyc pyd pyo reg rpm
    scr so vbs war whl wsf
""")
ARCHIVES: Final = _words("7z bz2 cab dmg gz img iso lz4 lzma rar tar tbz2 tgz txz xz zip zst")
SECRETS: Final = _words("asc gpg jks kdbx key keystore p12 pem pfx pgp ppk")

# Whole names.
SECRET_NAMES: Final = _words("""
    .git-credentials .htpasswd .netrc .npmrc .pgpass .pypirc authorized_keys credentials id_dsa id_ecdsa id_ed25519
    id_rsa known_hosts
""")
ENV_TEMPLATES: Final = _words(".env.example .env.sample .env.template")  # all other .env and .env.* hold secrets
RUN_AT_START: Final = _words("sitecustomize.py usercustomize.py")  # Python runs them unasked
OBEYED_FOLDERS: Final = _words(".aws .git .gnupg .ssh")  # hooks run, keys are read


def type_fault(path: str) -> str:
    """Return why no agent may write a file of this name, or ""."""
    parts = [folded(part) for part in split(path)]
    name = parts[-1] if parts else ""
    suffix = name.rpartition(".")[2] if "." in name else ""
    is_env = name == ".env" or name.startswith(".env.")
    if suffix in EXECUTABLES or name in RUN_AT_START:
        return "is a program, or is run by itself"
    if suffix in ARCHIVES:
        return "is an archive"
    if suffix in SECRETS or name in SECRET_NAMES or (is_env and name not in ENV_TEMPLATES):
        return "holds secrets"
    obeyed = OBEYED_FOLDERS.intersection(parts)
    return f"lies in {min(obeyed)}, which other programs obey" if obeyed else ""
