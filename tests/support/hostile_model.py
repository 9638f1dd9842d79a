"""A model that wants out: strategies for replies that no honest model gives, and a world with something to break."""

import json
import os
from collections.abc import Callable, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from small_world import WORKER_TOOLS, issue, organization

import orket
from orket.contracts import CardStatus, EffectClass, ModelReply, ModelRequest, RawToolCall, WaitReason

FORBIDDEN = ("launch", "nominate_card", "report_credits", "refinement_proposal", "request_excuse", "rm", "__import__")
PATHS = (
    "agent_output/mine.py",
    "agent_output/deep/er/mine.txt",
    "verification/proof.py",
    "verification/new.py",
    "Verification/proof.py",
    "./verification//proof.py",
    "../space/verification/proof.py",
    "../../outside/secret.txt",
    "/etc/passwd",
    "out/secret.txt",
    "out/new.txt",
    "secret.txt",
    "hard.txt",
    "proofs/proof.py",
    "up/record.db",
    "agent_output/../../x",
    "agent_output",
    ".git/hooks/post-commit",
    "a\x00b",
    "a\\..\\b",
    "~/x",
    "",
    ".",
    "x" * 5000,
)

text = st.one_of(
    st.text(max_size=12), st.sampled_from(["", "\x00", "é" * 300, "<|im_end|>", "```", "}{", "x" * 20_000])
)
json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), text, st.sampled_from(PATHS)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(text, inner, max_size=3)),
    max_leaves=8,
)
junk_arguments = st.dictionaries(
    st.one_of(text, st.sampled_from(["path", "content", "status"])), json_values, max_size=4
)
writes = st.fixed_dictionaries({"path": st.sampled_from(PATHS), "content": text})
reads = st.fixed_dictionaries({"path": st.sampled_from(PATHS)})
wishes = st.fixed_dictionaries(
    {"status": st.sampled_from([*CardStatus, "Done", "finished"])},
    optional={"wait_reason": st.sampled_from([*WaitReason, "boredom", None]), "reason": text},
)
creations = st.fixed_dictionaries(
    {"summary": text, "seat": st.sampled_from(["coder", "guard", "nobody", ""])},
    optional={"depends_on": st.lists(st.sampled_from(["a", "b", "nothing"]), max_size=2), "priority": json_values},
)
well_formed = st.one_of(
    st.tuples(st.just("write_file"), writes),
    st.tuples(st.sampled_from(["read_file", "list_directory"]), reads),
    st.tuples(st.just("update_issue_status"), wishes),
    st.tuples(st.just("create_issue"), creations),
    st.tuples(st.just("add_issue_comment"), st.fixed_dictionaries({"comment": text})),
    st.tuples(st.just("get_issue_context"), st.fixed_dictionaries({"issue_id": st.sampled_from(["a", "z", "../a"])})),
    st.tuples(st.just("launch"), st.just({"target": "everything"})),
)
wild = st.tuples(st.one_of(st.sampled_from([*FORBIDDEN, *WORKER_TOOLS]), text), junk_arguments)
calls = st.one_of(well_formed, wild)


def _native(given: Sequence[tuple[str, Any]], form: int) -> ModelReply:
    """Return the calls as a server sends them: arguments as text or as objects, with ids or without."""
    raw = [
        RawToolCall(
            name=name,
            arguments=json.dumps(arguments) if form % 2 else arguments,
            id=f"call-{number}" if form < 2 else "",
        )
        for number, (name, arguments) in enumerate(given)
    ]
    return ModelReply(tool_calls=tuple(raw), finish_reason="tool_calls")


