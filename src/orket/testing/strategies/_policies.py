"""Questions that policies are asked: loop, assets, ids, environment, services, hosts with an API."""

import hashlib
from pathlib import Path
from typing import Any, Final

from attrs import frozen
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from orket.contracts import (
    INTEGRITY_GUARD,
    AssetQuestion,
    BoardCounts,
    EnvironmentQuestion,
    Issue,
    LoopQuestion,
    MemoryQuery,
    Organization,
    Remembered,
    ServiceQuestion,
    Team,
    Verification,
    VerificationResult,
)
from orket.testing.strategies._cards import NAMES, TEXTS, issues
from orket.testing.strategies._people import teams

# Settings as people write them: plain ones first, then those that a policy must not take at their word.
_RULES: Final = st.sampled_from(
    (
        *((), (("concurrency", 1),), (("turn_budget", 7), ("context_window", 1)), (("concurrency", "2"),)),
        *((("concurrency", 0),), (("turn_budget", -3),), (("context_window", 0),), (("concurrency", True),)),
        *(
            (("turn_budget", 2.5),),
            (("context_window", None),),
            (("concurrency", "много"),),
            (("turn_budget", 10**30),),
        ),
    )
).map(dict)
_SETTINGS: Final = st.sampled_from(
    (
        *((), (("PATH", "/bin"),), (("ORKET_CONCURRENCY", "1"),), (("ORKET_TURN_BUDGET", " 8 "),)),
        *((("ORKET_CONCURRENCY", "0"),), (("ORKET_TURN_BUDGET", "0"),), (("ORKET_CONTEXT_WINDOW", "0"),)),
        *((("ORKET_CONCURRENCY", "-1"),), (("ORKET_CONCURRENCY", ""),), (("ORKET_CONTEXT_WINDOW", "много"),)),
        *((("ORKET_ORG_NAME", "Акме"), ("ORKET_ORG_VISION", " ")), (("ORKET_CONFIG_ROOT", "elsewhere"),)),
        *((("", ""),), (("ORKET_CONFIG_ROOT", " "), ("ORKET_ORG_NAME", "\t")), (("A", "🦉" * 100),)),
    )
).map(dict)
_HOUSES: Final = st.sampled_from(("Acme", "Организация", "O'Neil & Sons"))


def environs() -> SearchStrategy[dict[str, str]]:
    """Generate environment mappings: empty ones, settings of orket, settings that nobody should take at their word."""
    return _SETTINGS


def ruled_organizations() -> SearchStrategy[Organization]:
    """Generate organizations that differ by the process rules which policies read."""
    return st.builds(Organization, name=_HOUSES, vision=st.sampled_from(TEXTS), process_rules=_RULES)


# By what stands where: done, canceled, ready, running, review, waiting.
_STANDS: Final = st.sampled_from(
    (
        *((0, 0, 0, 0, 0, 0), (1, 0, 0, 0, 0, 0), (0, 0, 1, 0, 0, 0), (0, 0, 0, 0, 0, 1), (0, 1, 0, 0, 0, 0)),
        *((3, 0, 0, 0, 0, 1), (3, 2, 0, 0, 0, 0), (3, 2, 0, 0, 0, 1), (9, 9, 1, 0, 0, 0), (0, 0, 0, 0, 1, 0)),
        *((0, 0, 0, 1, 0, 0), (5, 5, 5, 5, 5, 5), (10_000, 0, 0, 0, 0, 0), (9_999, 0, 0, 0, 0, 1)),
    )
)


def board_counts() -> SearchStrategy[BoardCounts]:
    """Generate how boards stand: empty, finished, and with one or many issues anywhere else."""
    return _STANDS.map(_counted)


def _counted(stand: tuple[int, ...]) -> BoardCounts:
    done, canceled, ready, running, review, waiting = stand
    return BoardCounts(
        total=sum(stand), done=done, canceled=canceled, ready=ready, running=running, review=review, waiting=waiting
    )


