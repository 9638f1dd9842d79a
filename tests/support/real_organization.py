"""Where the assets of a real organization may lie; tests that read them are skipped where there are none."""

import os
from pathlib import Path

import pytest

ROOT = Path(
    os.environ.get("ORKET_REAL_ORGANIZATION") or Path(__file__).resolve().parents[3] / "shared" / "real-organization"
)
needs_organization = pytest.mark.skipif(not ROOT.is_dir(), reason="no real organization beside this checkout")