def _written(given: Sequence[tuple[str, Any]], form: int) -> ModelReply:
    """Return the calls as text, in one of the shapes that models write."""
    shapes: tuple[Callable[[str, Any], str], ...] = (
        lambda name, arguments: "```json\n" + json.dumps({"tool": name, "args": arguments}) + "\n```",
        lambda name, arguments: json.dumps({"name": name, "arguments": json.dumps(arguments)}),
        lambda name, arguments: json.dumps({"function": {"name": name, "arguments": arguments}}),
        lambda name, arguments: f"TOOL: {name}\nPATH: {arguments.get('path')}\nCONTENT:\n{arguments.get('content')}\n",
        lambda name, arguments: json.dumps({"tool": name, "args": arguments})[:-3],
    )
    return ModelReply(text="\nand then\n".join([shapes[form % len(shapes)](*one) for one in given]))


native_replies = st.builds(_native, st.lists(calls, max_size=5), st.integers(0, 3))
written_replies = st.builds(_written, st.lists(calls, max_size=4), st.integers(0, 4))
floods = st.builds(
    lambda call, count: _native([call] * count, 0), calls, st.sampled_from([11, 65, 200])
)  # more than is read of a reply, more than may be created in a turn
talk = st.builds(lambda words: ModelReply(text=words), st.one_of(text, st.text(alphabet='{}[]":,tool args\\u00e9')))
forward = st.builds(
    lambda status: _native([("update_issue_status", {"status": status})], 0), st.sampled_from(["code_review", "done"])
)  # as an honest model does, so that a campaign also gets behind the first turn
single = st.builds(lambda call, form: _native([call], form), well_formed, st.integers(0, 3))
replies = st.one_of(forward, forward, forward, single, single, native_replies, written_replies, floods, talk)
campaigns = st.lists(replies, min_size=1, max_size=10)


class Hostile:
    """A model that gives the replies of a campaign in turn, for ever."""

    def __init__(self, campaign: Sequence[ModelReply]) -> None:
        self._next = cycle(campaign)

    async def complete(self, request: ModelRequest, /) -> ModelReply:
        return next(self._next)


def hostile_world(
    root: Path, campaign: Sequence[ModelReply], launched: list[str], **options: Any
) -> orket.Orchestrator:
    """Return an orchestrator over an organization with a proof, secrets outside, and links that lead there."""
    proven = {"verification": {"fixture": "proof.py"}} if options.pop("proven", False) else {}
    organization(
        root,
        [issue("a", max_retries=1, **proven), issue("b", "a", max_retries=1), issue("c", max_retries=0)],
        process_rules={"turn_budget": 15, "concurrency": 2},
    )
    outside, space = root / "outside", root / "work" / "space"
    outside.mkdir()
    (outside / "secret.txt").write_text("secret")
    for folder in ("verification", "agent_output"):
        (space / folder).mkdir(parents=True)
    (space / "verification" / "proof.py").write_text("def verify():\n    return True\n")
    (space / "out").symlink_to(outside)
    (space / "secret.txt").symlink_to(outside / "secret.txt")
    (space / "up").symlink_to(root / "work")
    (space / "proofs").symlink_to(space / "verification")
    os.link(outside / "secret.txt", space / "hard.txt")

    @orket.tool(effect=EffectClass.AT_MOST_ONCE)
    def launch(target: str) -> str:
        launched.append(target)
        return "launched"

    options.setdefault("store", orket.MemoryStore())
    return orket.Orchestrator(
        config=root,
        workspace=space,
        model=Hostile(campaign),
        tools=[launch],
        environ={},
        limits=orket.Limits(rounds=3),
        **options,
    )


def snapshot(root: Path) -> dict[str, tuple[str, bytes]]:
    """Return everything below *root* that no agent may touch: all but the workspace, and its verification folder."""
    found: dict[str, tuple[str, bytes]] = {}
    for folder, folders, files in os.walk(root):
        here = Path(folder)
        for name in [*folders, *files]:
            path = here / name
            inside = path.relative_to(root).as_posix()
            if inside.startswith("record"):
                continue  # the store's own folder
            if inside.startswith("work/space/") and not inside.startswith("work/space/verification"):
                continue
            if path.is_symlink():
                found[inside] = ("link", bytes(path.readlink()))
            else:
                found[inside] = ("file", path.read_bytes()) if path.is_file() else ("folder", b"")
    return found
