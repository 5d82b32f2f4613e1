"""Any text at all is read without raising, in bounded time, and always with the same answer."""

from __future__ import annotations

import time

from hypothesis import given, settings
from hypothesis import strategies as st

from tidewaiter.classification.agreement import disagreement
from tidewaiter.classification.candidates import candidates
from tidewaiter.classification.goods import goods
from tidewaiter.quality.wording import fault

NAMES = sorted(" ".join(phrase) for phrase in goods().names)
TEXTS = st.one_of(
    st.text(max_size=200),
    st.lists(st.sampled_from(NAMES) | st.text(max_size=8), max_size=12).map(" ".join),
)


@settings(max_examples=150, deadline=None)
@given(TEXTS, st.text("0123456789", max_size=10))
def test_any_text_is_read(text: str, code: str) -> None:
    found = candidates(text, details=text, category=text)
    assert found == candidates(text, details=text, category=text)
    assert all(len(each.hs_code) == 6 and 0 <= each.share_percent <= 100 for each in found)
    fault(text)
    doubted = disagreement(text, code)
    assert doubted is None or doubted.hs_code[:2] != code[:2]


@given(st.sampled_from(NAMES))
@settings(max_examples=200, deadline=None)
def test_a_name_is_never_vague_by_the_model(name: str) -> None:
    assert fault(name) != "unclear"


def test_the_longest_text_is_read_within_a_second() -> None:
    started = time.process_time()
    candidates("phone case for " * 2_000)
    fault("phone case for " * 2_000)
    assert time.process_time() - started < 1
