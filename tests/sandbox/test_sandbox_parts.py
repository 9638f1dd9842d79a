"""States, secrets, commands and health: what needs neither store nor engine."""

import base64
import itertools
import json
from typing import Any
from urllib.parse import quote

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from orket._codec import codec
from orket.contracts import SandboxPorts, TechStack
from orket.errors import SandboxError, WiringError
from orket.sandbox import TRANSITIONS, Sandbox, SandboxState, passed_environment
from orket.sandbox._compose import dress, image_repository, is_image_of
from orket.sandbox._health import Container, judge
from orket.sandbox._secrets import HIDDEN, Redactor, make_password
from orket.sandbox._settings import choose_commands
from orket.sandbox._states import move

SANDBOX = Sandbox(
    id="sandbox-launch",
    card="launch",
    project="p",
    stack=TechStack.NODE_REACT_POSTGRES,
    product="/shop",
    ports=SandboxPorts(api=8001, frontend=3001, database=5433),
    services=("api", "database"),
    published=("api",),
    state=SandboxState.CREATING,
    created_at=1.0,
    changed_at=1.0,
)
MAY = """
    creating  -> creating running unhealthy stopping stopped
    running   -> unhealthy stopping stopped
    unhealthy -> running unhealthy stopping stopped
    stopping  -> stopped
    stopped   -> running unhealthy stopping stopped deleted
    deleted   -> creating
"""


@pytest.mark.parametrize(("before", "after"), list(itertools.product(SandboxState, repeat=2)))
def test_every_pair_of_states(before: SandboxState, after: SandboxState) -> None:
    """A sandbox comes from each state to exactly those that are written down here; others are refused by name."""
    table = {row.split("->")[0].strip(): row.split("->")[1].split() for row in MAY.strip().splitlines()}
    now = evolve(SANDBOX, state=before)
    if after in table[before]:
        moved = move(now, after, 2.0, "why", doomed=True)
        assert (moved.state, moved.changed_at, moved.detail, moved.doomed) == (after, 2.0, "why", True)
    else:
        with pytest.raises(SandboxError, match=f"is {before} and cannot become {after}; valid: "):
            move(now, after, 2.0)


def test_every_state_can_be_left_and_reached() -> None:
    """No state is a dead end, and each is reached from the beginning."""
    assert set(TRANSITIONS) == {None, *SandboxState}
    reached: set[SandboxState] = set()
    frontier = set(TRANSITIONS[None])
    while frontier:
        reached |= frontier
        frontier = {after for state in frontier for after in TRANSITIONS[state]} - reached
    assert reached == set(SandboxState)


def test_a_sandbox_is_written_and_read() -> None:
    """A sandbox is the same after it was written as JSON and read back."""
    data = json.loads(json.dumps(codec().dump(SANDBOX)))
    assert codec().load(data, Sandbox) == SANDBOX


def test_addresses() -> None:
    """People reach the front end where there is one, else the API."""
    assert (SANDBOX.api, SANDBOX.url) == ("http://127.0.0.1:8001", "http://127.0.0.1:8001")
    assert evolve(SANDBOX, published=("api", "frontend")).url == "http://127.0.0.1:3001"


@given(st.binary(min_size=24, max_size=24))
def test_passwords(data: bytes) -> None:
    """A password has what databases ask for, and nothing that means something in a URL, a shell or a compose file."""
    password = make_password(lambda size: data[:size])
    assert len(password) == 35
    assert any(map(str.islower, password))
    assert any(map(str.isupper, password))
    assert any(map(str.isdigit, password))
    assert quote(password, safe="") == password


SECRETS = st.one_of(
    st.text(min_size=8, max_size=40), st.binary(min_size=24, max_size=24).map(lambda it: make_password(lambda _: it))
)


@given(SECRETS, st.binary(max_size=7), st.binary(max_size=7), st.text(max_size=20))
def test_secrets_are_taken_out(secret: str, before: bytes, after: bytes, around: str) -> None:
    """A secret is taken out of a text as it is, and as URL, JSON, hexadecimal, and within anything in base64."""
    raw = secret.encode()
    whole = base64.b64encode(before + raw + after).decode()
    spelled = [secret, quote(secret, safe=""), json.dumps(secret), raw.hex(), raw.hex().upper()]
    for text in spelled:
        shown = Redactor.of(secret)(f"{around}\n{text}\n{around}")
        assert HIDDEN in shown
        assert text.strip('"') not in shown.replace(around, "")
    assert HIDDEN in Redactor.of(secret)(whole)


def test_a_text_that_was_cut() -> None:
    """The last line of an output that was cut may begin a secret, and is dropped."""
    shown = Redactor.of("aA1secret-password")("good\npassword aA1secret\n… (only the first 25 bytes were kept)")
    assert shown == "good\n… (cut)"
    assert Redactor.of("")("as it is") == "as it is"


