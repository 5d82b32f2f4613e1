"""The measuring commands on the real thing, with few records: the figures are there and hang together."""

from __future__ import annotations

import io
import os
import time

import pytest

from tidewaiter.cli.bench import bulk, filings, live, meters, parcels
from tidewaiter.messages import forms


def test_bulk_measures_a_whole_run() -> None:
    own = meters.memory_bytes([os.getpid()])  # all that ran here before is in it
    (report,) = bulk.run("json", 1_500, workers=2)
    assert report.consignments == sum(report.counts.values()) == 1_500
    assert report.counts["received"] > 1_400
    assert report.consignments_a_second > 0
    assert report.cpu_us_total >= report.cpu_us_postgresql > 0
    assert report.ratio_to_copy > 0
    assert 20 * 2**20 < report.peak_memory_bytes < own + 2**30
    assert {"split", "read", "quality", "assess", "targeting", "judge and decide", "canonical bytes", "encode"} == set(
        report.cpu_us_by_step
    )
    assert "consignments" in bulk.row(report)


def test_live_measures_durable_decisions() -> None:
    report = live.run(20, 1)
    assert report.requests == 20
    assert report.by_status == {"201": 20}
    assert report.failed == 0
    assert 0 < report.p50_ms <= report.p90_ms <= report.p99_ms <= report.max_ms
    assert min(report.cpu_ms_server, report.cpu_ms_postgresql, report.cpu_ms_client) > 0
    assert "p99" in live.row(report)


def test_meters_see_this_process() -> None:
    before = meters.cpu_seconds(os.getpid())
    until = time.process_time() + 0.1
    while time.process_time() < until:
        pass
    assert meters.cpu_seconds(os.getpid()) - before >= 0.05
    assert meters.memory_bytes([os.getpid()]) > 2**20
    assert meters.cpu_seconds(2**22 + 1) == 0


@pytest.mark.parametrize("kind", filings.KINDS)
def test_every_file_that_is_measured_is_taken_in(kind: str) -> None:
    for part in filings.parts(kind):
        body = b"".join(filings.message(part, parcels.BATCH + 1, 1, bulk.ON))  # the last by itself
        form = forms.by_name(part.form)
        declarations = [form.read(record.body).declaration for record in form.split(io.BytesIO(body))]
        wanted = list(part.declarations(parcels.BATCH + 1, 1, bulk.ON))
        assert [each.functional_reference_id for each in declarations if each is not None] == [
            each.functional_reference_id for each in wanted
        ] or kind in ("postal", "marketplace")
        assert len(declarations) == len(wanted)
        assert None not in declarations
