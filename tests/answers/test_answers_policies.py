"""Answers of the policies around the turn."""

from pathlib import Path
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orket._answers import CHECKS
from orket.contracts import (
    AssetQuestion,
    BoardCounts,
    CardStatus,
    EnvironmentQuestion,
    EpicReference,
    Issue,
    LoopQuestion,
    MissingSeat,
    Organization,
    Rest,
    RestAnswer,
    Rock,
    SubPipeline,
    Team,
    VerificationResult,
    WaitReason,
)

LOOP, LOADER, IDS, ENGINE = "orchestration_loop", "loader_strategy", "execution_runtime", "engine_runtime"
WIRING, API = "pipeline_wiring", "api_runtime"
ROOT = Path("/srv/org")
ORGANIZATION = Organization(name="org")
BUSY, FINISHED = BoardCounts(total=3, done=1, canceled=1), BoardCounts(total=3, done=2, canceled=1)
ROCK = Rock(id="rock", name="Rock", epics=(EpicReference(epic="a"), EpicReference(epic="b", department="art")))
A, B = SubPipeline(epic="a", department="core"), SubPipeline(epic="b", department="art", build="build-b")
LOOP_ARGS, SEAT_ARGS = (LoopQuestion(organization=ORGANIZATION),), (Issue(id="i", name="i", seat="x"), Team(name="t"))
OVERRIDE, STEPS = (ORGANIZATION, {}), (ROOT, "core", "epics")
WORK, REVIEW = (("dev", "ops"), False), (("dev", "ops"), True)


class RealVerifier:
    async def verify(self, verification, workspace, /):
        return VerificationResult(passed=True)


class WrongVerifier:
    async def verify(self, verification, /):
        return VerificationResult(passed=True)


class RealMemory:
    def add(self, remembered, /):
        pass

    def search(self, query, /):
        return ()

    async def aclose(self):
        pass


class RealService:
    async def aclose(self):
        """Nothing to release."""


def seat(status, reason="no such seat", wait_reason=None):
    return MissingSeat(status=status, reason=reason, wait_reason=wait_reason)


GOOD = [
    (LOOP, "concurrency_limit", LOOP_ARGS, 1),
    (LOOP, "turn_budget", LOOP_ARGS, 10**9),
    (LOOP, "is_review_turn", (CardStatus.READY,), False),
    (LOOP, "role_order", WORK, ("ops", "dev")),
    (LOOP, "role_order", REVIEW, ("integrity_guard", "dev", "ops")),
    (LOOP, "missing_seat", SEAT_ARGS, seat(CardStatus.CANCELED)),
    (LOOP, "missing_seat", SEAT_ARGS, seat(CardStatus.BLOCKED, wait_reason=WaitReason.RESOURCE)),
    (LOOP, "is_done", (FINISHED,), True),
    (LOOP, "is_done", (BUSY,), False),
    (LOOP, "no_candidates", (BUSY,), RestAnswer(rest=Rest.STALLED, reason="nobody")),
    (LOOP, "exhausted", (9, BUSY), RestAnswer(rest=Rest.FAILED, reason="budget")),
    (LOADER, "organization_paths", (ROOT,), (ROOT / "config/org_info.json",)),
    (LOADER, "organization_paths", (Path("org"),), (Path("org/config"),)),
    (LOADER, "organization_paths", (Path(),), (Path("config/x.json"),)),
    (LOADER, "organization_paths", (Path("../org"),), (Path("../org/x.json"),)),
    (LOADER, "search_folders", STEPS, ()),
    (LOADER, "override_organization", OVERRIDE, ORGANIZATION),
    (IDS, "select_run_id", (None, "0" * 32), "00000000"),
    (IDS, "select_epic_build_id", ("build-1", "epic"), "build-1"),
    (ENGINE, "environment", (EnvironmentQuestion(environ={}),), MappingProxyType({"A": ""})),
    (ENGINE, "config_root", (ROOT, {}), Path()),
    (WIRING, "create_verifier", ({},), None),
    (WIRING, "create_verifier", ({},), RealVerifier()),
    (WIRING, "create_memory", ({},), RealMemory()),
    (WIRING, "select_sub_pipelines", (ROCK,), (B, A)),
    (API, "parse_allowed_origins", ("*",), ("*",)),
    (API, "parse_allowed_origins", ("",), ()),
    (API, "resolve_asset_id", (AssetQuestion(path="/"),), None),
    (API, "create_session_id", ("0" * 32,), "0" * 8),
]

