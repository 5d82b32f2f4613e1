"""What every anchor promises (`tidewaiter.network.adapters.anchors`), asked of each of them alike."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("coincurve", reason="the extra `evm` is not installed")

from anchors import POLICY, ContractPlace, FilePlace, GrowingLog, place
from evm_chain import root
from ledgers import ORIGIN
from tidewaiter.ledger.checkpoints import Checkpoint
from tidewaiter.ledger.merkle import EMPTY_ROOT
from tidewaiter.network.adapters.anchors import (
    Anchor,
    Anchored,
    AnchorRefusedError,
    Why,
    compared,
    publish_final,
)

OTHER = "record.example/2027"


@pytest.fixture(params=["file", "evm"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FilePlace | ContractPlace]:
    with place(request.param, tmp_path) as made:
        yield made


def told(anchored: Anchored | None) -> tuple[int, bytes] | None:
    return (anchored.size, anchored.root) if anchored else None


def all_told(anchor: Anchor, origin: str = ORIGIN) -> list[tuple[int, bytes]]:
    return [(each.size, each.root) for each in anchor.history(origin)]


def refused(anchor: Anchor, checkpoint: Checkpoint) -> Why:
    with pytest.raises(AnchorRefusedError) as refusal:
        anchor.publish(checkpoint)
    assert refusal.value.detail
    return refusal.value.why


def test_anchors_are_told_as_they_were_written(where: FilePlace | ContractPlace) -> None:
    anchor = where.opened()
    assert anchor.latest(ORIGIN) is anchor.find(ORIGIN, 7) is None
    assert anchor.history(ORIGIN) == () or anchor.history(ORIGIN) == []
    written = [(7, root("a")), (8, root("b")), (2**40, root("c")), (2**63 - 1, root("d"))]
    for size, of in written:
        published = anchor.publish(Checkpoint(ORIGIN, size, of))
        assert told(published) == told(anchor.latest(ORIGIN)) == told(anchor.find(ORIGIN, size)) == (size, of)
        assert published.where
    assert all_told(anchor) == written
    assert anchor.find(ORIGIN, 9) is None
    assert all_told(where.opened()) == written


def test_the_same_again_is_the_same(where: FilePlace | ContractPlace) -> None:
    checkpoint = Checkpoint(ORIGIN, 7, root("a"))
    where.opened().publish(checkpoint)
    where.opened().publish(Checkpoint(ORIGIN, 9, root("b")))
    for _ in range(2):
        assert told(where.opened().publish(checkpoint)) == (7, root("a"))
    assert all_told(where.opened()) == [(7, root("a")), (9, root("b"))]


def test_another_root_at_a_size_is_refused(where: FilePlace | ContractPlace) -> None:
    for size in (7, 9):
        where.opened().publish(Checkpoint(ORIGIN, size, root(str(size))))
    for size in (7, 9):
        assert refused(where.opened(), Checkpoint(ORIGIN, size, root("another"))) is Why.CONFLICTING
    assert all_told(where.opened()) == [(7, root("7")), (9, root("9"))]


def test_anchors_only_grow(where: FilePlace | ContractPlace) -> None:
    anchor = where.opened()
    anchor.publish(Checkpoint(ORIGIN, 9, root("a")))
    for size in (1, 8):
        assert refused(anchor, Checkpoint(ORIGIN, size, root("b"))) is Why.NOT_GROWN
    assert refused(anchor, Checkpoint(OTHER, 0, EMPTY_ROOT)) is Why.EMPTY
    assert all_told(anchor) == [(9, root("a"))]


def test_logs_do_not_touch_one_another(where: FilePlace | ContractPlace) -> None:
    anchor = where.opened()
    anchor.publish(Checkpoint(ORIGIN, 9, root("a")))
    anchor.publish(Checkpoint(OTHER, 3, root("b")))
    anchor.publish(Checkpoint(OTHER, 9, root("c")))
    assert all_told(anchor) == [(9, root("a"))]
    assert all_told(anchor, OTHER) == [(3, root("b")), (9, root("c"))]


def test_anchors_are_there_after_a_restart(where: FilePlace | ContractPlace) -> None:
    where.opened().publish(Checkpoint(ORIGIN, 7, root("a")))
    where.opened().publish(Checkpoint(ORIGIN, 9, root("b")))
    anchor = where.restarted()
    assert all_told(anchor) == [(7, root("a")), (9, root("b"))]
    assert refused(anchor, Checkpoint(ORIGIN, 9, root("c"))) is Why.CONFLICTING
    anchor.publish(Checkpoint(ORIGIN, 11, root("c")))
    assert told(anchor.latest(ORIGIN)) == (11, root("c"))


def test_final_checkpoints_of_a_growing_log_are_anchored(where: FilePlace | ContractPlace, tmp_path: Path) -> None:
    log, anchor = GrowingLog(tmp_path / "log"), where.opened()
    for size in (1, 255, 300, 1_000):
        assert publish_final(anchor, log.grown(size), POLICY, log.read).size == size
    believed = POLICY.believed(log.grown(1_100))
    assert believed.checkpoint is not None
    found = list(compared(anchor, believed.checkpoint, log.read))
    assert [(each.anchored.size, each.verdict.reason) for each in found] == [(1, ""), (255, ""), (300, ""), (1_000, "")]


def test_what_is_not_final_is_not_anchored(where: FilePlace | ContractPlace, tmp_path: Path) -> None:
    log, anchor = GrowingLog(tmp_path / "log"), where.opened()
    with pytest.raises(AnchorRefusedError, match="quorum is not met") as refusal:
        publish_final(anchor, log.grown(10, members=2), POLICY, log.read)
    assert refusal.value.why is Why.NOT_FINAL
    with pytest.raises(AnchorRefusedError, match=r"is not final: the signature of"):
        publish_final(anchor, log.grown(10).replace(b"\n10\n", b"\n11\n"), POLICY, log.read)
    assert anchor.latest(ORIGIN) is None


def test_a_rewritten_log_is_found_out(where: FilePlace | ContractPlace, tmp_path: Path) -> None:
    """Even where a quorum signed the other past: that is what an anchor is for."""
    log, anchor = GrowingLog(tmp_path / "log"), where.opened()
    publish_final(anchor, log.grown(100), POLICY, log.read)
    publish_final(anchor, log.grown(300), POLICY, log.read)
    rewritten = GrowingLog(tmp_path / "rewritten", "another entry")
    with pytest.raises(AnchorRefusedError) as refusal:
        publish_final(anchor, rewritten.grown(400), POLICY, rewritten.read)
    assert refusal.value.why is Why.NOT_CONSISTENT
    of_that_size = GrowingLog(tmp_path / "of that size", "yet another entry")
    with pytest.raises(AnchorRefusedError) as refusal:
        publish_final(anchor, of_that_size.grown(300), POLICY, of_that_size.read)
    assert refusal.value.why is Why.CONFLICTING
    shown = POLICY.believed((tmp_path / "rewritten" / "checkpoint").read_bytes())
    assert shown.verdict
    assert shown.checkpoint is not None
    found = list(compared(anchor, shown.checkpoint, rewritten.read))
    assert [(each.anchored.size, bool(each.verdict)) for each in found] == [(100, False), (300, False)]
    assert all(each.verdict.reason for each in found)


def test_a_log_that_is_shown_shorter_is_found_out(where: FilePlace | ContractPlace, tmp_path: Path) -> None:
    log, anchor = GrowingLog(tmp_path / "log"), where.opened()
    early = log.grown(100)
    publish_final(anchor, early, POLICY, log.read)
    publish_final(anchor, log.grown(300), POLICY, log.read)
    shown = POLICY.believed(early).checkpoint
    assert shown is not None
    found = list(compared(anchor, shown, log.read))
    assert [each.verdict.reason for each in found] == ["", "the log is shown with 100 entries only"]


def test_tiles_that_are_missing_or_altered_prove_nothing(where: FilePlace | ContractPlace, tmp_path: Path) -> None:
    log, anchor = GrowingLog(tmp_path / "log"), where.opened()
    publish_final(anchor, log.grown(100), POLICY, log.read)
    note = log.grown(300)
    tile = log.folder / "tile/0/000"
    good = tile.read_bytes()
    for data in (None, good[:-1] + bytes([good[-1] ^ 1]), good[:-32]):
        tile.unlink() if data is None else tile.write_bytes(data)
        with pytest.raises(AnchorRefusedError) as refusal:
            publish_final(anchor, note, POLICY, log.read)
        assert refusal.value.why is Why.NOT_CONSISTENT
    tile.write_bytes(good)
    assert publish_final(anchor, note, POLICY, log.read).size == 300
