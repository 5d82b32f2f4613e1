"""What a competitor's mirror holds tells nothing of trade or persons, and what was erased cannot be guessed."""

from __future__ import annotations

import hashlib
import random
from datetime import date
from typing import NamedTuple

from leaks import found
from parties import BEGAN, ORIGIN, Network, number, public, signer
from tidewaiter.ledger.commitments import commit, entry_seed, scope_id, verify_disclosure
from tidewaiter.ledger.contracts import Applied, Role
from tidewaiter.ledger.contracts.pseudonyms import period_of, registration, submitter_key
from tidewaiter.ledger.contracts.settling import Opening, settle
from tidewaiter.ledger.contracts.statements import Statement
from tidewaiter.ledger.disclosing import packaged_visibility
from tidewaiter.ledger.envelopes import Payload, public_of, seal
from tidewaiter.ledger.leaves import Leaf, key_number
from tidewaiter.ledger.merkle import leaf_hash

NORTH = "customs.north"
PERIOD = "2027-01"
PARCELS = 25
FIRST = ("Ada", "Bohdan", "Chinara", "Dagny", "Emeka", "Fatou", "Giulia", "Hamza", "Ingrid", "Joao")
LAST = ("Abrahamsen", "Brzozowska", "Castellano", "Dimitrova", "Eriksdotter", "Fernandes", "Gustafsson", "Hernandez")


class Parcel(NamedTuple):
    """What a marketplace knows of a parcel, and no competitor may learn; made up."""

    reference: str
    transport_document: str
    commodity_code: str
    description: str
    consignor: str
    consignee: str
    consignee_postcode: str
    consignee_phone: str
    due: str


def parcels(chance: random.Random) -> list[Parcel]:
    def digits(count: int) -> str:
        return "".join(chance.choice("0123456789") for _ in range(count))

    return [
        Parcel(
            f"ORD-{digits(8)}", f"RR{digits(9)}XX", digits(10), f"article no {digits(5)}", f"Trader {digits(6)} Ltd",
            f"{chance.choice(FIRST)} {chance.choice(LAST)}", digits(5), f"+999{digits(9)}", f"{chance.randint(100, 999)}.{digits(2)} EUR",
        )
        for _ in range(PARCELS)
    ]  # fmt: skip


class Held(NamedTuple):
    """Everything of a network that a competitor's mirror holds: entries, state, statements, envelopes that are for others."""

    entries: list[bytes]
    state: bytes
    statements: list[bytes]
    envelopes: list[bytes]

    def everything(self) -> bytes:
        return b"\n".join([*self.entries, self.state, *self.statements, *self.envelopes])


def moved(trade: list[Parcel], chance: random.Random) -> tuple[Held, list[bytes]]:
    """The parcels, from order to settlement, through a network with a pseudonymous courier; and their keys."""
    network, keys = Network(), [chance.randbytes(32) for _ in trade]
    parties = [public_of(chance.randbytes(32)) for _ in range(3)]
    envelopes: list[bytes] = []
    courier = submitter_key(chance.randbytes(32), ORIGIN, period_of(BEGAN))
    actor = key_number(courier.verifier.public)
    vouched = registration(courier, [Role.CARRIER, Role.COLLECTOR], ORIGIN, period_of(BEGAN)).signed(signer(NORTH))
    assert isinstance(network.state_it(vouched, by=NORTH), Applied)
    openings: list[Opening] = []
    for parcel, key in zip(trade, keys, strict=True):
        amount = parcel.due.split()[0]
        money = (
            ("amount", amount),
            ("currency", "EUR"),
            ("collector", "courier"),
            ("period", PERIOD),
            (f"due:{NORTH}", amount),
        )
        for label, kind, by, fields, facts in (
            ("decision:1", "decided", number(NORTH), tuple(parcel._asdict().items()), {"state": "accepted", "assessed": 1, "debt": "open"}),
            ("event:1", "arrived", actor, (("transport_document", parcel.transport_document),), {}),
            ("payment:1", "paid", actor, money, {}),
            ("transition:2", "released", number(NORTH), (("reference", parcel.reference),), {}),
            ("event:2", "delivered", actor, (("consignee", parcel.consignee),), {}),
        ):  # fmt: skip
            payload = Payload(fields, entry_seed(key, label).hex())
            leaf = Leaf(
                actor=by, at=BEGAN, commitment=payload.commitment.root, facts=facts, scope=scope_id(key), type=kind
            )
            position = network.state.realm.position
            answer = network.apply(leaf)
            assert isinstance(answer, Applied), answer
            envelopes.append(seal(payload, parties, chance.randbytes(32)))
            if kind == "paid":
                shown = tuple(payload.commitment.disclose(name) for name, _ in money)
                openings.append(Opening(position, leaf.entry(), shown))
    body = settle(openings, PERIOD).body(ORIGIN, (actor, NORTH), chance.randbytes(32))
    settled = Statement.of(body).signed(courier).signed(signer(NORTH))
    assert isinstance(network.state_it(settled, by=NORTH), Applied)
    assert isinstance(network.close(), Applied)
    entries = [leaf.entry() for leaf, _ in network.log]
    statements = [statement for _, statement in network.log if statement]
    return Held(entries, network.state.snapshot(), statements, envelopes), keys