@pytest.mark.parametrize(
    ("compose", "engine", "environ", "rules", "expected"),
    [
        ((), (), {}, {}, ("docker compose", "docker")),
        (("a-compose",), ("a",), {"ORKET_SANDBOX_COMMAND": "docker-compose"}, {}, ("a-compose", "a")),
        (
            (),
            (),
            {"ORKET_SANDBOX_COMMAND": "sudo docker-compose"},
            {"sandbox_command": "x"},
            ("sudo docker-compose", "sudo docker"),
        ),
        (
            (),
            (),
            {"ORKET_SANDBOX_COMMAND": ""},
            {"sandbox_command": ["/opt/podman-compose"]},
            ("/opt/podman-compose", "/opt/podman"),
        ),
        ((), (), {}, {"sandbox_command": "podman compose"}, ("podman compose", "podman")),
        (
            (),
            (),
            {"ORKET_SANDBOX_ENGINE": "nerdctl"},
            {"sandbox_command": "nerdctl compose"},
            ("nerdctl compose", "nerdctl"),
        ),
        ((), (), {}, {"sandbox_command": "c", "sandbox_engine": ["e", "f"]}, ("c", "e f")),
    ],
)
def test_who_chooses_the_commands(compose: Any, engine: Any, environ: Any, rules: Any, expected: Any) -> None:
    """The constructor wins over the environment, and this over process rules; compose's command says the engine's."""
    chosen = choose_commands(compose, engine, environ, rules)
    assert (" ".join(chosen.compose), " ".join(chosen.engine)) == expected


@pytest.mark.parametrize("said", ["'", [""], [1], 7, {"a": 1}])
def test_commands_that_are_none(said: Any) -> None:
    """What is no command is refused with what is valid, and so is one that does not say its engine."""
    with pytest.raises(WiringError, match=r"sandbox_command is .*; valid: a command"):
        choose_commands((), (), {}, {"sandbox_command": said})
    with pytest.raises(WiringError, match="does not say which engine"):
        choose_commands(("compose",), (), {}, {})


def test_what_commands_are_told() -> None:
    """Commands learn where their engine is, and nothing that a container could be handed."""
    kept = {"PATH": "/bin", "HOME": "/h", "DOCKER_HOST": "unix:///s", "XDG_RUNTIME_DIR": "/run"}
    assert passed_environment({**kept, "AWS_SECRET_ACCESS_KEY": "x", "COMPOSE_FILE": "y", "ORKET_X": "z"}) == kept


def container(service: str, status: str = "running", health: str = "", code: int = 0) -> Container:
    return Container(id=service, sandbox="s", service=service, status=status, health=health, exit_code=code)


@pytest.mark.parametrize(
    ("containers", "state", "detail", "may_become"),
    [
        ([], "stopped", "no container is left", False),
        ([container("api"), container("db", health="healthy")], "running", "", True),
        ([container("api"), container("db", "exited")], "running", "", True),
        ([container("api"), container("db", health="starting")], "unhealthy", "db starting", True),
        ([container("api"), container("db", "created")], "unhealthy", "db created", True),
        ([container("api"), container("db", "restarting")], "unhealthy", "db restarting", True),
        ([container("api"), container("db", health="unhealthy")], "unhealthy", "db unhealthy", False),
        ([container("api"), container("db", "exited", code=3)], "unhealthy", "db exited (3)", False),
        ([container("api"), container("db", "paused")], "unhealthy", "db paused", False),
        ([container("api")], "unhealthy", "db missing", False),
        ([container("api", "created"), container("db", "created")], "stopped", "api created, db created", True),
        (
            [container("api", "exited"), container("db", "dead", code=1)],
            "stopped",
            "api exited (0), db dead (1)",
            False,
        ),
    ],
)
def test_health(containers: list[Container], state: str, detail: str, may_become: bool) -> None:
    """What containers say gives the state of their sandbox, why, and whether time alone may help."""
    verdict = judge(("api", "db"), containers)
    assert (verdict.state, verdict.detail, verdict.may_become) == (state, detail, may_become)


def test_dressing() -> None:
    """The project's name and version go, our labels come, and built images get a name of ours."""
    file = {
        "name": "x",
        "version": "3",
        "services": {"a": {"build": "/p", "image": "postgres:16"}, "b": {"image": "i", "network_mode": "none"}},
        "volumes": {"v": None},
    }
    ports = SandboxPorts(api=1, frontend=2, database=3)
    dressed = dress(json.dumps(file), ports, owner="o", sandbox="s" * 120, secret="pw")
    data = json.loads(dressed.text)
    assert data.keys() == {"services", "volumes", "networks", "x-orket"}
    repository, _, tag = data["services"]["a"]["image"].partition(":")
    assert repository == image_repository("o")
    assert len(tag) <= 128
    assert is_image_of(tag, "s" * 120)
    assert not is_image_of(tag, "s" * 99)
    assert data["services"]["b"]["image"] == "i"
    assert data["volumes"]["v"]["labels"] == {"orket.owner": "o", "orket.sandbox": "s" * 120}
    assert data["networks"]["default"]["labels"]["orket.owner"] == "o"
    assert dressed.published == ()
