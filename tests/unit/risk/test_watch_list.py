"""The watch list: who is looked for, in which parts of a declaration."""

from __future__ import annotations

from datetime import date

from tidewaiter.model.declaration import Declaration, GoodsItem, Party
from tidewaiter.risk.watch_list import WatchIndex, WatchListEntry

ON = date(2026, 3, 2)
INDEX = WatchIndex([WatchListEntry(entry_id="7", words="Known.", names=("Bad Ltd",))], ON)


def test_parties_of_lines_are_found_once_each_with_their_place() -> None:
    bad, good = Party(name="BAD limited"), Party(name="Good")
    items = (
        GoodsItem(line_no=1, consignor=good, consignee=good),
        GoodsItem(line_no=2, consignee=bad),
        GoodsItem(line_no=3, consignor=bad, consignee=bad),
    )
    reasons = INDEX.reasons(Declaration(consignor=bad, goods_items=items))
    assert [reason.pointer for reason in reasons] == [
        "consignor.name", "goods_items[2].consignee.name", "goods_items[3].consignor.name",
    ]  # fmt: skip
    assert reasons[1].words.startswith("The consignee's name is on the watch list (matched: bad).")
