"""Counters and elections in PostgreSQL: what `workflow.persons` asks of a book."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal

import psycopg
from psycopg.errors import CheckViolation, UniqueViolation

from tidewaiter.model.errors import ConflictError, NotFoundError
from tidewaiter.store.gone_back import earlier_of
from tidewaiter.workflow.persons import Holding, Movement
from tidewaiter.workflow.records import Answer, Election, Proposal

_ELECTIONS = (
    "SELECT election_id, jurisdiction_code, measure_id, operator_id, chosen, starts_on, proposed_by, answered_by,"
    " is_approved FROM election LEFT JOIN election_answer USING (election_id)"
)


class PostgresPersons:
    """See `workflow.persons.PersonsBook` and `workflow.ports.Registry`; `connect` gives the writer's connection."""

    def __init__(self, connect: Callable[[], psycopg.Connection]) -> None:
        self._connect = connect

    def secret(self) -> bytes:
        """The key of the digests that persons stand under."""
        row = self._connect().execute("SELECT secret FROM person_secret").fetchone()
        assert row is not None
        return bytes(row[0])

    def used(self, keys: Sequence[bytes], but_of: int | None) -> Mapping[bytes, Decimal]:
        """What is reserved and committed under each of these keys, one declaration's own left out."""
        found = self._connect().execute(
            "SELECT person_key, sum(reserved + committed) FROM counter_movement"
            " WHERE person_key = ANY(%s) AND declaration_id IS DISTINCT FROM %s GROUP BY person_key",
            [list(keys), but_of],
        )
        return {bytes(key): used for key, used in found}

    def holdings(self, declaration_id: int) -> Sequence[Holding]:
        """What a declaration holds, counter by counter; nothing where it gave all back."""
        found = self._connect().execute(
            "SELECT person_key, counter, sum(reserved), sum(committed) FROM counter_movement"
            " WHERE declaration_id = %s GROUP BY person_key, counter HAVING sum(reserved + committed) <> 0",
            [declaration_id],
        )
        return [
            Holding(key=bytes(key), counter=counter, reserved=reserved, committed=committed)
            for key, counter, reserved, committed in found
        ]

    def gone_back(self, declaration_id: int) -> Mapping[int, Decimal]:
        """How many of each line of a declaration went back, as far as something was given back for it."""
        return earlier_of(self._connect(), declaration_id).quantities

    def move(self, movements: Sequence[Movement]) -> None:
        """Write movements. Raises ConflictError where one would pass its limit."""
        try:
            for movement in movements:
                change = movement.change
                self._connect().execute(
                    "INSERT INTO counter_movement (person_key, counter, declaration_id, kind, reserved, committed,"
                    " limit_then, why, recorded_at) VALUES (%b, %s, %s, %s, %s, %s, %s, %s, %s)",
                    [
                        change.key, change.counter, movement.declaration_id, change.kind.value, change.reserved,
                        change.committed, change.limit, movement.why, movement.recorded_at,
                    ],
                )  # fmt: skip
        except CheckViolation as error:
            raise ConflictError(
                f"a counter of a person does not take this: {error.diag.message_primary}",
                hint="nothing was written; decide it again",
            ) from error

    def elected(self, jurisdiction_code: str, operator_ids: Sequence[str], on: date) -> Mapping[tuple[str, str], str]:
        """The options in force on a day, by election and operator: of those approved the one that began last."""
        found = self._connect().execute(
            "SELECT DISTINCT ON (measure_id, operator_id) measure_id, operator_id, chosen"
            " FROM election JOIN election_answer USING (election_id)"
            " WHERE is_approved AND jurisdiction_code = %s AND operator_id = ANY(%s) AND starts_on <= %s"
            " ORDER BY measure_id, operator_id, starts_on DESC, election_id DESC",
            [jurisdiction_code, list(operator_ids), on],
        )
        return {(measure_id, operator_id): chosen for measure_id, operator_id, chosen in found}

    # --- the registry of elections ---------------------------------------------------------------------------

    def propose(self, proposal: Proposal, at: datetime) -> Election:
        """Keep a proposal."""
        row = self._connect().execute(
            "INSERT INTO election (jurisdiction_code, measure_id, operator_id, chosen, starts_on, proposed_by,"
            " proposed_at) VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING election_id",
            [
                proposal.jurisdiction_code, proposal.measure_id, proposal.operator_id, proposal.option,
                proposal.starts_on, proposal.proposed_by, at,
            ],
        ).fetchone()  # fmt: skip
        assert row is not None
        return self.election(row[0])

    def answer(self, answer: Answer) -> None:
        """Keep the answer to a proposal. Raises ConflictError where there is one, or the proposer gives it."""
        try:
            self._connect().execute(
                "INSERT INTO election_answer (election_id, is_approved, answered_by, answered_at)"
                " VALUES (%s, %s, %s, %s)",
                [answer.election_id, answer.is_approved, answer.by, answer.at],
            )
        except UniqueViolation as error:
            raise ConflictError(
                f"election {answer.election_id} is answered already", hint="tidewaiter election list shows how"
            ) from error
        except CheckViolation as error:
            raise ConflictError(str(error.diag.message_primary), hint="four eyes: ask somebody else") from error

    def election(self, election_id: int) -> Election:
        """One proposal with its answer. Raises NotFoundError."""
        for election in self._elections("WHERE election_id = %s", [election_id]):
            return election
        raise NotFoundError(f"there is no election {election_id}", hint="tidewaiter election list")

    def elections(self) -> list[Election]:
        """All of them, the newest first."""
        return self._elections("ORDER BY election_id DESC", [])

    def elections_of(self, jurisdiction_code: str, measure_id: str, operator_id: str) -> list[Election]:
        """Those of one operator between the same alternatives."""
        condition = "WHERE operator_id = %s AND measure_id = %s AND jurisdiction_code = %s ORDER BY starts_on"
        return self._elections(condition, [operator_id, measure_id, jurisdiction_code])

    def _elections(self, condition: str, parameters: list[object]) -> list[Election]:
        found = self._connect().execute(f"{_ELECTIONS} {condition}".encode(), parameters)
        return [Election(*row) for row in found]
