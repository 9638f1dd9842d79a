"""Every card on a board is explained: why it waits, what ends that, and everything that led there."""

from pathlib import Path
from typing import Any

import anyio
import pytest
from small_world import WORKER_TOOLS, diligent, issue, open_world, organization, wish

import orket
from orket._orchestrator import _causes
from orket.contracts import ModelRequest, Route, RouteQuestion, ToolCall, TurnKind
from orket.errors import RunError, TransitionError, UnknownCardError
from orket.events import CardAdded, CardMoved, CardReprioritized, EffectSettled, TurnOpened
from orket.nodes.router import DefaultRouterNode

pytestmark = pytest.mark.anyio


class Talkative(DefaultRouterNode):
    def route(self, question: RouteQuestion, /) -> Route:
        return Route(seat=super().route(question).seat, reason="because I say so")


async def test_every_decision_names_node_package_source_and_reason(tmp_path: Path) -> None:
    """A decision is told with the node that took it, who chose the node, the question's reference and the answer."""
    root = organization(tmp_path, [issue("a")])
    options: dict[str, Any] = {"nodes": {"router": Talkative}, "environ": {"ORKET_PLANNER_NODE": "default"}}
    async with open_world(root, diligent, **options) as crew:
        await crew.run_epic("launch")
        why = await crew.explain("a")
    assert (why.wait, why.wake) == (None, None)
    told = {(one.kind, one.method): one for one in why.decisions}
    router, planner = told["router", "route"], told["planner", "plan"]
    assert (router.distribution, router.source, router.reason) == ("host", "host", "because I say so")
    assert (planner.node, planner.distribution, planner.source) == ("default", "orket", "environment")
    assert planner.version
    assert (router.question.split()[0], router.answer) == ("a", {"seat": "guard"})
    assert {one.kind for one in why.decisions} >= {"planner", "router", "tool_strategy", "prompt_strategy", "evaluator"}
    assert [one.seq for one in why.decisions] == sorted(one.seq for one in why.decisions)


