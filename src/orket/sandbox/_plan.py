"""What is to be built: whose sandbox, of which stack, from which folder; as host, issue and process rules say."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import anyio.to_thread
from attrs import field, frozen

from orket._decide import settle
from orket._value import Value
from orket._wiring import Binding
from orket.cards import Issue, JsonValue
from orket.contracts import SandboxPorts, SandboxQuestion, Store, TechStack
from orket.errors import SandboxError
from orket.sandbox._compose import Dressed, dress, refuse_contexts_outside
from orket.sandbox._secrets import make_password
from orket.sandbox._settings import PRODUCT, PRODUCT_RULE, STACK_RULE, choose_stack

_PROJECT: Final = 50  # characters of a project's name as the policy gives it; the owner's follow


@frozen(kw_only=True, repr=False, eq=False)
class Plan(Value):
    """A sandbox to be built. ``product`` lies in the workspace."""

    id: str
    card: str
    stack: TechStack
    product: Path
    key: str


@frozen(kw_only=True, repr=False, eq=False)
class Blueprint(Value):
    """A compose file that was made, its project, and the password in it."""

    project: str
    file: Dressed
    password: str = field(repr=False)


@frozen(kw_only=True)
class Planner:
    """Asks the policy, and whoever else has a say."""

    policy: Binding
    store: Store
    workspace: Path
    rules: Mapping[str, JsonValue]
    entropy: Callable[[int], bytes]

    def name(self, card: str) -> str:
        """Return the id of a card's sandbox.

        Raises:
            NodeError: the policy broke its contract.
        """
        return str(settle(self.policy, "build_sandbox_id", card))

    async def plan(self, card: str, stack: TechStack | str | None, product: Path | str | None, key: str) -> Plan:
        """Return what is to be built for a card: what is passed wins over its issue's params, and these over the rules.

        Raises:
            SandboxError: the product is not in the workspace, or the stack is none.
            NodeError: the policy broke its contract.
        """
        issue = await self._find(card) if stack is None or product is None else None
        params = issue.params if issue else {}
        chosen = stack or params.get(STACK_RULE) or self.rules.get(STACK_RULE) or TechStack.FASTAPI_REACT_POSTGRES
        folder = product or params.get(PRODUCT_RULE) or self.rules.get(PRODUCT_RULE) or PRODUCT
        place = await anyio.to_thread.run_sync(self._place, card, folder)
        return Plan(id=self.name(card), card=card, stack=choose_stack(chosen, card), product=place, key=key)

    def _place(self, card: str, folder: object) -> Path:
        if not isinstance(folder, str | Path):
            raise SandboxError(f"the product of {card} is {folder!r:.100}; valid: a folder of the workspace")
        home = self.workspace.resolve()
        place = (home / folder).resolve()
        if not place.is_relative_to(home):
            raise SandboxError(f"the product of {card}, {folder}, lies outside the workspace {home}")
        return place

    async def _find(self, card: str) -> Issue | None:
        """Return the issue of this id, from the board that was begun last."""
        for build in dict.fromkeys([row.build for row in reversed(await self.store.runs())]):  # each one once
            for held in await self.store.load_board(build):
                if held.issue.id == card:
                    return held.issue
        return None

    async def draw(self, plan: Plan, ports: SandboxPorts, owner: str) -> Blueprint:
        """Let the policy describe a sandbox, and make it ours.

        Raises:
            NodeError: the policy broke its contract.
            SandboxError: an image would be built of what lies outside the workspace.
        """
        password = make_password(self.entropy)
        question = SandboxQuestion(
            sandbox_id=plan.id,
            stack=plan.stack,
            ports=ports,
            product=str(plan.product),
            database_password=password,
        )
        project = f"{settle(self.policy, 'build_compose_project', plan.id)[:_PROJECT]}-{owner[:8]}"
        text = settle(self.policy, "compose_file", question)
        await anyio.to_thread.run_sync(refuse_contexts_outside, text, self.workspace)
        file = dress(text, ports, owner=owner, sandbox=plan.id, secret=password)
        return Blueprint(project=project, file=file, password=password)
