"""Canonical pointers and JSON pointers."""

from __future__ import annotations

import pytest

from tidewaiter.messages.pointers import canonical, json_pointer, json_steps, steps


@pytest.mark.parametrize(
    ("pointer", "path"),
    [
        ("", ()),
        ("functional_reference_id", ("functional_reference_id",)),
        ("goods_items[2].documents[1].type_code", ("goods_items", 1, "documents", 0, "type_code")),
        ("guarantee_ids[3]", ("guarantee_ids", 2)),
    ],
)
def test_steps_and_back(pointer: str, path: tuple[str | int, ...]) -> None:
    assert steps(pointer) == path
    assert canonical(path) == pointer


def test_properties_point_at_the_element_they_are_read_from() -> None:
    assert steps("goods_items[1].hs_code") == ("goods_items", 0, "commodity_code")


@pytest.mark.parametrize(("name", "written"), [("a/b", "/a~1b"), ("m~n", "/m~0n"), ("~1", "/~01"), ("", "/")])
def test_json_pointers_escape_as_rfc_6901_says(name: str, written: str) -> None:
    assert json_pointer((name,)) == written
    assert json_steps(written) == (name,)


def test_what_does_not_begin_with_a_slash_is_no_json_pointer() -> None:
    assert json_steps("row") is None
