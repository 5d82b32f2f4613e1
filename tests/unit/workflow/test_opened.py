"""What was opened last is held open, up to a size."""

from __future__ import annotations

from tidewaiter.store.opened import Opened, OpenedBlock


def test_what_was_used_longest_ago_goes_first() -> None:
    opened: Opened[int, str] = Opened(bytes_max=10)
    opened.put(1, "one", 4)
    opened.put(2, "two", 4)
    assert opened.get(1) == "one"
    opened.put(3, "three", 4)
    assert opened.get(2) is None
    assert opened.all() == ["three", "one"]


def test_what_is_larger_than_all_of_it_is_not_held() -> None:
    opened: Opened[int, str] = Opened(bytes_max=10)
    opened.put(1, "one", 4)
    opened.put(2, "two", 11)
    assert opened.all() == ["one"]


def test_a_block_knows_the_records_it_spans() -> None:
    block = OpenedBlock(block_id=7, message_id=5, first_position=257, kept=(), bodies=None)
    assert block.index(5, 257) is None
    assert OpenedBlock(block_id=7, message_id=5, first_position=None, kept=(), bodies=None).index(5, 1) is None
