"""What happens to goods: declared, permitted, loaded, arrived, decided, paid, delivered, returned, settled."""

from __future__ import annotations

import io
import secrets
import time
from datetime import date
from decimal import Decimal
from importlib import resources
from typing import Any, Final

import msgspec
from msgspec import Struct

from tidewaiter.ledger.commitments import commit, entry_seed, scope_id
from tidewaiter.ledger.contracts.settling import Opening, Settlement, settle
from tidewaiter.ledger.contracts.vocabulary import WHOLE_SHARE
from tidewaiter.ledger.leaves import Leaf
from tidewaiter.network.demo.clock import in_days
from tidewaiter.network.demo.stage import Stage
from tidewaiter.network.handing_in import Placed
from tidewaiter.network.local import LocalError
from tidewaiter.store import PostgresStore, Settings, open_store
from tidewaiter.workflow.desk import Desk
from tidewaiter.workflow.intake import Intake
from tidewaiter.workflow.ports import Filter
from tidewaiter.workflow.recording import subject_of
from tidewaiter.workflow.recording_opened import fields_of

CUSTOMS: Final = "customs-north"
FOLLOWERS: Final = ("customs-south", "courier", "marketplace", "port")
FOLLOWED: Final = 6
LEGAL_DAY: Final = date(2026, 6, 15)
PERIOD: Final = "2026-06"
PERMIT: Final = "permit 2026/7"
RELAY_SECONDS_MAX: Final = 120


class Parcel(Struct):
    """One parcel: what everybody calls it, its number in customs' house, its scope's key, and what is due."""

    reference: str
    declaration_id: int
    key: bytes
    due: str = ""
    state: str = ""


