"""What parcels share is kept beside the server, so that a seizure is followed at once; outcomes that came early are matched."""

from __future__ import annotations

from collections.abc import Callable

from tidewaiter.store import PostgresStore
from tidewaiter.workflow.linking import Linking
from tidewaiter.workflow.outcomes import Examinations


def linking(store: PostgresStore) -> Callable[[], object]:
    """One round: the keys of what was decided since, seizures not followed yet, outcomes of parcels declared since."""
    links, examinations = Linking(store), Examinations(store)

    def one_round() -> None:
        links.catch_up()
        examinations.match()
        links.follow_up()

    return one_round