def values(trade: list[Parcel]) -> set[str]:
    """Every value of every parcel, single words of names, and amounts without their currency."""
    told = {value for parcel in trade for value in parcel}
    told |= {word for parcel in trade for word in parcel.consignee.split()}
    return told | {parcel.due.split()[0] for parcel in trade}


def test_a_competitors_mirror_holds_no_value_of_anybodys_trade() -> None:
    chance = random.Random(6)
    trade = parcels(chance)
    held, _ = moved(trade, chance)
    everything = held.everything()
    assert len(held.entries) == PARCELS * 5 + 3
    leaks = {value: forms for value in values(trade) if (forms := found(everything, value))}
    assert not leaks
    told = b"\n".join([*held.entries, *held.statements])
    assert b"courier" not in told
    assert number("courier").encode() not in told


def test_the_search_finds_what_does_leak() -> None:
    """The control: each value in the clear, or under a bare hash, beside what the mirror holds."""
    chance = random.Random(6)
    trade = parcels(chance)[:5]
    for value in values(trade):
        for leak in (
            value.encode(),
            hashlib.sha256(value.encode()).hexdigest().encode(),
            hashlib.md5(value.encode()).digest(),
        ):
            assert found(b'{"x":"' + leak + b'"}', value), (value, leak)


class Attack(NamedTuple):
    """What an attacker knows of an entry whose key was erased: hashes of single fields (out of a path that was shown once),
    and every salt and seed of anything else."""

    hashes: set[bytes]
    salts: list[bytes]

    def guessed(self, name: str, candidates: list[str]) -> list[str]:
        """The candidates whose salted hash is one that is known."""
        head = bytes([len(name)]) + name.encode()
        return [
            each
            for each in candidates
            for salt in self.salts
            if leaf_hash(salt + head + each.encode()) in self.hashes or hashlib.sha256(each.encode()).digest() in self.hashes
        ]  # fmt: skip


def salts_of(seed: bytes, count: int) -> list[bytes]:
    return [hashlib.sha256(seed + place.to_bytes(4, "big")).digest() for place in range(count)]


def test_phone_and_postcode_cannot_be_guessed_once_the_key_is_erased() -> None:
    """Everything but the erased key is known: all other keys, all entries, all fields but two, and a field of the entry that was
    shown with its path, on which the hashes of others stand."""
    chance = random.Random(7)
    trade = parcels(chance)
    held, keys = moved(trade, chance)
    victim, key = trade[0], keys[0]
    fields = tuple(victim._asdict().items())
    commitment = commit(entry_seed(key, "decision:1"), fields)
    assert any(commitment.root.encode() in entry for entry in held.entries)
    # Of nine fields, postcode and phone are 6 and 7: either is the other's neighbour.
    paths = [
        commitment.disclose(name) for name in ("consignee_postcode", "consignee_phone", "consignee", "description")
    ]
    hashes = {bytes.fromhex(each) for told in paths for each in told.path}
    shown = commitment.disclose("description")
    assert verify_disclosure(shown, commitment.root)
    phones = [f"+999{n:09d}" for n in range(3000)] + [victim.consignee_phone]
    postcodes = [f"{n:05d}" for n in range(0, 100_000, 50)] + [victim.consignee_postcode]
    known = [bytes(32), bytes.fromhex(shown.salt), hashlib.sha256(bytes.fromhex(scope_id(key))).digest()]
    for other in keys[1:4]:
        known += salts_of(entry_seed(other, "decision:1"), 9)
    without = Attack(hashes, known)
    assert not without.guessed("consignee_phone", phones)
    assert not without.guessed("consignee_postcode", postcodes)
    with_key = Attack(hashes, salts_of(entry_seed(key, "decision:1"), 9))
    (phone,) = set(with_key.guessed("consignee_phone", phones))
    (postcode,) = set(with_key.guessed("consignee_postcode", postcodes))
    assert (phone, postcode) == (victim.consignee_phone, victim.consignee_postcode)
    again = {**victim._asdict(), "consignee_phone": phone, "consignee_postcode": postcode}
    assert commit(entry_seed(key, "decision:1"), tuple(again.items())).root == commitment.root


def test_keys_of_one_submitter_have_nothing_in_common() -> None:
    secret = b"\x09" * 32
    numbers = {key_number(submitter_key(secret, ORIGIN, period).verifier.public) for period in range(20)}
    numbers |= {key_number(submitter_key(secret, "other", 0).verifier.public)}
    assert len(numbers) == 21
    assert number("courier") not in numbers
    network, first = Network(), period_of(BEGAN)
    for period in (first, first + 1):
        key = submitter_key(secret, ORIGIN, period)
        statement = registration(key, [Role.CARRIER], ORIGIN, period).signed(signer(NORTH))
        assert isinstance(network.state_it(statement), Applied)
        record = network.state.keys[key_number(key.verifier.public)]
        assert (record.member, record.by) == ("", NORTH)
        assert public("courier") not in statement.data
        assert b"courier" not in statement.data


def test_a_role_that_is_a_competitors_sees_no_trade() -> None:
    visibility = packaged_visibility()
    trade = set(Parcel._fields)
    assert not visibility.shown("public", date(2026, 11, 28)) & trade
    assert visibility.shown("port", date(2026, 11, 28)) & trade == {"transport_document"}
