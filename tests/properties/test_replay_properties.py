"""Whatever is handed in: it is decided, the decision fits into evidence and rows, and comes out the same again."""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import cache
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tidewaiter.cli.bench import parcels
from tidewaiter.messages import forms
from tidewaiter.model.declaration import Declaration, GoodsItem, MessageFunction
from tidewaiter.model.money import Money
from tidewaiter.store import rows
from tidewaiter.workflow.batching import Slice, batch_of, new_entry
from tidewaiter.workflow.deciding import decide_piece
from tidewaiter.workflow.pieces import Piece
from tidewaiter.workflow.records import Incoming, Kept, Seed, WatchList
from tidewaiter.workflow.replay import Player
from tidewaiter.workflow.shelf import Contents, Shelf

DAY = date(2026, 11, 20)
SEED = Seed(seed_id="day-2026-11-20", drawn_for=DAY, seed=b"\x07" * 32)
FEW = settings(deadline=None, max_examples=60)

amounts = st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**6), max_value=10**9)
money = st.builds(Money, amounts, st.sampled_from(["EUR", "GBP", "DKK", "USD", "XXX", ""]))
texts = st.text(max_size=120)
items = st.builds(
    GoodsItem,
    line_no=st.integers(-3, 10**12),
    description=texts,
    commodity_code=st.sampled_from(["610910", "6109100010", "", "999999", "93019000", "x\ty"]),
    origin_country_code=st.sampled_from(["CN", "DK", "ZZ", ""]),
    net_mass_kg=st.none() | amounts,
    invoice_price=st.none() | money,
)


@st.composite
def declarations(draw: st.DrawFn) -> Declaration:
    """A sound declaration with a few things changed at random."""
    sound = _sound()[draw(st.integers(0, len(_sound()) - 1))]
    changes: dict[str, Any] = draw(
        st.fixed_dictionaries(
            {},
            optional={
                "functional_reference_id": texts,
                "jurisdiction_code": st.sampled_from(["DK", "GB", "FR", "dk", ""]),
                "procedure_category": st.sampled_from(["H7", "H1", "", "??"]),
                "function": st.sampled_from(MessageFunction),
                "freight": st.none() | money,
                "quote_id": st.sampled_from(["TWQ-12345678-12345678-12345678-12345678-12345678", "TWQ"]) | texts,
                "discount": st.none() | money,
                "goods_items": st.lists(items, max_size=4).map(tuple),
            },
        )
    )
    return replace(sound, **changes)


@cache
def _sound() -> tuple[Declaration, ...]:
    return tuple(parcels.declarations("json", 10, 5, DAY))


class KnowledgeOnly:
    """The part of a store that replaying one decision asks for."""

    def __init__(self) -> None:
        self.contents: dict[str, tuple[str, bytes]] = {}

    def keep(self, contents: Contents) -> None:
        self.contents.update(contents)

    def knowledge(self, digest: str) -> bytes:
        return self.contents[digest][1]

    def seed_by_id(self, seed_id: str) -> Seed:
        assert seed_id == SEED.seed_id
        return SEED


@cache
def kept_and_shelf() -> tuple[KnowledgeOnly, Shelf]:
    kept = KnowledgeOnly()
    return kept, Shelf(WatchList(version=0, entries=b"[]"), kept.keep)


INCOMING = Incoming(
    message_id=1,
    sender_id=1,
    digest="ab" * 32,
    received_at=datetime(2026, 11, 20, tzinfo=UTC),
    legal_day=DAY,
    seed=SEED,
)


def through_evidence(piece: Piece) -> Kept:
    """The decision on one record, written to evidence and read from it again."""
    decided = decide_piece(piece, INCOMING, kept_and_shelf()[1])
    assert not any(finding.rule_id == "submission.fault" for finding in decided.evaluation.findings)
    batch = batch_of(Slice(incoming=INCOMING, pieces=(piece,)))
    encoded = rows.encode(batch, [new_entry(decided, 7)])
    assert len(rows.as_json(rows.DECLARATION_COLUMNS, encoded.declarations)) > 0
    assert encoded.declarations.count(b"\n") == 1
    assert encoded.declarations.count(b"\t") == rows.DECLARATION_COLUMNS.count(",")
    assert encoded.goods_items.count(b"\t") == rows.GOODS_ITEM_COLUMNS.count(",") * encoded.goods_items.count(b"\n")
    (kept,) = rows.decode_evidence(encoded.evidence)
    return kept


@FEW
@given(declarations())
def test_replay_gives_the_same_bytes(declaration: Declaration) -> None:
    piece = Piece(1, "json", forms.by_name("json").write([declaration]).rstrip())
    kept = through_evidence(piece)
    report = Player(kept_and_shelf()[0]).play(kept, piece)  # type: ignore[arg-type]
    assert report.differences == ()
    assert report.same == 1


@FEW
@given(st.binary(max_size=400))
def test_any_bytes_are_decided_and_replayed(body: bytes) -> None:
    for name in ("json", "wco-dm", "h7"):
        piece = Piece(3, name, body)
        kept = through_evidence(piece)
        assert Player(kept_and_shelf()[0]).play(kept, piece).same == 1  # type: ignore[arg-type]


@FEW
@given(declarations())
def test_other_bytes_come_out_otherwise_and_are_told(declaration: Declaration) -> None:
    """A record altered after the decision is noticed, unless what was altered decides nothing."""
    form = forms.by_name("json")
    kept = through_evidence(Piece(1, "json", form.write([declaration]).rstrip()))
    altered = replace(
        declaration, goods_items=(*declaration.goods_items, GoodsItem(line_no=99, description="a kettle"))
    )
    report = Player(kept_and_shelf()[0]).play(kept, Piece(1, "json", form.write([altered]).rstrip()))  # type: ignore[arg-type]
    decided_on_nothing = b'"assessment":null' in kept.evaluation
    assert report.same == 0 or decided_on_nothing
    for difference in report.differences:
        assert difference.lines
        assert "declaration 7" in str(difference)
