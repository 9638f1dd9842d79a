"""Questions that are asked before a turn opens: which tools, which model, which dialect, what it is told."""

from collections.abc import Mapping
from typing import Final

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from orket.contracts import (
    CardStatus,
    Dialect,
    DialectQuestion,
    EffectClass,
    Environment,
    ModelQuestion,
    Organization,
    PromptQuestion,
    ScenarioResult,
    ToolsetQuestion,
    ToolSpec,
    TurnKind,
    VerificationResult,
)
from orket.governance import grantable
from orket.testing.strategies._cards import TEXTS
from orket.testing.strategies._sketch import (
    STOCK,
    pick,
    sketch_epic,
    sketch_id,
    sketch_issue,
    sketch_roles,
    sketch_seat,
    thawed,
)

MODELS: Final = (
    *("qwen3-coder:30b", "llama3.1:8b", "deepseek-r1:14b", "phi4", "gpt-oss:20b", "deepseek-r1-distill-llama3-8b"),
    *("hf.co/org/Model-GGUF:Q4_K_M", "модель", "x" * 200, "dolphin-mixtral", "house-7b"),
)
_SEEDS: Final = st.integers(0, 9999)
_KINDS: Final = st.sampled_from(TurnKind)

# Which of host override, user preference, organization's default and environment say something.
_SAID: Final = ((0, 0, 0, 1), (1, 0, 0, 1), (0, 1, 0, 0), (0, 0, 1, 1), (1, 1, 1, 1), (1, 0, 0, 0), (0, 1, 1, 1))


_OVERRIDDEN: Final = tuple(it for it in _SAID if it[0])


def model_questions(*, said: bool = True, overridden: bool = False) -> SearchStrategy[ModelQuestion]:
    """Generate questions for prompt strategies about the model to choose.

    Args:
        said: Whether somebody names a model: the host, the epic, the user, the organization or the environment. Where
            nobody does, a strategy may decline.
        overridden: Whether the host names one.
    """
    if not said:
        return st.builds(_model_question, seed=_SEEDS, named=st.just((0, 0, 0, 0)))
    return st.builds(_model_question, seed=_SEEDS, named=st.sampled_from(_OVERRIDDEN if overridden else _SAID))


def _model_question(*, seed: int, named: tuple[int, int, int, int]) -> ModelQuestion:
    names = [pick(MODELS, seed, index, "model") if it else "" for index, it in enumerate(named)]
    host, user, organization, environment = names
    return ModelQuestion(
        issue=sketch_issue(sketch_id(seed), seed, status=CardStatus.READY),
        epic=sketch_epic(seed if any(named) else 0),
        role=sketch_roles(seed)[0].name,
        environment=Environment(name="standard", model=environment, params={}),
        host_override=host,
        user_preference=user,
        organization_default=organization,
    )


_FAMILIES: Final = st.sampled_from(
    (
        ("generic", "qwen", "llama3", "deepseek-r1", "phi"),
        ("generic",),
        ("phi", "house", "generic"),
        ("семья", "generic", "Q.*["),
        ("a", "generic", "qwen", "x" * 100),
    )
)
_MODELS: Final = st.sampled_from(MODELS)


def dialect_questions() -> SearchStrategy[DialectQuestion]:
    """Generate questions for prompt strategies about the dialect; ``generic`` is always among the families."""
    return st.builds(DialectQuestion, model=_MODELS, families=_FAMILIES)


# What tools there are beside orket's own: one that is destructive, one that nobody spells, one without arguments.
OWN_TOOLS: Final[tuple[ToolSpec, ...]] = (
    ToolSpec(
        name="drop_table",
        description="Drop a table",
        parameters={
            "type": "object",
            "properties": {"name": {"type": "string"}, "confirm": {"const": True}},
            "required": ["name", "confirm"],
            "additionalProperties": False,
        },
        effect=EffectClass.AT_MOST_ONCE,
        destructive=True,
    ),
    ToolSpec(name="ядро", description="", parameters={"type": "object"}, effect=EffectClass.NONE),
    ToolSpec(
        name="search",
        description="'quoted' %s {0}",
        parameters={"type": "object", "properties": {"query": {"anyOf": [{"type": "string"}, {"type": "null"}]}}},
        effect=EffectClass.IDEMPOTENT,
    ),
)
# A host may have a status tool of its own, of another shape.
_STATUS: Final = "update_issue_status"
STATUS_TOOLS: Final[tuple[ToolSpec, ...]] = (
    ToolSpec(name=_STATUS, description="", parameters={"type": "object"}, effect=EffectClass.NONE),
    ToolSpec(
        name=_STATUS,
        description="Move it",
        parameters={"type": "object", "properties": {"status": {"type": "string", "description": "where to"}}},
        effect=EffectClass.NONE,
    ),
    ToolSpec(
        name=_STATUS,
        description="Move it",
        parameters={"type": "object", "properties": {"status": {"enum": ["blocked"]}}, "required": ["status"]},
        effect=EffectClass.NONE,
    ),
)
_SOME: Final = (STOCK["read_file"], STOCK["write_file"], STOCK[_STATUS])
_OFFERS: Final = st.sampled_from(
    (_SOME, (), tuple(STOCK.values()), (*_SOME, *OWN_TOOLS), OWN_TOOLS, *((tool,) for tool in STATUS_TOOLS))
)


