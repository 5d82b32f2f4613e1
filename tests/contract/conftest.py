"""What tests on a real database share."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from recorded import refused_by_contract
from tidewaiter.store import PostgresStore
from tidewaiter.workflow.intake import Intake


@pytest.fixture
def intake(store: PostgresStore) -> Iterator[Intake]:
    """An intake on the test's own store."""
    with Intake(store, workers=2) as opened:
        yield opened


@pytest.fixture
def told_at() -> datetime:
    """The moment of what a test tells: of its beginning, where the test does not say another."""
    return datetime.now(UTC)


@pytest.fixture
def lawful(store: PostgresStore, told_at: datetime) -> Iterator[None]:
    """What the test has recorded is taken by the contract of a network, entry by entry."""
    yield
    assert refused_by_contract(store, told_at.timestamp()) == []
