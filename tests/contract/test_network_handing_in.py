"""Batches over the end of an origin: what was promised and did not come into it, and what counted without an answer."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import psycopg
import pytest

from tidewaiter.cli.app import main
from tidewaiter.ledger.contracts import Role
from tidewaiter.network.founding import found, threshold
from tidewaiter.network.handing_in import PAUSE_SECONDS, TRIES_MAX, Placed, Told
from tidewaiter.network.local import LocalNetwork, Wanted
from tidewaiter.network.operator import DeclinedError
from tidewaiter.network.vault import DATABASE
from tidewaiter.store.embedded import EmbeddedServer

FIRST, SECOND = "record.example/1", "record.example/2"
MIRRORS = ("north", "south", "east")
AT_ONCE_SECONDS = 0.9 * TRIES_MAX * PAUSE_SECONDS  # whoever asks again and again pauses for longer each time


@pytest.fixture
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalNetwork]:
    with LocalNetwork(tmp_path_factory.mktemp("n")) as network:
        parts = {network.make(Wanted(label="log", part="sequencer", roles=(Role.PORT,))): "sequencer"}
        parts |= {
            network.make(
                Wanted(label=each, part="mirror", roles=(Role.CUSTOMS,), database="own" if each == "north" else "none")
            ): "mirror"
            for each in MIRRORS
        }
        parts[network.make(Wanted(label="shop", part="witness", roles=(Role.MARKETPLACE,), database="own"))] = "witness"
        found(FIRST, parts, threshold("quorum", 2, list(MIRRORS)), datetime.now(UTC))  # type: ignore[arg-type]
        network.start(*network.homes)
        yield network


def tell(net: LocalNetwork, subject: str) -> Placed:
    with net.operator("shop") as operator:
        operator.keep_key(subject)
        (placed,) = operator.tell([Told(type="moved", subject=subject, label="m:1")])
    return placed


def seen(net: LocalNetwork, subject: str, seconds: float = 60) -> list[int]:
    """At which places of a log entries on a consignment are final."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with net.operator("shop") as operator:
            if entries := operator.view(subject)["entries"]:
                return [each["index"] for each in entries]
        time.sleep(0.1)
    return []


def test_what_was_promised_and_is_not_in_the_end_of_a_log_comes_into_the_next_one(net: LocalNetwork) -> None:
    assert tell(net, "parcel 1").index == 0
    assert seen(net, "parcel 1") == [0]
    net.stop(*MIRRORS)
    assert tell(net, "parcel 2").index == 2  # promised; nobody else has it
    net.kill("log")
    net.start(*MIRRORS)
    at_hand = [word for each in ("south", "east", "shop") for word in ("--with", str(net.homes[each].folder))]
    with pytest.raises(SystemExit) as ended:
        main(["node", "hand-over", str(net.homes["north"].folder), "--to", SECOND, "--gone", *at_hand])
    assert not ended.value.code
    assert len(seen(net, "parcel 2")) == 1
    placed = tell(net, "parcel 3")
    assert placed.refuse is None
    assert len(seen(net, "parcel 3")) == 1

    with (
        EmbeddedServer(net.homes["shop"].folder / "postgres") as server,
        psycopg.connect(server.url(DATABASE)) as connection,
    ):
        connection.execute("UPDATE handed_in SET promise = NULL WHERE number = 1")  # as where its answer got lost
    net.stop("shop")
    net.start("shop")
    assert tell(net, "parcel 4").refuse is None
    assert len(seen(net, "parcel 1")) == 1


def test_a_log_that_takes_nothing_more_says_so_at_once(net: LocalNetwork) -> None:
    with net.operator("log") as operator:
        operator.ask(f"/end?origin={FIRST}")
    spent: list[float] = []
    while not spent or (spent[-1] >= AT_ONCE_SECONDS and len(spent) < 10):  # the machine may be slow, not each time
        began = time.monotonic()
        with pytest.raises(DeclinedError, match="its epoch is ending") as declined:
            tell(net, "parcel 5")
        spent.append(time.monotonic() - began)
        assert declined.value.code == "network.peer"
    assert spent[-1] < AT_ONCE_SECONDS
    assert declined.value.hint.startswith("Sign the batch for the next origin")
