"""Whatever is done to an air waybill, reading it says something and takes no time; what is read is written back."""

from __future__ import annotations

import io
import random
import time

import pytest

from tidewaiter.cli.bench.fuzzing.mutating import Mutator
from tidewaiter.messages import forms
from tidewaiter.messages.air_cargo import pre_loading, programme
from tidewaiter.messages.form import Form
from tidewaiter.model.decision import Decision, Evaluation, NoticeKind, State
from tidewaiter.model.declaration import Declaration
from tidewaiter.model.errors import MessageError
from waybills import FFM, FHL, FHL_LIST, FHL_NAMED, FWB, xfhl, xfwb, xfzb

SEEDS = {
    "cargo-xml": [xfwb(), xfzb(), xfhl(("KEEL1", "2", "20"), ("KEEL2", "3", "22.5"))],
    "cargo-imp": [FWB, FHL, FHL_NAMED, FHL_LIST, FFM],
}
ROUNDS = 1200
SECONDS_MAX = 1.0


def looked_at(form: Form, body: bytes) -> None:
    """One spoilt message read, located, answered and written."""
    reading = form.read(body)
    assert reading.declaration is not None or reading.findings
    declared = reading.declaration
    if declared is None:
        return
    for element in pre_loading.pre_loading(declared, form.locate):
        assert element.place
    for finding in reading.findings:
        assert finding.place
    programme.published(declared, reading.findings)
    try:
        written = form.write([declared])
    except MessageError:
        return
    assert form.read(written).declaration == declared


@pytest.mark.parametrize("name", SEEDS)
def test_a_spoilt_message_is_read_without_error_of_ours(name: str) -> None:
    form = forms.by_name(name)
    mutator = Mutator([seed.encode() for seed in SEEDS[name]], random.Random(20260615))
    for _ in range(ROUNDS):
        body = mutator.message()
        form.recognises(body)
        began = time.process_time()
        try:
            records = list(form.split(io.BytesIO(body)))
        except MessageError:
            records = []
        for record in records:
            looked_at(form, record.body)
        looked_at(form, body)
        assert time.process_time() - began < SECONDS_MAX


@pytest.mark.parametrize("name", SEEDS)
def test_a_large_message_takes_time_in_proportion(name: str) -> None:
    form = forms.by_name(name)
    if name == "cargo-xml":
        body = xfhl(*((f"H{at}", "1", "1") for at in range(9_000))).encode()
    else:
        body = ("FHL/4\nMBI/999-00000011ORKYVR/T5K42.5\n" + "HBS/H/ORKYVR/1/K1//GOODS\n" * 9_000).encode()
    began = time.process_time()
    reading = form.read(body)
    assert reading.declaration is not None
    assert len(reading.declaration.goods_items) == 9_000
    places = {form.locate(reading.declaration, f"goods_items[{line}].description") for line in range(1, 9_001)}
    assert len(places) == 9_000
    assert time.process_time() - began < 20


@pytest.mark.parametrize("name", SEEDS)
def test_too_many_waybills_in_one_list_are_refused(name: str) -> None:
    form = forms.by_name(name)
    if name == "cargo-xml":
        body = xfhl(*((f"H{at}", "1", "1") for at in range(10_000))).encode()
    else:
        body = ("FHL/4\nMBI/999-00000011ORKYVR/T5K42.5\n" + "HBS/H/ORKYVR/1/K1//GOODS\n" * 10_000).encode()
    (found,) = form.read(body).findings
    assert found.rule_id == "message.limit"


def test_an_answer_is_written_to_anything() -> None:
    from datetime import UTC, date, datetime

    from tidewaiter.messages.cargo_imp import answers as text
    from tidewaiter.messages.cargo_xml import answers as cargo_xml

    decision = Decision(
        state=State.REJECTED, lane=None, category=None, dataset="", holds=(), on_arrival=None, words="", notices=()
    )
    evaluation = Evaluation(
        legal_day=date(2026, 6, 15), findings=(), assessment=None, judgement=None, decision=decision
    )
    at = datetime(2026, 6, 15, tzinfo=UTC)
    for kind in NoticeKind:
        for declared in (Declaration(), Declaration(procedure_category="H7"), Declaration(procedure_category="PLACI")):
            cargo_xml.write_answer(kind, declared, evaluation, registered_id="", issued_at=at)
            text.write_answer(kind, declared, evaluation, issued_at=at)