BAD = [
    (LOOP, "concurrency_limit", LOOP_ARGS, 0, "answer is 0; valid: an int of at least 1"),
    (LOOP, "turn_budget", LOOP_ARGS, True, "answer is True"),
    (LOOP, "context_window", LOOP_ARGS, 2.0, "answer is 2.0"),
    (LOOP, "is_review_turn", (CardStatus.READY,), 0, "answer is 0; valid: bool"),
    (LOOP, "role_order", WORK, ["dev", "ops"], "answer is of type list; valid: tuple"),
    (LOOP, "role_order", WORK, ("dev",), "leaves out 'ops'; valid: all of 'dev', 'ops'"),
    (LOOP, "role_order", WORK, ("dev", "ops", "boss"), "adds 'boss' to a work turn"),
    (LOOP, "role_order", WORK, ("dev", "ops", "integrity_guard"), "adds 'integrity_guard' to a work turn"),
    (LOOP, "role_order", REVIEW, ("dev", "ops"), "a review turn lacks 'integrity_guard'"),
    (LOOP, "role_order", REVIEW, ("integrity_guard",), "leaves out 'dev', 'ops'"),
    (LOOP, "missing_seat", SEAT_ARGS, seat(CardStatus.DONE), "status is 'done'; valid: 'canceled', 'blocked'"),
    (LOOP, "missing_seat", SEAT_ARGS, seat(CardStatus.BLOCKED), "status 'blocked' has no wait_reason"),
    (LOOP, "missing_seat", SEAT_ARGS, seat("canceled"), "status is 'canceled'; valid: CardStatus"),
    (LOOP, "missing_seat", SEAT_ARGS, seat(CardStatus.CANCELED, ""), "reason is ''; valid: a non-empty str"),
    (LOOP, "is_done", (BUSY,), True, "answer is True while 1 of 3 issues are unfinished; valid: False"),
    (LOOP, "is_done", (FINISHED,), 1, "answer is 1; valid: bool"),
    (LOOP, "no_candidates", (BUSY,), RestAnswer(rest="done", reason="x"), "rest is 'done'; valid: Rest"),
    (LOOP, "exhausted", (9, BUSY), RestAnswer(rest=Rest.FAILED, reason=" "), "reason is ' '; valid: a non-empty str"),
    (LOADER, "organization_paths", (ROOT,), [ROOT], "answer is of type list; valid: tuple"),
    (LOADER, "organization_paths", (ROOT,), (str(ROOT),), "answer[0] is '/srv/org'; valid: a Path"),
    (LOADER, "asset_paths", (*STEPS, "x"), (ROOT / "../x",), "valid: a path inside '/srv/org', without '..'"),
    (LOADER, "asset_paths", (*STEPS, "x"), (ROOT, Path("/etc/passwd")), "answer[1] is '/etc/passwd'"),
    (LOADER, "asset_paths", (*STEPS, "x"), (Path("config/x.json"),), "valid: a path inside '/srv/org'"),
    (LOADER, "department_paths", (ROOT, "core"), (ROOT / "a\0b",), "valid: a path inside"),
    (LOADER, "override_organization", OVERRIDE, None, "answer is None; valid: Organization"),
    (LOADER, "override_organization", OVERRIDE, Organization(name=None), "name is None; valid: str"),
    (IDS, "select_run_id", ("mine", "0" * 32), "other", "answer is 'other'; valid: the given id 'mine'"),
    (
        IDS,
        "select_run_id",
        (None, "0" * 32),
        ".hidden",
        "valid: a str of [A-Za-z0-9._-] that does not start with a dot",
    ),
    (IDS, "select_rock_run_id", (None, "0" * 32), "", "answer is ''"),
    (IDS, "select_rock_build_id", (None, "rock"), "a/b", "answer is 'a/b'"),
    (IDS, "select_epic_build_id", (None, "epic"), "x\n", r"answer is 'x\n'"),
    (ENGINE, "environment", (EnvironmentQuestion(environ={}),), [], "valid: a mapping of str to str"),
    (ENGINE, "environment", (EnvironmentQuestion(environ={}),), {"A": 1}, "answer maps str to int at 'A'"),
    (ENGINE, "config_root", (ROOT, {}), "/srv", "answer is '/srv'; valid: a Path"),
    (
        WIRING,
        "create_verifier",
        ({},),
        WrongVerifier(),
        "the Verifier it gives cannot be called as verify(verification,",
    ),
    (
        WIRING,
        "create_verifier",
        ({},),
        RealVerifier,
        "the Verifier it gives is the class RealVerifier, not an instance",
    ),
    (WIRING, "create_sandbox_orchestrator", ({},), object(), "the Service it gives has no method aclose()"),
    (WIRING, "select_sub_pipelines", (ROCK,), [A, B], "answer is of type list; valid: tuple"),
    (WIRING, "select_sub_pipelines", (ROCK,), (A,), "leaves out 'art/b' and adds nothing"),
    (WIRING, "select_sub_pipelines", (ROCK,), (A, A, B), "leaves out nothing and adds 'core/a'"),
    (WIRING, "select_sub_pipelines", (ROCK,), (A, SubPipeline(epic="b", department="x")), "adds 'x/b'"),
    (
        WIRING,
        "select_sub_pipelines",
        (ROCK,),
        (SubPipeline(epic="a", department=None),),
        "answer[0].department is None",
    ),
    (
        *(WIRING, "select_sub_pipelines", (ROCK,)),
        (A, SubPipeline(epic="b", department="art", build="../b")),
        "answer[1].build is '../b'",
    ),
    (API, "parse_allowed_origins", (" , ",), ("*",), "answer has the wildcard '*' for an empty value"),
    (API, "parse_allowed_origins", ("a",), ["a"], "answer is of type list; valid: tuple"),
    (API, "parse_allowed_origins", ("a",), ("a", ""), "answer[1] is ''; valid: a non-empty str"),
    (API, "resolve_asset_id", (AssetQuestion(path="/"),), 7, "answer is 7; valid: str or None"),
    (API, "create_session_id", ("0" * 32,), "", "answer is ''; valid: a non-empty str"),
]


