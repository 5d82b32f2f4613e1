"""Every decision, however it comes about, has its entry; what it is bound to is found again, told, and erased."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from recorded import DAY, decisions_and_entries, hand_in, some
from tidewaiter.ledger.commitments import commit, entry_seed, verify_disclosure
from tidewaiter.ledger.leaves import Leaf
from tidewaiter.ledger.policies import Policy
from tidewaiter.ledger.reading import verify_log
from tidewaiter.model.declaration import Address, Declaration, MessageFunction, Party
from tidewaiter.release import Trigger
from tidewaiter.store import PostgresStore
from tidewaiter.workflow.desk import Desk
from tidewaiter.workflow.intake import Intake
from tidewaiter.workflow.recording_logs import policy_of
from tidewaiter.workflow.recording_opened import ErasedError, opened, problems, receipt
from tidewaiter.workflow.recording_receipts import ParcelReceipt, verify

pytestmark = pytest.mark.usefixtures("lawful")


def all_problems(store: PostgresStore) -> list[str]:
    return [
        words
        for log in store.logs.logs()
        for each in store.logs.after(log.origin_id, 0, 100_000)
        if (words := problems(store, each))
    ]


def labels(store: PostgresStore, declaration_id: int) -> list[tuple[str, dict[str, str | int]]]:
    found = store.logs.of_subject(f"declaration:{declaration_id}")
    return [(each.label.split(":")[0], Leaf.parse(each.entry).facts) for each in found]


def told(store: PostgresStore, declaration_id: int, place: int = 0) -> dict[str, str]:
    return dict(opened(store, store.logs.of_subject(f"declaration:{declaration_id}")[place]).fields)


def personal(declaration: Declaration, phone: str = "07700 900123") -> Declaration:
    consignee = Party(name="Ann Example", address=Address(postcode="AB1 2CD", country_code="GB"), phone=phone)
    return replace(declaration, consignee=consignee)


@pytest.mark.parametrize("count", [1, 3, 1_500], ids=["by itself", "a few", "by worker processes"])
def test_each_new_declaration_has_an_entry_that_opens(store: PostgresStore, intake: Intake, count: int) -> None:
    hand_in(intake, store, some(count))
    assert decisions_and_entries(store) == (count, count)
    assert all_problems(store) == []


def test_an_entry_tells_contracts_little_and_its_party_all(store: PostgresStore, intake: Intake) -> None:
    (line,) = hand_in(intake, store, [personal(some(1)[0])]).lines
    file = store.decision(line.declaration_id)
    (recorded,) = store.logs.of_subject(f"declaration:{line.declaration_id}")
    leaf = Leaf.parse(recorded.entry)
    assert leaf.type == "decided"
    assert set(leaf.facts) == {"assessed", "debt", "state"}
    assert leaf.facts["state"] == file.evaluation.decision.state.value
    assert leaf.actor == store.record_keeper.identity.actor
    fields = told(store, line.declaration_id)
    assert fields["reference"] == file.row.functional_reference_id
    assert fields["registered_id"] == file.row.registered_id
    assert fields["consignee"] == "Ann Example"
    assert fields["consignee_postcode"] == "AB1 2CD"
    assert fields["due"] == f"{file.row.due.amount:f} {file.row.due.currency}" if file.row.due else ""
    said = recorded.entry.decode()
    assert not any(value in said for name, value in fields.items() if len(value) > 3 and name != "version")


def test_versions_acts_and_withdrawals_are_recorded_in_order(store: PostgresStore, intake: Intake) -> None:
    first = some(1)[0]
    (line,) = hand_in(intake, store, [first]).lines
    number = line.declaration_id
    hand_in(intake, store, [replace(first, function=MessageFunction.AMENDMENT, invoice_id="another")])
    Desk(store).confirm_arrival(number, "officer 7", on=DAY)
    assert decisions_and_entries(store)[0] == decisions_and_entries(store)[1] == 3
    assert [kind for kind, _ in labels(store, number)] == ["record", "record", "decision"]
    assert [told(store, number, place)["version"] for place in range(3)] == ["1", "2", "3"]
    hand_in(intake, store, [replace(first, function=MessageFunction.CANCELLATION)])
    assert all_problems(store) == []
    entries = store.logs.of_subject(f"declaration:{number}")
    assert len({Leaf.parse(each.entry).scope for each in entries}) == 1


def test_an_officers_act_is_recorded_with_who_and_why_under_seal(store: PostgresStore, intake: Intake) -> None:
    (line,) = hand_in(intake, store, some(1)).lines
    desk = Desk(store)
    desk.confirm_arrival(line.declaration_id, "officer 7", on=DAY)
    state = store.decision(line.declaration_id).row.state
    act = next(
        each for each in (Trigger.EXAMINATION_ORDERED, Trigger.INFORMATION_REQUESTED) if each in desk.possible(state)
    )
    desk.act(line.declaration_id, act, "officer 7", "looks odd")
    recorded = store.logs.of_subject(f"declaration:{line.declaration_id}")[-1]
    fields = dict(opened(store, recorded).fields)
    assert (fields["actor"], fields["words"], fields["triggers"].split()[0]) == ("officer 7", "looks odd", act.value)
    assert Leaf.parse(recorded.entry).facts["state"] == store.decision(line.declaration_id).row.state.value
    assert b"officer" not in recorded.entry


def test_what_is_altered_in_the_database_shows(store: PostgresStore, intake: Intake) -> None:
    (line,) = hand_in(intake, store, some(1)).lines
    with store.writing() as transaction:
        transaction._connection.execute(
            "UPDATE declaration SET functional_reference_id = 'other' WHERE declaration_id = %s", [line.declaration_id]
        )
    assert [words.split(", ")[0] for words in all_problems(store)] == [f"declaration:{line.declaration_id}"]


# --- sealing ---------------------------------------------------------------------------------------------------------


def reads(store: PostgresStore, year: int) -> tuple[int, bool]:
    log = store.logs.log(str(year))
    return log.sealed_size, bool(verify_log(lambda path: store.logs.file(log, path), log.sealed_size, log.root))


def test_a_log_is_sealed_step_by_step_and_any_reader_verifies_it(store: PostgresStore, intake: Intake) -> None:
    year = datetime.now(UTC).year
    for seed, count in enumerate((1, 254, 1, 1, 300)):
        hand_in(intake, store, some(count, seed))
        assert store.logs.seal().entries == count
        assert reads(store, year)[1]
    assert store.logs.seal().entries == 0
    assert reads(store, year) == (557, True)
    log = store.logs.log(str(year))
    believed = Policy.parse(policy_of(store.logs).text).believed(log.note)
    assert believed.verdict
    assert believed.checkpoint is not None
    assert (believed.checkpoint.size, believed.checkpoint.root) == (557, log.root)
    for path in (
        "tile/0/003",
        "tile/0/002.p/46",
        "tile/5/000",
        "tile/entries/002.p/46",
        "tile/x/1",
        "checkpoint",
        "tile/0/-01",
    ):
        assert store.logs.file(log, path) is None
    assert store.logs.file(log, "tile/0/002.p/45") is not None


def _write_and_die(url: str, pipe: object) -> None:
    with PostgresStore(url) as store, Intake(store, workers=1) as intake:
        hand_in(intake, store, some(300, seed=9))
        os.kill(os.getpid(), signal.SIGKILL)  # committed, and nobody sealed it


def test_what_was_committed_before_a_crash_is_sealed_after_it(store: PostgresStore, intake: Intake) -> None:
    hand_in(intake, store, some(10))
    store.logs.seal()
    process = multiprocessing.get_context("spawn").Process(target=_write_and_die, args=(store.url, None))
    process.start()
    process.join(120)
    assert process.exitcode == -signal.SIGKILL
    assert store.logs.seal().entries == 300
    assert reads(store, datetime.now(UTC).year) == (310, True)
    assert decisions_and_entries(store) == (310, 310)


def test_one_seals_at_a_time(store: PostgresStore, intake: Intake) -> None:
    hand_in(intake, store, some(1))
    with store.logs._alone() as is_ours, PostgresStore(store.url) as other:
        assert is_ours
        assert other.logs.seal().entries == 0
    assert store.logs.seal().entries == 1


# --- receipts --------------------------------------------------------------------------------------------------------


@pytest.fixture
def parcel(store: PostgresStore, intake: Intake) -> int:
    receipt_ = hand_in(intake, store, [personal(some(1)[0]), *some(400, seed=2)])
    store.logs.seal()
    return receipt_.lines[0].declaration_id


def test_a_receipt_is_verified_offline(store: PostgresStore, parcel: int) -> None:
    found = receipt(store, parcel)
    (shown,) = verify(found.text, policy_of(store.logs))
    assert shown.verdict
    assert shown.size == 401
    assert dict(shown.fields)["consignee_phone"] == "07700 900123"
    assert len(found.entries[0].proof) < 2_500


def test_a_receipt_tells_only_what_was_chosen(store: PostgresStore, parcel: int) -> None:
    found = receipt(store, parcel, names=["reference"])
    assert [each.name for each in found.entries[0].fields] == ["reference"]
    assert b"Ann" not in found.text
    assert all(each.verdict for each in verify(found.text, policy_of(store.logs)))


@pytest.mark.parametrize("member", ["entry", "proof", "value", "salt", "name"])
def test_a_receipt_that_was_altered_shows_nothing(store: PostgresStore, parcel: int, member: str) -> None:
    told = json.loads(receipt(store, parcel).text)
    each = told["entries"][0]
    if member == "entry":
        each["entry"] = each["entry"].replace('"assessed":1', '"assessed":0').replace('"decided"', '"decidec"')
    elif member == "proof":
        lines = each["proof"].split("\n")
        lines[1] = "index 3"
        each["proof"] = "\n".join(lines)
    else:
        each["fields"][2][member] = "00" * 32 if member == "salt" else "other"
    (shown,) = verify(json.dumps(told).encode(), policy_of(store.logs))
    assert not shown.verdict
    assert shown.words.startswith("Not shown: ")


def test_another_records_key_is_not_believed(store: PostgresStore, parcel: int) -> None:
    policy = Policy.parse(b"quorum none\n")
    (shown,) = verify(receipt(store, parcel).text, policy)
    assert not shown.verdict


# --- erasure ---------------------------------------------------------------------------------------------------------


def test_what_is_erased_cannot_be_guessed_and_the_log_stands(store: PostgresStore, parcel: int) -> None:
    (recorded,) = store.logs.of_subject(f"declaration:{parcel}")
    key = store.logs.key(recorded.subject)
    assert key is not None
    root = Leaf.parse(recorded.entry).commitment
    before = opened(store, recorded)
    seed = entry_seed(key, recorded.label)
    phone = next(each for each in before.fields if each[0] == "consignee_phone")
    with_key = [  # who holds the key tries numbers, and finds the one
        number
        for number in range(100, 200)
        if commit(seed, [(n, f"07700 900{number}") if n == phone[0] else (n, v) for n, v in before.fields]).root == root
    ]
    assert with_key == [123]
    assert store.logs.forget(recorded.subject, "officer 7", "asked for by the consignee", datetime.now(UTC))
    assert not store.logs.forget(recorded.subject, "officer 7", "again", datetime.now(UTC))
    with pytest.raises(ErasedError):
        receipt(store, parcel)
    # All that is left: the entry. Every number of the range with the right postcode, under all that is still known.
    others = [each for each in (store.logs.key(f"declaration:{parcel + more}") for more in range(1, 20)) if each]
    public = [bytes(32), bytes.fromhex(root), recorded.entry[:32], *others]
    for number in range(1_000):
        fields = [(n, f"07700 900{number:03d}") if n == phone[0] else (n, v) for n, v in before.fields]
        for guess in public:
            assert commit(entry_seed(guess, recorded.label), fields).root != root
    assert not verify_disclosure(replace(before.commitment.disclose("consignee_phone"), salt="00" * 32), root)
    assert reads(store, datetime.now(UTC).year) == (401, True)
    assert all_problems(store) == []


def test_an_act_after_erasure_stands_under_a_scope_of_its_own(store: PostgresStore, parcel: int) -> None:
    store.logs.forget(f"declaration:{parcel}", "officer 7", "", datetime.now(UTC))
    Desk(store).confirm_arrival(parcel, "officer 7", on=DAY)
    first, second = store.logs.of_subject(f"declaration:{parcel}")
    assert Leaf.parse(first.entry).scope != Leaf.parse(second.entry).scope
    assert dict(opened(store, second).fields)["version"] == "2"


def test_a_receipt_is_read_back_as_it_was_written(store: PostgresStore, parcel: int) -> None:
    found = receipt(store, parcel)
    assert ParcelReceipt.parse(found.text) == found