def loop_questions() -> SearchStrategy[LoopQuestion]:
    """Generate questions about the bounds of the loop, with good settings, bad ones and none."""
    return st.builds(LoopQuestion, organization=ruled_organizations(), environ=_SETTINGS, counts=board_counts())


_ROLES: Final = (
    *((), ("coder",), (INTEGRITY_GUARD,), ("coder", INTEGRITY_GUARD), (INTEGRITY_GUARD, "coder"), ("b", "a")),
    *(
        ("architect", "writer", "coder"),
        ("редактор",),
        ("редактор", INTEGRITY_GUARD, "автор"),
        (INTEGRITY_GUARD + "s",),
    ),
)


def turn_roles() -> SearchStrategy[tuple[tuple[str, ...], bool]]:
    """Generate the roles of a turn, and whether it is a review turn."""
    return st.sampled_from([(roles, is_review) for roles in _ROLES for is_review in (False, True)])


def missing_seats() -> SearchStrategy[tuple[Issue, Team]]:
    """Generate an issue and a team, which may be empty, that has no seat for it."""
    return st.tuples(issues(seats=st.sampled_from(("nobody", "painter", "", "художник"))), teams(max_seats=2))


ROOTS: Final = tuple([Path(it) for it in ("organization", ".", "/srv/house", "../shared", "/srv/дом и сад", "/")])
DEPARTMENTS: Final = ("core", "uiux", "marketing", "отдел")
CATEGORIES: Final = ("epics", "rocks", "teams", "roles", "environments", "dialects")
HOSTILE_NAMES: Final = (
    *("../x", "..", "/etc/passwd", "../../../etc/passwd", "a/../../../x", "x/../..", "//x", "./../x", "/"),
    *("..\\..\\x", "C:\\x", "~/x", "a\x00b", "", ".", "../отдел"),
)


def roots() -> SearchStrategy[Path]:
    """Generate folders of assets, absolute and relative; none of them need exist."""
    return st.sampled_from(ROOTS)


def asset_arguments(method: str, *, hostile: bool = False) -> SearchStrategy[tuple[Any, ...]]:
    """Generate the arguments of a loader's method that answers with paths.

    Args:
        method: Its name.
        hostile: Whether names lead elsewhere; otherwise they are what assets may be called.
    """
    names = [st.sampled_from(HOSTILE_NAMES)] * 3
    if not hostile:
        names = [st.sampled_from(DEPARTMENTS), st.sampled_from(CATEGORIES), st.sampled_from(NAMES)]
    count = {"department_paths": 1, "search_folders": 2, "asset_paths": 3}.get(method, 0)
    return st.tuples(roots(), *names[:count])


GIVEN_IDS: Final = ("run-1", "nightly", "A.b_c-9", "0", "-", "_x", "x" * 100, "v1.2.3", "a..b")
_DIGESTS: Final = tuple([hashlib.sha256(bytes([index])).hexdigest()[:32] for index in range(40)])


def given_ids() -> SearchStrategy[str]:
    """Generate ids that a host or an asset names: safe file names."""
    return st.sampled_from(GIVEN_IDS)


def tokens() -> SearchStrategy[str]:
    """Generate 32 hexadecimal digits."""
    return st.sampled_from(_DIGESTS)


def hostile_identifiers() -> SearchStrategy[str]:
    """Generate ids of epics and rocks, among them those that are no file names."""
    return st.sampled_from((*NAMES[:3], *NAMES[-14:], *HOSTILE_NAMES, *TEXTS, ".hidden", "a.", "CON", "Überblick"))


def near_tokens() -> SearchStrategy[tuple[str, str]]:
    """Generate pairs of different tokens, many of which differ in one digit only."""
    far = st.tuples(tokens(), tokens()).filter(lambda pair: pair[0] != pair[1])
    return st.one_of(far, st.builds(_near, tokens(), st.integers(0, 31)))