def toolset_questions() -> SearchStrategy[ToolsetQuestion]:
    """Generate questions for tool strategies: orket's own tools and those of hosts, of which the roles list some."""
    return st.builds(_toolset_question, seed=_SEEDS, kind=_KINDS, offer=_OFFERS)


def _toolset_question(*, seed: int, kind: TurnKind, offer: tuple[ToolSpec, ...]) -> ToolsetQuestion:
    roles = sketch_roles(seed, kind=kind)
    status = CardStatus.READY if kind is TurnKind.WORK else CardStatus.CODE_REVIEW
    working = CardStatus.IN_PROGRESS if kind is TurnKind.WORK else status
    return ToolsetQuestion(
        issue=sketch_issue(sketch_id(seed), seed, status=status),
        seat=sketch_seat(seed, roles),
        roles=roles,
        kind=kind,
        available={spec.name: thawed(spec) for spec in offer},
        wishes=grantable(working, [role.name for role in roles], kind) if pick((1, 1, 1, 0), seed, "wishes") else (),
    )


_HISTORIES: Final = st.sampled_from(
    ((), ("turn 1: work by coder, ready",), tuple(TEXTS[1:8]), tuple(f"turn {index}" for index in range(20)))
)
_RESULTS: Final = st.sampled_from(
    (
        None,
        VerificationResult(passed=True),
        VerificationResult(passed=False, detail="no fixture"),
        VerificationResult(passed=False, scenarios=(ScenarioResult(id="é", passed=False, detail="`x`"),), log="\x00"),
    )
)
_DIALECTS: Final = (
    Dialect(model_family="generic"),
    Dialect(model_family="qwen", dsl_format='{"tool": "x"}', constraints=("One call.",), hallucination_guard="Do not."),
    Dialect(model_family="phi", dsl_format="<%s>", constraints=("", "{0}")),
    Dialect(model_family="семья"),
)


def prompt_questions() -> SearchStrategy[PromptQuestion]:
    """Generate questions for prompt strategies about what the model is told."""
    return st.builds(
        _prompt_question, seed=_SEEDS, kind=_KINDS, offer=_OFFERS, history=_HISTORIES, verification=_RESULTS
    )


def _prompt_question(
    *,
    seed: int,
    kind: TurnKind,
    offer: tuple[ToolSpec, ...],
    history: tuple[str, ...],
    verification: VerificationResult | None,
) -> PromptQuestion:
    roles = sketch_roles(seed, kind=kind)
    status = CardStatus.READY if kind is TurnKind.WORK else CardStatus.CODE_REVIEW
    rules: Mapping[str, int] = pick(({}, {"context_window": 5}), seed, "rules")
    return PromptQuestion(
        issue=sketch_issue(sketch_id(seed), seed, status=status),
        epic=sketch_epic(seed),
        organization=Organization(
            name=pick(("Acme", "Организация"), seed, "organization"),
            vision=pick(TEXTS, seed, "vision"),
            ethos=pick(TEXTS, seed, "ethos"),
            branding={},
            contact={},
            process_rules=dict(rules),
        ),
        seat=sketch_seat(seed, roles),
        roles=roles,
        kind=kind,
        dialect=pick(_DIALECTS, seed, "dialect"),
        tools=tuple(thawed(spec) for spec in offer),
        history=history,
        remembered=pick(((), ("Use tabs.",), TEXTS[1:5]), seed, "remembered"),
        notes=pick(((), (), ("note by qa, on I: It is slow.",), TEXTS[1:9]), seed, "notes"),
        verification=verification if kind is TurnKind.REVIEW else None,
    )
