"""One epic, driven to rest: load -> validate -> plan -> execute -> persist -> report.

``_assets`` loads and validates what the epic needs; ``_joining`` lets its issues join the build's board, or takes the
board up where an earlier run left it; ``_drive`` plans and executes turns until the board is at rest, and reports;
``_record`` writes that the run has begun, and how it came to rest.
"""

from orket._pipeline._assets import EpicAssets, load_epic_assets, seats_in_use
from orket._pipeline._bare import bare
from orket._pipeline._drive import ExecutionPipeline, window_size
from orket._pipeline._order import RunOrder, RunResult, known_run
from orket._pipeline._record import RunRecord

__all__ = [
    "EpicAssets",
    "ExecutionPipeline",
    "RunOrder",
    "RunRecord",
    "RunResult",
    "bare",
    "known_run",
    "load_epic_assets",
    "seats_in_use",
    "window_size",
]
