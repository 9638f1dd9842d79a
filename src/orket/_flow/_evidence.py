"""Proving an issue's work: the seam that calls foreign verifiers."""

from pathlib import Path

from attrs import evolve, frozen

from orket._answers import wrong_result, wrong_results
from orket._value import Value
from orket.cards import Issue, ScenarioResult, Verification, VerificationResult
from orket.contracts import EndpointVerifier, Isolation, Verifier
from orket.errors import IsolationError, NoSandboxError, VerificationError


@frozen(kw_only=True, repr=False, eq=False)
class Prover(Value):
    """Runs an issue's fixture and calls its endpoints.

    ``isolation`` is what host and organization demand of whatever runs fixtures, also of a verifier that is not ours.
    """

    verifier: Verifier | None
    endpoints: EndpointVerifier | None = None
    isolation: Isolation = Isolation.RLIMITS

    async def prove(self, issue: Issue, workspace: Path) -> VerificationResult:
        """Return what the issue's verification gave; endpoints are called first, nothing runs where they cannot be.

        Raises:
            FixtureRefusedError: the fixture lies outside ``verification/``.
            IsolationError: fixtures are isolated less than is demanded.
            NoSandboxError: there are endpoints to call, and no sandbox of the issue runs.
            VerificationError: there is no verifier, the fixture cannot be run, or the verifier broke its contract.
        """
        wanted = issue.verification or Verification()
        called = await self._call(issue, wanted)
        own = evolve(wanted, scenarios=tuple([one for one in wanted.scenarios if not one.endpoint]))
        if not wanted.fixture and not own.scenarios:
            return _joined(wanted, called, None)
        result = await self._run(own, workspace)
        return _joined(wanted, called, result) if called else result

    async def _run(self, wanted: Verification, workspace: Path) -> VerificationResult:
        if self.verifier is None:
            raise VerificationError("the wiring has no verifier; see the pipeline_wiring node")
        try:
            result = await self.verifier.verify(wanted, workspace)
        except VerificationError:
            raise
        except (Exception, SystemExit) as error:
            raise VerificationError(f"the verifier raised {error!r}") from error
        if wrong := wrong_result(result):
            raise VerificationError(f"the verifier broke its contract: {wrong}")
        self._demand(result)
        return result

    def _demand(self, result: VerificationResult) -> None:
        """Refuse the result of a verifier that isolates less than is demanded, or that does not say how much."""
        said = result.isolation.partition(" without ")[0]
        if self.isolation is Isolation.RLIMITS:
            return
        if said not in tuple(Isolation) or not Isolation(said).meets(self.isolation):
            raise IsolationError(
                f"fixtures need the isolation {self.isolation}, and the verifier says {said!r:.80}: its result counts "
                "for nothing",
                needed=self.isolation.value,
                found=said,
            )

    async def _call(self, issue: Issue, wanted: Verification) -> tuple[ScenarioResult, ...]:
        scenarios = tuple([one for one in wanted.scenarios if one.endpoint])
        if not scenarios:
            return ()
        if self.endpoints is None:
            raise NoSandboxError(
                f"{scenarios[0].endpoint} of issue {issue.id} cannot be called: the wiring has nothing that builds "
                "sandboxes; see create_sandbox_orchestrator of the pipeline_wiring node",
                card=issue.id,
            )
        try:
            results = await self.endpoints.call(issue, scenarios)
        except VerificationError:
            raise
        except (Exception, SystemExit) as error:
            raise VerificationError(f"the endpoint verifier raised {error!r}") from error
        if wrong := wrong_results(results, len(scenarios)):
            raise VerificationError(f"the endpoint verifier broke its contract: {wrong}")
        return results


def _joined(
    wanted: Verification, called: tuple[ScenarioResult, ...], result: VerificationResult | None
) -> VerificationResult:
    """Return one result of the fixture's scenarios and the endpoints', in the order of the scenarios."""
    rest, run = iter(called), iter(result.scenarios if result else ())
    order = [next(rest, None) if one.endpoint else next(run, None) for one in wanted.scenarios]
    scenarios = tuple([one for one in order if one is not None])
    good = sum(one.passed for one in scenarios)
    passed = good == len(scenarios) and (result is None or result.passed)
    detail = f"{good} of {len(scenarios)} scenarios passed"
    if result is None:
        return VerificationResult(passed=passed, scenarios=scenarios, detail=detail)
    told = detail if result.passed else f"{detail}; of the fixture: {result.detail}"
    return evolve(result, passed=passed, scenarios=scenarios, detail=told)
