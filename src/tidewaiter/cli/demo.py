"""`tidewaiter demo`: parcels written for this purpose, handed in, decided, and shown."""

from __future__ import annotations

import contextlib
import io
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Annotated, Any, Literal

import msgspec
from cyclopts import Parameter
from ruamel.yaml import YAML

from tidewaiter.cli import output
from tidewaiter.cli.output import Output
from tidewaiter.cli.receipts import receipt_row
from tidewaiter.model.canonical import canonical_bytes
from tidewaiter.model.decision import State
from tidewaiter.model.errors import ConflictError
from tidewaiter.release import Trigger
from tidewaiter.revenue.guarantees import Grant
from tidewaiter.revenue.payments import Draft
from tidewaiter.revenue.postings import Account
from tidewaiter.risk.policy import Budget, load_policy, shipped_text
from tidewaiter.risk.watch_list import WatchListEntry
from tidewaiter.store import PostgresStore
from tidewaiter.store.accounts import MATCHING
from tidewaiter.workflow.covering import why_uncovered
from tidewaiter.workflow.desk import Desk
from tidewaiter.workflow.intake import Intake
from tidewaiter.workflow.paying import take_payment
from tidewaiter.workflow.policies import Policies, policy_key
from tidewaiter.workflow.ports import Filter
from tidewaiter.workflow.records import Receipt
from tidewaiter.workflow.return_records import CaseFilter
from tidewaiter.workflow.returning import Handed, Returning
from tidewaiter.workflow.rule_set_records import Key
from tidewaiter.workflow.rule_sets import RuleSets, Who


class DemoFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file of the demonstration: who hands it in, on which legal day, and what it shows."""

    file: str
    sender: str
    legal_day: date
    shows: str


class DemoReturns(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file with returns or exit events; `pays` is the import whose charges are paid after it."""

    file: str
    kind: Literal["returns", "exit_events"]
    sender: str
    received_on: date
    shows: str
    pays: str = ""


class DemoMovement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file with events of movement, and who tells of them."""

    file: str
    sender: str
    shows: str


class DemoRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of targeting rules, and what becomes of it: published, or put on trial."""

    name: str
    file: str
    becomes: Literal["published", "shadow"]


class Demonstration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`data/samples/demo.yaml`."""

    title: str
    watch_list: tuple[WatchListEntry, ...]
    guarantees: tuple[Grant, ...]
    rules: tuple[DemoRules, ...]
    budgets: dict[str, Budget]
    files: tuple[DemoFile, ...]
    movement: tuple[DemoMovement, ...]
    returns: tuple[DemoReturns, ...]


def demo(
    *,
    serve: Annotated[bool, Parameter(negative="", help="Serve the pages afterwards.")] = False,
    host: Annotated[str, Parameter(help="Address to serve on.")] = "127.0.0.1",
    port: Annotated[int, Parameter(help="Port to serve on.")] = 8400,
    output_as: Output = Output(),  # noqa: B008 (frozen)
) -> int:
    """Load the demonstration into the database, decide every parcel, and print a summary; safe to repeat."""
    from tidewaiter.cli.accounts.booking import catch_up
    from tidewaiter.cli.session import opened_store

    with opened_store() as store:
        folder = resources.files("tidewaiter.data") / "samples"
        demonstration = _read(folder / "demo.yaml")
        _watch(store, demonstration.watch_list)
        _guarantee(store, demonstration.guarantees)
        _target(store, folder, demonstration.rules)
        allot(store, demonstration.budgets)
        receipts = _hand_in(store, folder, demonstration.files)
        rows = [receipt_row(entry.file, receipt) for entry, receipt in zip(demonstration.files, receipts, strict=True)]
        output.print_rows(rows, output_as, title=demonstration.title)
        _move(store, folder, demonstration.movement)
        _land(store, min(entry.legal_day for entry in demonstration.files))
        _take_back(store, folder, demonstration.returns)
        catch_up(store)
        if not (output_as.json or output_as.csv):
            output.out().print()
            output.print_rows(_returned(store), output_as, title="Returns (tidewaiter return explain HLM-R-0701)")
            output.out().print()
            output.print_rows(
                _named(store), output_as, title="Parcels that name a guarantee (tidewaiter decision explain ANK-1110)"
            )
            output.out().print()
            output.print_rows(_summary(store), output_as, title="All parcels kept")
        if serve:
            _serve(store, host, port)
    return output.EXIT_OK


def _move(store: PostgresStore, folder: Traversable, files: Iterable[DemoMovement]) -> None:
    """Take in what was told of the goods' way."""
    from tidewaiter.web.house import capturing_on, now
    from tidewaiter.workflow.event_ports import Captor

    for entry in files:
        sender_id = store.senders.ensure(entry.sender).sender_id
        store.senders.entrust(sender_id, tells_of_all=True)
        by = Captor(entry.sender, sender_id)
        capturing_on(store).capture(folder.joinpath(entry.file).read_bytes(), by, now())