@pytest.mark.parametrize(("kind", "method", "args", "answer"), GOOD)
def test_good_answers_pass(kind, method, args, answer):
    """An answer that keeps its contract is not complained about."""
    assert CHECKS[kind, method](answer, *args) is None


@pytest.mark.parametrize(("kind", "method", "args", "answer", "complaint"), BAD)
def test_bad_answers_are_named(kind, method, args, answer, complaint):
    """A broken clause is told with what was found and what is valid."""
    assert complaint in CHECKS[kind, method](answer, *args)


def test_environment_values_are_never_shown():
    """A complaint about an environment names the variable, not its value, which may be a secret."""
    complaint = CHECKS[ENGINE, "environment"]({"KEY": b"hunter2"}, EnvironmentQuestion(environ={}))
    assert "hunter2" not in complaint
    assert "'KEY'" in complaint


@given(st.lists(st.sampled_from(["..", "config", "model", ".", "a b"]), max_size=6))
def test_no_accepted_path_leaves_the_root(parts):
    """Whatever path is accepted, resolving its dots lexically stays inside the root."""
    path = ROOT.joinpath(*parts)
    if CHECKS[LOADER, "organization_paths"]((path,), ROOT) is None:
        assert ".." not in path.parts
        assert path.is_relative_to(ROOT)
    else:
        assert ".." in path.parts


@given(st.text(max_size=12))
def test_accepted_ids_are_one_visible_path_component(name):
    """Whatever id is accepted can be joined to a folder and names exactly one visible file in it."""
    if CHECKS[IDS, "select_run_id"](name, None, "") is None:
        assert (ROOT / name).parent == ROOT
        assert (ROOT / name).name == name
        assert name.isascii()
        assert not name.startswith(".")
