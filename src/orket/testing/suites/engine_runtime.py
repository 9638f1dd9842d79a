"""What an engine runtime policy owes."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Final

from hypothesis import reject
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from orket.contracts import EngineRuntimePolicyNode, EnvironmentQuestion
from orket.testing._nodes import NodeContract
from orket.testing._outcome import shown
from orket.testing._suite import rule
from orket.testing._watch import unchanged_process
from orket.testing.strategies import alone, environment_questions, environs, roots

_SECRET: Final = "hunter2-and-nothing-else"  # noqa: S105 - of no account
_LINES: Final = st.sampled_from(("TOKEN={}", "{}", "TOKEN='{}", 'TOKEN="{}', "TOKEN {}", "={}", "токен={}", "T=\0{}"))


class EngineRuntimeContract(NodeContract[EngineRuntimePolicyNode]):
    """The rules of engine runtime policies.

    Some lines of the ``.env`` texts in the questions are none: a policy that refuses them declares in ``errors`` what
    it raises then.
    """

    kind: ClassVar[str] = "engine_runtime"
    prefix: ClassVar[str] = "engine-runtime"

    @classmethod
    def questions(cls) -> Mapping[str, SearchStrategy[tuple[Any, ...]]]:
        """Return by method what generates its arguments."""
        return {"environment": alone(environment_questions()), "config_root": st.tuples(roots(), environs())}

    @classmethod
    def ordinary(cls) -> Mapping[str, tuple[Any, ...]]:
        """Return by method the arguments of a question that every node must answer."""
        return {
            "environment": (EnvironmentQuestion(environ={"PATH": "/bin"}, dotenv="A=1\n"),),
            "config_root": (Path("organization"), {}),
        }

    @classmethod
    def large_questions(cls) -> Mapping[str, SearchStrategy[tuple[Any, ...]]]:
        """Return a question with a thousand variables here and a thousand there."""
        environ = {f"V{index}": "x" * 50 for index in range(1000)}
        dotenv = "".join([f"W{index}='{index}' # why\n" for index in range(1000)])
        return {"environment": st.just((EnvironmentQuestion(environ=environ, dotenv=dotenv),))}

    @rule("20", question=environment_questions())
    async def maps_text_to_text(self, question: EnvironmentQuestion) -> None:
        """The mapping that stands for the environment has texts for names and for values."""
        answer = await self.ask("environment", question)
        if not isinstance(answer, Mapping):
            reject()
        odd = [name for name, value in answer.items() if type(name) is not str or type(value) is not str]
        assert not odd

    @rule("21", question=environment_questions())
    async def leaves_the_real_environment(self, question: EnvironmentQuestion) -> None:
        """What os.environ holds is not changed, whatever the file says."""
        with unchanged_process():  # puts back what a broken policy has done
            before = dict(os.environ)
            await self.ask("environment", question)
            await self.ask("config_root", Path("organization"), question.environ)
            assert dict(os.environ) == before

    @rule("22", line=_LINES)
    async def keeps_secrets_out_of_errors(self, line: str) -> None:
        """What a policy raises about a line of the file does not quote it: it may hold a secret."""
        question = EnvironmentQuestion(environ={"TOKEN": _SECRET}, dotenv=f"A=1\n{line.format(_SECRET)}\n")
        _, error = await self.attempt("environment", question)
        assert _SECRET not in shown(error)