def _read(manifest: Traversable) -> Demonstration:
    return msgspec.convert(YAML(typ="safe").load(manifest.read_text("utf-8")), Demonstration, strict=False)


def _watch(store: PostgresStore, entries: Iterable[WatchListEntry]) -> None:
    """Put entries on the watch list unless they stand there as they are."""
    kept = msgspec.json.decode(store.senders.watch_list().entries, type=list[WatchListEntry])
    fresh = [canonical_bytes(entry) for entry in entries if entry not in kept]
    if fresh:
        store.senders.change_watch_list(fresh, [], actor="demo", words="the demonstration")


def _guarantee(store: PostgresStore, grants: Iterable[Grant]) -> None:
    """Grant guarantees, as two persons do, unless they were granted before."""
    guarantees = store.accounts.guarantees
    for grant in grants:
        if not guarantees.named([grant.guarantee_id]):
            guarantees.approve(guarantees.enter(grant, "demo"), "demo's second person")


def _target(store: PostgresStore, folder: Traversable, rules: Iterable[DemoRules]) -> None:
    """Publish rules, or put them on trial, as two persons do, unless that was done before."""
    life = RuleSets(store)
    for each in rules:
        key, who = Key(each.name), Who("demo", "the demonstration")
        text = (folder / each.file).read_text("utf-8")
        if any(version.text == text for version in store.rule_sets.versions(key)):
            continue
        number = life.begin(key, text, who).version
        life.check(key, number, who)
        if each.becomes == "shadow":
            life.start_trial(key, number, who)
            continue
        _publish(life, key, number)


def allot(store: PostgresStore, budgets: Mapping[str, Budget]) -> None:
    """Publish the policy that ships with budgets for offices, as two persons do, unless a policy was written before."""
    life, key = Policies(store), policy_key()
    if store.rule_sets.versions(key):
        return
    text = shipped_text().replace(load_policy().title, "Selection policy of the demonstration, with a budget", 1)
    lines = [
        f'  {office}: {{parcels: {budget.parcels}, random: "{budget.random}"}}\n' for office, budget in budgets.items()
    ]
    number = life.begin(key, f"{text}budgets:\n{''.join(lines)}", Who("demo", "the demonstration")).version
    life.check(key, number, Who("demo", "the demonstration"))
    _publish(life, key, number)


def _publish(life: RuleSets, key: Key, number: int) -> None:
    life.propose(key, number, Who("demo", "the demonstration"))
    life.approve(key, number, Who("demo's second person", "the demonstration"))
    life.publish(key, number, Who("demo", "the demonstration"))


def _hand_in(store: PostgresStore, folder: Traversable, files: tuple[DemoFile, ...]) -> list[Receipt]:
    receipts = []
    with Intake(store) as intake, output.progress() as bar:
        task = bar.add_task("clearing parcels", total=len(files))
        for entry in files:
            receipt = intake.submit(
                io.BytesIO((folder / entry.file).read_bytes()),
                sender_id=store.senders.ensure(entry.sender).sender_id,
                file_name=entry.file,
                transport="cli",
                legal_day=entry.legal_day,
            )
            receipts.append(receipt)
            bar.advance(task)
    return receipts


