"""The stock prompt strategy against the clauses of its contract: the model and the dialect."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orket.contracts import DialectQuestion, Environment, Epic, Issue, ModelQuestion, PromptStrategyNode
from orket.nodes.prompt_strategy import DefaultPromptStrategyNode

STOCK = ("qwen", "llama3", "deepseek-r1", "phi", "generic")
SOURCES = ("host", "epic", "user", "organization", "environment")


def ask_model(params: dict[str, Any] | None = None, **named: str) -> ModelQuestion:
    if "epic" in named:
        params = {"model_overrides": {"coder": named["epic"], "reviewer": "another"}}
    return ModelQuestion(
        issue=Issue(id="I", name="I", seat="coder"),
        epic=Epic(id="web", name="Web", team="t", environment="lab", params=params or {}),
        role="coder",
        environment=Environment(name="lab", model=named.get("environment", "")),
        host_override=named.get("host", ""),
        user_preference=named.get("user", ""),
        organization_default=named.get("organization", ""),
    )


def dialect(model: str, *families: str) -> str:
    question = DialectQuestion(model=model, families=families or STOCK)
    return DefaultPromptStrategyNode().select_dialect(question).family


def test_it_is_a_prompt_strategy() -> None:
    """The stock prompt strategy satisfies the protocol."""
    assert isinstance(DefaultPromptStrategyNode(), PromptStrategyNode)


@given(st.sets(st.sampled_from(SOURCES)), st.sampled_from(["", "  "]))
def test_the_first_source_that_names_a_model_wins(saying: set[str], blank: str) -> None:
    """Host, epic, user, organization, environment: the strongest that speaks wins; silence is an error."""
    question = ask_model(None, **{source: source if source in saying else blank for source in SOURCES})
    strongest = next((source for source in SOURCES if source in saying), None)
    if strongest is None:
        with pytest.raises(LookupError, match=r"no model for role 'coder' in epic 'web'.* environment 'lab'"):
            DefaultPromptStrategyNode().select_model(question)
    else:
        choice = DefaultPromptStrategyNode().select_model(question)
        assert choice.model == strongest
        assert strongest in choice.reason


def test_the_override_of_another_role_does_not_count() -> None:
    """An epic's override holds for the role it names."""
    question = ask_model({"model_overrides": {"reviewer": "big"}}, environment="small")
    assert DefaultPromptStrategyNode().select_model(question).model == "small"


def test_an_epic_without_overrides_is_passed_over() -> None:
    """An epic that says nothing of models leaves the choice to the weaker sources."""
    choice = DefaultPromptStrategyNode().select_model(ask_model(environment="small"))
    assert (choice.model, choice.reason) == ("small", "environment 'lab'")


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (["big"], r"params\.model_overrides of epic 'web' is \['big'\]; valid is an object"),
        ({"coder": 7}, r"params\.model_overrides\.coder of epic 'web' is 7; valid is a model's name"),
    ],
)
def test_overrides_of_another_shape_are_refused(overrides: object, told: str) -> None:
    """A wrong override is an error that says where it stands and what is valid, never skipped."""
    with pytest.raises(TypeError, match=told):
        DefaultPromptStrategyNode().select_model(ask_model({"model_overrides": overrides}, environment="small"))


@pytest.mark.parametrize(
    ("model", "family"),
    [
        ("qwen3-coder:latest", "qwen"),
        ("Qwen/Qwen2.5-7B-Instruct", "qwen"),
        ("llama3.1:8b", "llama3"),
        ("llama-3", "llama3"),
        ("meta-llama/Meta-Llama-3-8B-Instruct", "llama3"),
        ("Llama 3.3 70B", "llama3"),
        ("deepseek-r1:32b", "deepseek-r1"),
        ("deepseek-ai/DeepSeek-R1-Distill-Qwen-7B", "deepseek-r1"),
        ("DeepSeek-R1-Distill-Llama-3-70B", "deepseek-r1"),
        ("phi4", "phi"),
        ("microsoft/Phi-3.5-mini-instruct", "phi"),
        ("dolphin-mixtral", "generic"),
        ("phind-codellama", "generic"),
        ("llama2:7b", "generic"),
        ("llama-30b", "generic"),
        ("open_llama_3b", "generic"),
        ("deepseek-coder", "generic"),
        ("", "generic"),
    ],
)
def test_the_family_follows_from_the_models_name(model: str, family: str) -> None:
    """Well-known model names find their family, look-alikes do not."""
    assert dialect(model) == family


@given(st.text(max_size=30) | st.sampled_from(["qwen3", "llama3", "phi4", "deepseek-r1", "mistral-7b"]), st.data())
def test_the_dialect_is_one_of_the_families(model: str, data: st.DataObject) -> None:
    """Whatever the model is called, the dialect is one that there is."""
    others = data.draw(st.lists(st.sampled_from(["qwen", "llama3", "phi", "mistral", "x("]), unique=True))
    families = data.draw(st.permutations([*others, "generic"]))
    assert dialect(model, *families) in families


def test_a_known_family_without_a_dialect_is_generic_and_says_so() -> None:
    """A model of a family that has no dialect here is spoken to in the generic one, and the reason names the family."""
    choice = DefaultPromptStrategyNode().select_dialect(DialectQuestion(model="phi4", families=("qwen", "generic")))
    assert choice.family == "generic"
    assert choice.reason == "'phi4' is of family phi, which has no dialect here"


def test_a_dialect_of_the_hosts_own_is_found_by_its_name() -> None:
    """A family that orket does not know is chosen when the model's name has it, the longest name first."""
    families = ("mistral", "mistral-large", "generic", "stral")
    assert dialect("Mistral-Large-2", *families) == "mistral-large"
    assert dialect("ministral:8b", *families) == "generic"


def test_no_dialect_at_all_is_an_error() -> None:
    """Without a generic dialect nothing is made up."""
    with pytest.raises(LookupError, match="no dialect for 'gpt'; there is qwen, not generic"):
        dialect("gpt", "qwen")
