"""A field that was committed to can be told by itself; nothing else can pass for it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tidewaiter.ledger.commitments import Disclosure, commit, entry_seed, root_over, scope_id, verify_disclosure
from tidewaiter.ledger.verdict import LedgerError

KEYS = st.binary(min_size=32, max_size=32)
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
VALUES = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
FIELDS = st.dictionaries(NAMES, VALUES, min_size=1, max_size=12).map(lambda fields: tuple(fields.items()))


@given(KEYS, FIELDS, st.data())
def test_each_field_proves_itself_and_no_other(
    key: bytes, fields: tuple[tuple[str, str], ...], data: st.DataObject
) -> None:
    made = commit(entry_seed(key, "decision:1"), fields)
    name, value = data.draw(st.sampled_from(fields))
    told = made.disclose(name)
    assert (told.name, told.value) == (name, value)
    assert verify_disclosure(told, made.root)
    for changed in _altered(told):
        assert not verify_disclosure(changed, made.root)
    assert not verify_disclosure(told, commit(entry_seed(key, "decision:2"), fields).root)


def _altered(told: Disclosure) -> list[Disclosure]:
    return [
        replace(told, value=told.value + "0"),
        replace(told, name=told.name + "0"),
        # A field whose name and value run together otherwise is another field.
        replace(told, name=told.name + told.value[:1], value=told.value[1:])
        if told.value
        else replace(told, value="0"),
        replace(told, salt="00" * 32),
        replace(told, salt="0g"),
        replace(told, index=told.index + 1),
        replace(told, index=-1),
        replace(told, size=0),
        replace(told, path=(*told.path, "00" * 32)),
    ]


@given(KEYS, KEYS, FIELDS)
def test_keys_and_labels_lead_to_roots_of_their_own(
    key: bytes, other: bytes, fields: tuple[tuple[str, str], ...]
) -> None:
    assert commit(entry_seed(key, "a"), fields).root == commit(entry_seed(key, "a"), fields).root
    assert commit(entry_seed(key, "a"), fields).root != commit(entry_seed(key, "b"), fields).root
    if key != other:
        assert scope_id(key) != scope_id(other)
        assert commit(entry_seed(key, "a"), fields).root != commit(entry_seed(other, "a"), fields).root


def test_what_cannot_be_committed_to_is_refused() -> None:
    with pytest.raises(LedgerError, match="2 fields under 1 names"):
        commit(bytes(32), [("a", "1"), ("a", "2")])
    with pytest.raises(LedgerError, match="instead of 32"):
        commit(b"short", [("a", "1")])
    with pytest.raises(LedgerError, match="no field"):
        commit(bytes(32), [("a", "1")]).disclose("b")


@given(KEYS, st.dictionaries(NAMES, VALUES, max_size=20).map(lambda fields: tuple(fields.items())))
def test_the_root_alone_is_the_root(key: bytes, fields: tuple[tuple[str, str], ...]) -> None:
    assert root_over(key, fields) == commit(key, fields).root


@pytest.mark.parametrize(
    ("seed", "fields"),
    [
        (b"short", (("a", "b"),)),
        (bytes(32), (("a", "b"), ("a", "c"))),
        (bytes(32), (("", "b"),)),
        (bytes(32), (("é" * 200, ""),)),
    ],
)
def test_the_root_alone_refuses_what_a_commitment_refuses(seed: bytes, fields: tuple[tuple[str, str], ...]) -> None:
    with pytest.raises(LedgerError):
        root_over(seed, fields)