def _land(store: PostgresStore, on: date) -> None:
    """The parcels announced for the first day arrive; those of later days are still on their way."""
    desk = Desk(store)
    announced = store.declarations(Filter(state=State.RECEIVED, limit=1000))
    for row in announced:
        if row.legal_day == on:
            desk.confirm_arrival(row.declaration_id, "demo", "the demonstration's first flight has landed", on=on)


def _take_back(store: PostgresStore, folder: Traversable, files: tuple[DemoReturns, ...]) -> None:
    """Some goods go back; the charges of one import are paid before the proof of exit comes."""
    returning = Returning(store)
    for entry in files:
        handed = Handed(
            body=(folder / entry.file).read_bytes(), sender_id=store.senders.ensure(entry.sender).sender_id,
            transport="cli", file_name=entry.file, received_on=entry.received_on,
        )  # fmt: skip
        (returning.submit if entry.kind == "returns" else returning.submit_events)(handed)
        if entry.pays:
            _pay(store, entry.pays, entry.received_on)


def _pay(store: PostgresStore, reference: str, on: date) -> None:
    """Whoever owes the charges of an import pays them, unless that was done before."""
    subject = f"declaration:{store.find(reference)}"
    owed: dict[tuple[str, str], Decimal] = {}
    for posting in store.accounts.of_subjects([subject])[subject]:
        for entry in posting.entries:
            if entry.account is Account.RECEIVABLE:
                key = (entry.party, entry.currency)
                owed[key] = owed.get(key, Decimal(0)) + entry.amount
    for (party, currency), amount in owed.items():
        if amount > 0:
            payment = Draft(reference=f"demo {reference}", amount=amount, currency=currency, booked_on=on, payer=party)
            with contextlib.suppress(ConflictError):
                take_payment(payment, store.accounts, MATCHING)


def _returned(store: PostgresStore) -> list[dict[str, Any]]:
    return [
        {
            "case": row.case_no, "return": row.return_id, "import": row.declaration_id,
            "became": row.outcome.value if row.outcome else "", "amount": f"{row.amount} {row.currency}" if row.amount else "",
        }
        for row in reversed(store.returns.cases(CaseFilter()))
    ]  # fmt: skip


def _named(store: PostgresStore) -> list[dict[str, Any]]:
    """What became of the parcels that name a guarantee, by the accounts."""
    rows = []
    for row in store.declarations(Filter(limit=1000)):
        file = store.decision(row.declaration_id)
        if file.declaration is None or not file.declaration.guarantee_ids:
            continue
        lifted = [change.words for change in file.transitions if change.trigger == Trigger.PAYMENT_RECEIVED]
        waits = why_uncovered(store, store.accounts.guarantees, row.declaration_id, row.version)
        rows.append(
            {"parcel": row.functional_reference_id, "is": row.state.value, "because": " ".join(lifted or waits)}
        )
    return rows


def _summary(store: PostgresStore) -> list[dict[str, Any]]:
    counts = Counter(store.counts())
    kinds = {"state": "state", "lane": "lane"}
    return [
        {"": kinds[kind], "is": name.replace("_", " "), "parcels": count}
        for key, count in sorted(counts.items(), key=lambda entry: (entry[0].split(":")[0], -entry[1]))
        if ":" in key
        for kind, name in [key.split(":", 1)]
        if kind in kinds
    ]


def _serve(store: PostgresStore, host: str, port: int) -> None:
    from tidewaiter.web.serve import serve as serve_web

    output.out().print(f"\nPages and REST: http://{host}:{port}/   (Ctrl-C ends)", markup=False)
    serve_web(host=host, port=port, store=store)
