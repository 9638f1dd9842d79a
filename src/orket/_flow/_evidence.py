"""Running a fixture: the seam that calls a foreign verifier."""

from pathlib import Path

from orket._answers import wrong_result
from orket.cards import Verification, VerificationResult
from orket.contracts import Verifier
from orket.errors import VerificationError


async def prove(verifier: Verifier | None, wanted: Verification, workspace: Path) -> VerificationResult:
    """Return what the fixture gave.

    Raises:
        VerificationError: there is no verifier, the fixture cannot be run, or the verifier broke its contract.
    """
    if verifier is None:
        raise VerificationError("the wiring has no verifier; see the pipeline_wiring node")
    try:
        result = await verifier.verify(wanted, workspace)
    except VerificationError:
        raise
    except (Exception, SystemExit) as error:
        raise VerificationError(f"the verifier raised {error!r}") from error
    if wrong := wrong_result(result):
        raise VerificationError(f"the verifier broke its contract: {wrong}")
    return result