def _near(token: str, place: int) -> tuple[str, str]:
    return token, token[:place] + ("1" if token[place] == "0" else "0") + token[place + 1 :]


DOTENVS: Final = (
    *("", "A=1\n", "A=1\nB=2\n", "# nothing\n\n", "export C='x y'\n", 'D="a\\nb" # why\n', "E=\n", "\ufeffF=1\r\n"),
    *("G = spaced \n", "H=$HOME/${A}\n", "PATH=/elsewhere\n", "J=значение\n", "K='a=b'\n", "A=1\nA=2\n"),
    *("no assignment\n", "=x\n", "L='open\n", 'M="open\n', "ключ=x\n", "N=a\x00b\n", "\x00", "O='a'b\n"),
)


def environment_questions() -> SearchStrategy[EnvironmentQuestion]:
    """Generate questions about the environment; some lines of the ``.env`` file are none."""
    return st.builds(EnvironmentQuestion, environ=_SETTINGS, dotenv=st.sampled_from(DOTENVS))


@frozen
class StockVerifier:
    """What the core offers as its verifier: every fixture passes."""

    async def verify(self, verification: Verification, workspace: Path, /) -> VerificationResult:
        """Return that the fixture passed."""
        return VerificationResult(passed=True, detail=f"{verification.fixture} in {workspace}")


@frozen
class StockService:
    """What the core offers as any other service."""

    async def aclose(self) -> None:
        """Release nothing."""


@frozen
class StockMemory:
    """What the core offers as its memory: it finds nothing."""

    def add(self, remembered: tuple[Remembered, ...], /) -> None:
        """Forget them."""

    def search(self, query: MemoryQuery, /) -> tuple[Remembered, ...]:  # noqa: ARG002 - as its port names it
        """Return nothing, whatever is sought."""
        return ()

    async def aclose(self) -> None:
        """Release nothing."""


_SERVICES: Final = (
    ("sandbox_orchestrator", StockService),
    ("bug_fix_manager", StockService),
    ("memory", StockMemory),
)
_VERIFIER: Final = ("verifier", StockVerifier)
_STOCKS: Final = st.sampled_from(((_VERIFIER,), (), (_VERIFIER, *_SERVICES), _SERVICES)).map(dict)


def service_questions() -> SearchStrategy[ServiceQuestion]:
    """Generate questions about services: the core has none of them, the verifier, or all."""
    return st.builds(ServiceQuestion, environ=_SETTINGS, stock=_STOCKS)


EMPTY_ORIGINS: Final = ("", " ", ",", " , ,", "\t\r\n", ";")
ORIGINS: Final = (
    *("https://a.example", "http://localhost:3000,https://b.example", "*", "https://a.example, *", "null", "https://"),
    *("https://a.example,,https://b.example,", "a.example", "https://пример.рф", "http://[::1]:8080", "x" * 2000),
)
_PATHS: Final = (
    *("/cards/build", "/", "", "/cards/I1.json", "/cards/I1/?q=1#top", "cards", "/cards//", "/cards/задача-1"),
    *("/../../etc/passwd", "/cards/..", "/cards/%2e%2e", "/.json", "?", "#", "/" * 500, "/cards/" + "x" * 2000),
)


def origin_values() -> SearchStrategy[str]:
    """Generate what somebody may write as allowed origins: nothing, lists, wildcards, nonsense."""
    return st.sampled_from((*ORIGINS, *EMPTY_ORIGINS, *TEXTS))


def empty_origin_values() -> SearchStrategy[str]:
    """Generate values without any origin in them."""
    return st.sampled_from(EMPTY_ORIGINS)


def asset_questions() -> SearchStrategy[AssetQuestion]:
    """Generate requests of a host's API: paths and ids as they come from anywhere."""
    wanted = st.sampled_from((None, "ISSUE-1", "", " I1 ", "../x", "задача-1", "a\x00b", "x" * 2000))
    return st.builds(AssetQuestion, path=st.sampled_from((*_PATHS, *TEXTS)), issue_id=wanted)