@pytest.mark.parametrize("near", [1, 5, 1_000])
async def test_turns_that_began_together_have_one_plan(
    tmp_path: Path, near: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plan that starts several turns leads to each of their cards, though it is on record once, be it far away."""
    monkeypatch.setattr(_causes, "_NEAR", near)
    root = organization(tmp_path, [issue(name) for name in "abc"], process_rules={"concurrency": 3})
    async with open_world(root, diligent) as crew:
        await crew.run_epic("launch")
        for name in "abc":
            why = await crew.explain(name)
            turns = sum(isinstance(entry.record, TurnOpened) for entry in why.chain)
            plans = [one for one in why.decisions if one.kind == "planner"]
            assert turns == len(plans) == 2
            assert all(name in one.answer["issue_ids"] for one in plans)
            assert isinstance(why.chain[0].record, CardAdded)


async def test_each_wait_says_what_ends_it(tmp_path: Path) -> None:
    """Waiting for others, a slot, a review or a person: one reason and one condition each; none for a card at rest."""
    issues = [
        issue("asks"),
        issue("after", "asks", "works"),
        issue("works"),
        issue("idle"),
        issue("off", status="canceled"),
        issue("judged", status="code_review"),
    ]

    def agent(request: ModelRequest) -> ToolCall:
        assert request.brief is not None
        if request.brief.issue.id == "asks":
            return wish("waiting_for_developer", wait_reason="input", reason="how?")
        return diligent(request)

    async with open_world(organization(tmp_path, issues), agent) as crew:
        await crew.run_epic("launch", target_issue_id="asks")
        waits = {name: await crew.explain(name) for name in ("asks", "after", "works", "idle", "off", "judged")}
        assert {name: one.wake and (one.wake.when, one.wake.on) for name, one in waits.items()} == {
            "asks": ("unblock", ()),
            "after": ("done", ("asks", "works")),
            "works": ("slot", ()),
            "idle": ("slot", ()),
            "off": None,
            "judged": ("review", ()),
        }
        assert all((one.wait is None) == (one.wake is None) for one in waits.values())
        with pytest.raises(UnknownCardError, match="did you mean"):
            await crew.explain("ask")


async def test_a_card_behind_one_that_is_over_waits_for_a_person(tmp_path: Path) -> None:
    """A canceled dependency is reopened before it can be done; who waits for an archived one is called off."""
    issues = [
        issue("off", status="canceled"),
        issue("gone", status="archived"),
        issue("later"),
        issue("behind", "off", "later"),
        issue("next", "behind"),
        issue("lost", "later", "gone", "off"),
    ]
    async with open_world(organization(tmp_path, issues), diligent) as crew:
        result = await crew.run_epic("launch")
        assert (result.outcome, result.done) == (orket.RunOutcome.STALLED, 1)
        wakes = {name: (await crew.explain(name)).wake for name in ("behind", "next", "lost")}
        assert wakes == {
            "behind": orket.Wake(when="reopen", on=("off",)),
            "next": orket.Wake(when="done", on=("behind",)),
            "lost": orket.Wake(when="cancel", on=("gone",)),
        }
        with pytest.raises(TransitionError, match="archived"):
            await crew.reopen("gone", actor="ann")
        await crew.cancel("lost", actor="ann")
        await crew.reopen("off", actor="ann")
        assert (await crew.explain("behind")).wake == orket.Wake(when="done", on=("off",))
        assert (await crew.run_epic("launch")).outcome is orket.RunOutcome.DONE


async def test_effects_and_the_people_who_settled_them(tmp_path: Path) -> None:
    """An effect is told from its beginning over not being known to being settled and recorded, and by whom."""

    @orket.tool
    async def ring(times: int) -> str:
        await anyio.sleep_forever()
        return "rung"

    def agent(request: ModelRequest) -> object:
        assert request.brief is not None
        if request.brief.kind is TurnKind.WORK and request.brief.round == 1:
            return [ToolCall(name="shout", arguments={}), ToolCall(name="ring", arguments={"times": 1})]
        return diligent(request)

    root = organization(tmp_path, [issue("a")], tools=[*WORKER_TOOLS, "ring"])
    async with open_world(root, agent, tools=[ring], limits=orket.Limits(tool=0.02)) as crew:
        await crew.run_epic("launch")
        why = await crew.explain("a")
        (effect,) = why.effects
        assert (effect.tool, effect.effect, effect.state, effect.ok) == ("ring", "at_most_once", "unknown", None)
        assert why.wake == orket.Wake(when="settle", on=(effect.key,))
        await crew.reprioritize("a", 9, actor="bob")
        await crew.settle(effect.key, ran=True, actor="ann", reason="heard it")
        (settled,) = (await crew.explain("a")).effects
        assert (settled.state, settled.ok, settled.by, settled.detail) == ("settled", True, "ann", "heard it")
        await crew.run_epic("launch")
        why = await crew.explain("a")
    assert [(one.state, one.by) for one in why.effects] == [("recorded", "ann")]
    verdicts = [(entry.record.tool, entry.record.rule) for entry in why.verdicts]
    assert verdicts[:2] == [("shout", "known-tool"), ("ring", "")]
    kinds = {type(entry.record) for entry in why.changes}
    assert kinds == {CardAdded, CardMoved, CardReprioritized, EffectSettled}
    assert {entry.record.by for entry in why.changes} >= {"config", "core", "coder", "guard", "ann", "bob"}


async def test_a_card_that_runs_waits_for_nothing(tmp_path: Path) -> None:
    """In the middle of its turn a card has no wait, and the chain reaches to the commit before."""
    seen: list[orket.Explanation] = []

    async def agent(request: ModelRequest) -> ToolCall:
        seen.append(await crew.explain("a"))
        return diligent(request)

    async with open_world(organization(tmp_path, [issue("a")]), agent) as crew:
        await crew.run_epic("launch")
    assert [(why.wait, why.wake) for why in seen] == [(None, None)] * 2
    assert all(isinstance(why.chain[-1].record, TurnOpened) for why in seen)


async def test_the_history_of_a_card_begins_with_the_card(tmp_path: Path) -> None:
    """However a card joined a board, its history begins with that, in every build, and selects as histories do."""

    def agent(request: ModelRequest) -> list[ToolCall]:
        assert request.brief is not None
        more = ToolCall(name="create_issue", arguments={"summary": "More", "seat": "coder"})
        is_first = request.brief.issue.id == "a" and request.brief.kind is TurnKind.WORK
        return [more, wish("code_review")] if is_first else [diligent(request)]

    async with open_world(organization(tmp_path, [issue("a"), issue("b", "a")]), agent) as crew:
        await crew.run_epic("launch", run_id="one")
        await crew.run_epic("launch", build="second", run_id="two", target_issue_id="a")
        for card in ("a", "b", "a.1.1"):
            found = [entry async for entry in crew.history(card=card)]
            joined = [entry for entry in found if isinstance(entry.record, CardAdded) and entry.record.issue.id == card]
            assert [entry.build for entry in joined] == ["build-launch", "second"]
            assert [entry.seq for entry in found] == sorted({entry.seq for entry in found})
            assert found[0] == joined[0]
            stored = [entry async for entry in crew.store.events(0, card=card)]
            assert [entry for entry in found if entry not in joined] == stored
            second = [entry async for entry in crew.history(card=card, build="second")]
            assert second == [entry for entry in found if entry.build == "second"]
            assert second == [entry async for entry in crew.history(card=card, run="two")]
            assert found[1:] == [entry async for entry in crew.history(card=card, since=found[0].seq)]
        assert [entry async for entry in crew.history(card="nobody")] == []


async def test_a_card_of_several_boards_is_not_guessed(tmp_path: Path) -> None:
    """Without a build, a card that several boards have is refused with their names; so is its fixture."""
    async with open_world(organization(tmp_path, [issue("a"), issue("b")]), diligent) as crew:
        await crew.run_epic("launch", build="first")
        await crew.run_epic("launch", build="second")
        several = "several boards have a card 'a'; name one of them as build: first, second"
        for ask in (crew.explain, crew.verify_issue):
            with pytest.raises(RunError, match=several):
                await ask("a")
        assert (await crew.explain("a", build="second")).build == "second"
        with pytest.raises(UnknownCardError, match=r"no card 'c' on any board; some that are: a, b$"):
            await crew.explain("c")
        with pytest.raises(UnknownCardError, match=r"no card 'c' on the board second; some that are: a, b$"):
            await crew.explain("c", build="second")