class Parcels:
    """The parcels that are followed, and customs' own house."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.parcels: list[Parcel] = []
        self.payments: list[tuple[Parcel, Placed, tuple[tuple[str, str], ...]]] = []
        self.permit_scope = ""
        self.collected: dict[str, dict[str, str]] = {}

    def run(self) -> None:
        """The whole story."""
        folder = self.stage.network.homes[CUSTOMS].folder / "postgres"
        with open_store(Settings(data_folder=folder)) as store:
            self._permit()
            self._declare(store)
            self._move()
            self._arrive(store)
            self._tampered()
            self._deliver()
            self._pay()
            self._draw()
            self._give_back()
            self._settle()
            self._open_house(store)

    def _permit(self) -> None:
        self.stage.scene("A permit is issued")
        with self.stage.network.operator("permits") as operator:
            kept = operator.keep_key(PERMIT)
            operator.ask("/share", {"subject": PERMIT, "members": [CUSTOMS]})
        self.permit_scope = kept["scope"]
        fields = (("goods", "wild plants, 1,000 pieces"), ("holder", "Harbour Lane Marketplace (example)"))
        (placed,) = self.stage.tell(
            "permits", [self.stage.told("permit_issued", PERMIT, fields=fields, until=in_days(90))]
        )
        self.stage.line("permits", f"permit_issued, {PERMIT}", _where(placed))

    def _declare(self, store: PostgresStore) -> None:
        self.stage.scene(
            "The marketplace declares; customs decide by their own house, whose record goes to the network"
        )
        body = (resources.files("tidewaiter.data") / "samples/gb-marketplace/2026-06-15.jsonl").read_bytes()
        declared = [msgspec.json.decode(line) for line in body.splitlines()]
        self.collected = {
            str(each["functional_reference_id"]): each["tax_collected_at_sale"]
            for each in declared
            if "tax_collected_at_sale" in each and "functional_reference_id" in each
        }
        sender = store.senders.ensure("marketplace").sender_id
        with Intake(store) as intake:
            receipt = intake.submit(
                io.BytesIO(body), sender_id=sender, file_name="2026-06-15.jsonl", transport="cli", legal_day=LEGAL_DAY
            )
        rows = sorted(store.declarations(Filter(limit=100)), key=lambda each: each.declaration_id)
        waiting = [row for row in rows if row.state.value in ("received", "accepted")]
        for row in waiting[:FOLLOWED]:
            key = store.logs.key(subject_of(row.declaration_id))
            assert key is not None, "what was decided has a key"
            self.parcels.append(Parcel(row.functional_reference_id, row.declaration_id, key))
        self._relayed(store)
        self.stage.line(
            CUSTOMS, f"decides {receipt.record_count} records", f"{len(rows)} declarations, each an entry of the log"
        )
        with self.stage.network.operator(CUSTOMS) as operator:
            for parcel in self.parcels:
                operator.ask("/share", {"subject": parcel.reference, "key": parcel.key.hex(), "members": FOLLOWERS})
        told = ", ".join(parcel.reference for parcel in self.parcels)
        self.stage.line(
            CUSTOMS, f"tells {', '.join(FOLLOWERS)} the keys of {told}", "in envelopes that only they can open"
        )

    def _move(self) -> None:
        self.stage.scene("Parcels leave, and one seal is tampered with on the way")
        for who, kinds in (
            ("customs-south", ("presented",)),
            ("courier", ("loaded", "departed")),
            ("port", ("arrived",)),
        ):
            told = [
                self.stage.told(kind, parcel.reference, fields=(("place", f"{who}, shed 4"), ("flight", "EX 401")))
                for parcel in self.parcels
                for kind in kinds
            ]
            placed = self.stage.tell(who, told)
            self.stage.line(who, f"{' and '.join(kinds)}: {len(self.parcels)} parcels", _range(placed))
        sealed = self.parcels[1].reference
        placed = self.stage.tell(
            "port", [self.stage.told(kind, sealed, fields=(("seal", "S-77"),)) for kind in ("seal_bound", "seal_alarm")]
        )
        self.stage.line("port", f"seal_bound and seal_alarm on {sealed}", _range(placed))

    def _arrive(self, store: PostgresStore) -> None:
        self.stage.scene("The goods have arrived: customs' house decides again")
        desk = Desk(store)
        for parcel in self.parcels:
            desk.confirm_arrival(parcel.declaration_id, "demo", "the flight has landed", on=LEGAL_DAY)
        self._relayed(store)
        for parcel in self.parcels:
            row = next(iter(store.declarations(Filter(references=(parcel.reference,)))))
            parcel.state = row.state.value
            last = store.logs.of_subject(subject_of(parcel.declaration_id))[-1]
            facts = Leaf.parse(last.entry).facts
            self.stage.line(CUSTOMS, f"decided on {parcel.reference}", ", ".join(f"{k} {v}" for k, v in facts.items()))
        with self.stage.network.operator(CUSTOMS) as operator:
            for each in operator.not_taken():
                parcel = next(p for p in self.parcels if subject_of(p.declaration_id) == each["subject"])
                parcel.state = "held"
                said = each["refused"]
                self.stage.line(
                    "the contract",
                    f"does not take the release of {parcel.reference}",
                    f"{said['why']} ({said['code']})",
                )

    def _tampered(self) -> None:
        parcel = next((each for each in self.parcels if each.state == "held"), None)
        if parcel is None:
            return
        self.stage.scene("Customs examine the parcel whose seal was tampered with")
        self.stage.tell("courier", [self.stage.told("delivered", parcel.reference)])
        told = [
            self.stage.told("examined", parcel.reference, fields=(("found", "as declared"),), result="satisfactory"),
            self.stage.told("hold_lifted", parcel.reference),
            self.stage.told("released", parcel.reference),
        ]
        placed = self.stage.tell(CUSTOMS, told)
        parcel.state = "released"
        self.stage.line(CUSTOMS, f"examined, hold_lifted, released: {parcel.reference}", _range(placed))

    def _deliver(self) -> None:
        self.stage.scene("What is released is delivered, and nothing else")
        for parcel in self.parcels:
            (placed,) = self.stage.tell("courier", [self.stage.told("delivered", parcel.reference)])
            if placed.refuse is None:
                self.stage.line("courier", f"delivered {parcel.reference}", _where(placed))

    def _pay(self) -> None:
        self.stage.scene("The marketplace has collected the tax at the sale, and says so")
        for parcel in self.parcels:
            collected = self.collected.get(parcel.reference)
            if collected is None or not Decimal(collected["amount"]):
                continue
            amount, currency = collected["amount"], collected["currency"]
            parcel.due = f"{amount} {currency}"
            fields = _payment(amount, currency)
            (placed,) = self.stage.tell("marketplace", [self.stage.told("paid", parcel.reference, fields=fields)])
            if placed.refuse is None:
                self.payments.append((parcel, placed, fields))
        paid = ", ".join(f"{parcel.reference} {parcel.due}" for parcel, _, _ in self.payments)
        self.stage.line("marketplace", f"paid: {len(self.payments)} parcels", paid or "nothing was due")

    def _draw(self) -> None:
        self.stage.scene("The permit is drawn down, and not below zero")
        for parcel in self.parcels[:2]:
            share = WHOLE_SHARE * 6 // 10
            told = self.stage.told("permit_drawn", parcel.reference, permit=self.permit_scope, share=share)
            (placed,) = self.stage.tell(CUSTOMS, [told])
            if placed.refuse is None:
                self.stage.line(CUSTOMS, f"permit_drawn for {parcel.reference}: 60 %", _where(placed))

    def _give_back(self) -> None:
        if not self.payments:
            return
        self.stage.scene("One parcel goes back: its tax is refunded, once")
        parcel, payment, fields = self.payments[0]
        (placed,) = self.stage.tell("courier", [self.stage.told("returned", parcel.reference)])
        self.stage.line("courier", f"returned {parcel.reference}", _where(placed))
        assert payment.index is not None
        for _ in range(2):
            told = self.stage.told(
                "refunded", parcel.reference, fields=fields, payment=payment.index, share=WHOLE_SHARE
            )
            (placed,) = self.stage.tell("marketplace", [told])
            if placed.refuse is None:
                self.payments.append((parcel, placed, fields))
                self.stage.line("marketplace", f"refunded {parcel.due} of {parcel.reference}", _where(placed))

    def _settle(self) -> None:
        self.stage.scene("Marketplace and customs settle what was collected")
        settlement = self.settlement()
        if settlement is None:
            return
        seed = secrets.token_bytes(32)
        body = settlement.body(self.stage.charter.origin, ("marketplace", CUSTOMS), seed)
        self.stage.decide("marketplace", body, ("marketplace", CUSTOMS))
        for each in settlement.owed:
            self.stage.line(
                each.debtor, f"owes {each.creditor} for {settlement.period}", f"{each.amount} {each.currency}"
            )

    def settlement(self) -> Settlement | None:
        """What the payments come to, opened by the one that recorded them; None where there were none."""
        openings = []
        for parcel, placed, fields in self.payments:
            committed = commit(entry_seed(parcel.key, placed.label), fields)
            assert placed.index is not None
            told = tuple(committed.disclose(name) for name, _ in fields)
            openings.append(Opening(placed.index, placed.entry, told))
        return settle(openings, PERIOD) if openings else None

    def _open_house(self, store: PostgresStore) -> None:
        """What customs' house is bound to is opened to customs' own member, which shows it."""
        with self.stage.network.operator(CUSTOMS) as operator:
            for parcel in self.parcels:
                recorded = store.logs.of_subject(subject_of(parcel.declaration_id))
                told = [
                    {"label": each.label, "entry": each.entry, "fields": list(fields_of(store, each))}
                    for each in recorded
                ]
                operator.ask(f"/openings?subject={parcel.reference}", msgspec.json.encode(told))

    def _relayed(self, store: PostgresStore) -> None:
        """Return once all that the house has recorded was handed on, and is final."""
        wanted = sum(len(store.logs.after(log.origin_id, 0, 100_000)) for log in store.logs.logs())
        until = time.monotonic() + RELAY_SECONDS_MAX
        with self.stage.network.operator(CUSTOMS) as operator:
            while operator.relayed() < wanted:
                if time.monotonic() > until:
                    raise LocalError("the house's record was not handed on in time", hint="is the machine very busy?")
                time.sleep(0.05)

    def views(self) -> list[dict[str, Any]]:
        """The second parcel, whose seal was tampered with, as each member sees it."""
        parcel, found = self.parcels[1], []
        for who in self.stage.charter.members:
            with self.stage.network.operator(who) as operator:
                found.append({"subject": parcel.reference, **operator.view(parcel.reference, scope_id(parcel.key))})
        return found


def _payment(amount: str, currency: str) -> tuple[tuple[str, str], ...]:
    return (
        ("amount", amount), ("currency", currency), ("collector", "marketplace"), ("period", PERIOD),
        (f"due:{CUSTOMS}", amount),
    )  # fmt: skip


def _where(placed: Placed) -> str:
    return f"promised as entry {placed.index}" if placed.refuse is None else f"refused ({placed.refuse.code})"


def _range(placed: list[Placed]) -> str:
    taken = [each.index for each in placed if each.index is not None]
    return f"promised as entries {taken[0]} to {taken[-1]}" if taken else "nothing was taken"
