"""What all tests share. Tests on outside files skip, saying so, where the sample folder is absent."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent

# The same examples in every run, however slow the machine; `pytest --hypothesis-profile wandering` looks for new ones.
settings.register_profile("house", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("wandering", settings.get_profile("house"), derandomize=False, print_blob=True)
settings.load_profile("house")


@pytest.fixture(scope="session")
def samples() -> Path:
    """The folder of outside samples (TIDEWAITER_SAMPLES, else ../shared/samples); skips where there is none."""
    folder = Path(os.environ.get("TIDEWAITER_SAMPLES", ROOT.parent / "shared" / "samples"))
    if not folder.is_dir():
        pytest.skip(f"the folder of outside samples is absent: {folder}")
    return folder


pytest_plugins = ["database"]


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Bytes are told by their argument's name and number: archives hold moments, and processes have to agree on the tests."""
    return argname if isinstance(val, bytes) else None
