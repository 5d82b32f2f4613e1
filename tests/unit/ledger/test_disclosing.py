"""Single fields of an entry, shown with proofs, and who may be shown which."""

from __future__ import annotations

from datetime import date

import pytest
from msgspec import structs

from ledgers import ORIGIN, signer
from tidewaiter.ledger.checkpoints import Checkpoint
from tidewaiter.ledger.contracts import Role
from tidewaiter.ledger.disclosing import Package, Visibility, disclose, packaged_visibility, verify_package
from tidewaiter.ledger.envelopes import Payload
from tidewaiter.ledger.keys import KeyType
from tidewaiter.ledger.leaves import Leaf
from tidewaiter.ledger.merkle import MemoryLog, leaf_hash
from tidewaiter.ledger.notes import SignedNote
from tidewaiter.ledger.policies import Policy
from tidewaiter.ledger.receipts import issue
from tidewaiter.ledger.signing import cosign, sign
from tidewaiter.ledger.verdict import LedgerError
from tidewaiter.model.errors import LawDataError, NotInForceError
from tidewaiter.workflow import recording

FIELDS = (
    ("reference", "R-1"), ("commodity_code", "61091000"), ("consignee", "Ada Example"), ("consignee_phone", "0207946"),
    ("state", "released"), ("recorded_at", "2026-11-01"),
)  # fmt: skip
PAYLOAD = Payload(FIELDS, "07" * 32)
WITNESS, LOG = signer("witness"), signer(ORIGIN, KeyType.ED25519)
POLICY = Policy.parse(
    f"log {LOG.verifier.text}\nwitness one {WITNESS.verifier.text}\nquorum one\n".encode()
)  # fmt: skip


def entry() -> bytes:
    ids = {"actor": "0" * 32, "scope": "1" * 32, "type": "decided"}
    return Leaf(**ids, at=900, commitment=PAYLOAD.commitment.root, facts={"state": "released"}).entry()


def receipt(*witnesses: bool) -> bytes:
    log = MemoryLog([leaf_hash(b"before"), leaf_hash(entry()), leaf_hash(b"after")])
    text = Checkpoint(ORIGIN, log.size, log.root).text
    cosigned = (cosign(text, WITNESS, 1),) if not witnesses else ()
    return issue(log.node, 1, SignedNote(text, (sign(text, LOG), *cosigned)), 3).text


def package(role: str) -> bytes:
    names = packaged_visibility().shown(role, date(2026, 11, 28))
    return disclose(PAYLOAD, entry(), receipt(), names).data


def test_each_role_sees_its_fields_and_no_other() -> None:
    for role, names in (
        ("public", {"state", "recorded_at"}), ("carrier", {"reference", "consignee", "consignee_phone", "state", "recorded_at"}),
        ("marketplace", {"reference", "state", "recorded_at"}), ("customs", {name for name, _ in FIELDS}), ("nobody", set()),
    ):  # fmt: skip
        data = package(role)
        shown = verify_package(data, POLICY)
        assert shown.verdict, role
        assert shown.fields == {name: value for name, value in FIELDS if name in names}, role
        for name, value in FIELDS:
            assert (value.encode() in Package.parse(data).data) is (name in names), (role, name)
    assert shown.leaf == Leaf.parse(entry())
    assert shown.believed.checkpoint is not None


def test_what_was_altered_shows_nothing() -> None:
    good = Package.parse(package("carrier"))
    first = good.fields[0]
    other = structs.replace(first, value="R-2")
    for wrong in (
        structs.replace(good, fields=(other,)), structs.replace(good, fields=(first, first)),
        structs.replace(good, fields=(structs.replace(first, name="registered_id"),)),
        structs.replace(good, entry=Leaf.parse(entry()).entry().replace(b"released", b"accepted")),
        structs.replace(good, receipt=receipt(False)), structs.replace(good, receipt=b"nothing"),
        structs.replace(good, fields=(structs.replace(first, salt="zz"),)),
    ):  # fmt: skip
        shown = verify_package(wrong.data, POLICY)
        assert not shown.verdict
        assert not shown.fields
        assert shown.verdict.reason
    for data in (b"", b"{}", good.data + b" ", good.data.replace(b"v1", b"v2"), b"[" * 100_000):
        assert not verify_package(data, POLICY).verdict


def test_a_payload_of_another_entry_shows_nothing_of_this_one() -> None:
    with pytest.raises(LedgerError, match="not what the entry is bound to"):
        disclose(structs.replace(PAYLOAD, seed="08" * 32), entry(), receipt(), ["state"])


def test_who_sees_what_is_dated_and_has_a_source() -> None:
    visibility = packaged_visibility()
    assert {role.value for role in Role} - {"sequencer"} <= set(*visibility.values.values())
    with pytest.raises(NotInForceError):
        visibility.shown("customs", date(2025, 12, 31))
    for content in (
        b"title: x\nsources: []\nvalues: {}\n", b"title: x\n", b"\xff", b"a: [", b"title: x\nmore: 1\nsources: []\nvalues: {}\n"
    ):  # fmt: skip
        with pytest.raises(LawDataError, match="here"):
            Visibility.read(content, "here")


def test_a_later_day_replaces_an_earlier_one() -> None:
    source = "sources: [{title: a, address: b}]\n"
    values = 'values: {"2026-01-01": {public: [a]}, "2026-07-01": {public: [b]}}\n'
    visibility = Visibility.read(f"title: t\n{source}{values}".encode(), "here")
    assert visibility.shown("public", date(2026, 6, 30)) == {"a"}
    assert visibility.shown("public", date(2026, 7, 1)) == {"b"}


def test_names_of_fields_are_those_that_decisions_are_bound_to() -> None:
    known = {*recording.DECISION_FIELDS, *recording.CHANGE_FIELDS, "amount", "currency", "collector", "period"}
    listed = {name for roles in packaged_visibility().values.values() for names in roles.values() for name in names}
    assert listed <= known
