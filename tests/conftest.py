"""What all tests share. Tests on outside files skip, saying so, where the sample folder is absent."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def samples() -> Path:
    """The folder of outside samples (TIDEWAITER_SAMPLES, else ../shared/samples); skips where there is none."""
    folder = Path(os.environ.get("TIDEWAITER_SAMPLES", ROOT.parent / "shared" / "samples"))
    if not folder.is_dir():
        pytest.skip(f"the folder of outside samples is absent: {folder}")
    return folder


pytest_plugins = ["database"]
