"""Members that die at each place where something is written, are cut off, or whose disk is full: nothing promised is lost."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress

import httpx
import msgspec
import pytest

from networks import Running, running, send
from tidewaiter.ledger.batches import Promise, write_batch
from tidewaiter.ledger.receipts import verify_receipt
from tidewaiter.network.client import PeerError
from tidewaiter.network.driving import OFFSET_VARIABLE
from tidewaiter.network.failing import FAIL_VARIABLE
from tidewaiter.network.files import segments_of
from tidewaiter.network.holding import FINAL
from tidewaiter.network.local import LocalError
from tidewaiter.network.serving import RefusedError

TILES = ("fold.begin", "fold.tiles", "file.write", "file.sync", "file.rename", "folder.sync")
JOURNAL = ("journal.append", "journal.torn", "journal.sync", "journal.synced")


@pytest.fixture(scope="module")
def net() -> Iterator[Running]:
    with running(mirrors=2, quorum=2) as started:
        yield started


def await_dead(net: Running, label: str) -> None:
    process = net.network.processes[label]
    assert process.wait(60) == -9, net.network.log_of(label)
    net.network.homes[label].operator_socket.unlink(missing_ok=True)


def in_the_log(net: Running, promise: Promise, entries: list[bytes]) -> None:
    """Every entry that was promised has a receipt of both mirrors, at its place."""
    for label in ("mirror-1", "mirror-2"):
        net.network.await_final(label, promise.first + promise.count)
        with net.network.operator(label) as operator:
            for place, entry in enumerate(entries):
                receipt = operator.receipt(promise.first + place)
                assert verify_receipt(receipt, entry, net.charter.read_policy).verdict, label


@pytest.mark.parametrize("place", JOURNAL)
def test_a_mirror_that_dies_while_it_writes_goes_on_where_it_was(net: Running, place: str) -> None:
    hand, network = net.hands["mirror-1"], net.network
    network.stop("mirror-2")
    network.start("mirror-2", environment={FAIL_VARIABLE: place})
    entries = hand.entries(2)
    promise = hand.hand_in(entries)
    await_dead(net, "mirror-2")
    network.start("mirror-2")
    in_the_log(net, promise, entries)


# A member that dies while it is asked leaves the asking library with a socket that it does not close.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("place", TILES)
@pytest.mark.parametrize("label", ["mirror-2", "sequencer"])
def test_who_dies_while_it_writes_tiles_goes_on_where_it_was(net: Running, label: str, place: str) -> None:
    """It dies as it comes up again, when what the journal has is put into tiles; then it comes up, with all of it."""
    hand, network = net.hands["mirror-1"], net.network
    promise = hand.hand_in(entries := hand.entries(75))
    network.kill(label)
    with suppress(LocalError):  # it may answer once before it dies, and then counts as started
        network.start(label, environment={FAIL_VARIABLE: place})
    assert network.processes[label].wait(60) == -9, network.log_of(label)
    network.start(label)
    in_the_log(net, promise, entries[:2])
    again = hand.hand_in(more := hand.entries(1))
    assert again.first >= promise.first + promise.count
    in_the_log(net, again, more)


def test_who_dies_before_its_disk_has_what_is_final_is_told_again_though_the_log_rests(net: Running) -> None:
    hand, network = net.hands["mirror-1"], net.network
    promise = hand.hand_in(hand.entries(1))
    size = promise.first + promise.count
    network.await_final("mirror-2", size)
    network.kill("mirror-2")
    (network.homes["mirror-2"].latest.folder / FINAL).unlink(missing_ok=True)
    network.start("mirror-2")
    network.await_final("mirror-2", size)


@pytest.mark.parametrize("place", JOURNAL)
def test_a_sequencer_that_dies_while_it_writes_loses_nothing_that_it_promised(net: Running, place: str) -> None:
    hand, network = net.hands["mirror-2"], net.network
    promised = hand.hand_in(before := hand.entries(1))
    network.await_final("mirror-1", promised.first + promised.count)
    network.stop("sequencer")
    network.start("sequencer", environment={FAIL_VARIABLE: place})
    batch = hand.batch(entries := hand.entries(2))
    with pytest.raises(httpx.TransportError):
        httpx.post(
            net.charter.members["sequencer"].url + "/record/batch", content=msgspec.msgpack.encode(batch),
            headers={"content-type": "application/msgpack"}, trust_env=False,
        )  # fmt: skip
    await_dead(net, "sequencer")
    network.start("sequencer")
    promise = send(batch, net.charter)
    assert promise == send(batch, net.charter)
    in_the_log(net, promised, before)
    in_the_log(net, promise, entries)


def test_a_full_disk_is_told_nothing_is_promised_and_nothing_is_lost(net: Running) -> None:
    hand, network = net.hands["sequencer"], net.network
    promised = hand.hand_in(before := hand.entries(1))
    network.await_final("mirror-1", promised.first + promised.count)
    pid = network.processes["sequencer"].pid
    segment = segments_of(network.homes["sequencer"].latest.journal)[-1]
    unlimited = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (segment.stat().st_size + 100, unlimited[1]))
    batch = hand.batch(entries := hand.entries(5))
    answer = httpx.post(
        net.charter.members["sequencer"].url + "/record/batch", content=msgspec.msgpack.encode(batch),
        headers={"content-type": "application/msgpack"}, trust_env=False,
    )  # fmt: skip
    assert (answer.status_code, answer.json()["code"]) == (503, "storage.failed")
    assert answer.json()["hint"]
    network.kill("sequencer")
    network.start("sequencer")
    promise = send(batch, net.charter)
    in_the_log(net, promised, before)
    in_the_log(net, promise, entries)


def test_a_clock_that_is_wrong_makes_nothing_final_that_conflicts(net: Running) -> None:
    """A batch from tomorrow is refused, with the reason; the network goes on."""
    hand = net.hands["sequencer"]
    leaf = msgspec.json.decode(hand.entries(1)[0])
    leaf["at"] += 86_400
    ahead = write_batch(net.charter.origin, hand.key, hand.number + 1, [msgspec.json.encode(leaf, order="sorted")])
    with pytest.raises(RefusedError) as refused:
        send(ahead, net.charter)
    assert refused.value.refuse.code == "entry.ahead"
    assert "seconds" in refused.value.refuse.why
    in_the_log(net, hand.hand_in(entries := hand.entries(1)), entries)


def test_without_a_quorum_nothing_becomes_final_and_all_of_it_does_afterwards(net: Running) -> None:
    hand, network = net.hands["mirror-1"], net.network
    network.pause("mirror-2")
    try:
        promise = hand.hand_in(entries := hand.entries(1))
        time.sleep(1)
        with network.operator("sequencer") as operator:
            state = operator.status()["origins"][-1]
        assert state["size"] >= promise.first + promise.count > state["final_size"]
    finally:
        network.resume("mirror-2")
    in_the_log(net, promise, entries)


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("ip") is None, reason="network namespaces take root and `ip`")
def test_a_member_in_a_network_of_its_own_is_cut_off_and_comes_back() -> None:
    """The mirror's process runs in a namespace of its own, whose one link is taken down and up again."""
    name, link = f"tw{os.getpid() % 10_000}", f"tw{os.getpid() % 10_000}v"
    commands = [
        f"ip netns add {name}", f"ip link add {link}0 type veth peer name {link}1 netns {name}",
        f"ip addr add 10.213.77.1/30 dev {link}0", f"ip link set {link}0 up",
        f"ip -n {name} addr add 10.213.77.2/30 dev {link}1", f"ip -n {name} link set {link}1 up",
        f"ip -n {name} link set lo up",
    ]  # fmt: skip
    if subprocess.run(commands[0].split(), check=False, capture_output=True).returncode:
        pytest.skip("network namespaces are not allowed here")
    try:
        for command in commands[1:]:
            subprocess.run(command.split(), check=True, capture_output=True)
        with running(mirrors=2, quorum=2, apart="mirror-2", address="10.213.77.2") as net:
            network, hand = net.network, net.hands["mirror-1"]
            network.start("sequencer", "mirror-1")
            network.start("mirror-2", before=("ip", "netns", "exec", name))
            in_the_log(net, hand.hand_in(entries := hand.entries(1)), entries)
            subprocess.run(f"ip link set {link}0 down".split(), check=True)
            promise = hand.hand_in(entries := hand.entries(1))
            time.sleep(1)
            with network.operator("sequencer") as operator:
                state = operator.status()["origins"][-1]
            assert state["final_size"] < promise.first + promise.count
            subprocess.run(f"ip link set {link}0 up".split(), check=True)
            in_the_log(net, promise, entries)
    finally:
        subprocess.run(f"ip netns del {name}".split(), check=False, capture_output=True)


def test_who_cannot_be_reached_is_said(net: Running) -> None:
    hand = net.hands["mirror-1"]
    net.network.stop("sequencer")
    batch = write_batch(net.charter.origin, hand.key, hand.number + 1, hand.entries(1))
    with pytest.raises(PeerError, match="cannot be asked"):
        send(batch, net.charter)
    net.network.start("sequencer")
    hand.number += 1
    assert send(batch, net.charter).count == 4


def test_a_mirror_whose_clock_is_ahead_keeps_to_the_logs_own_time(net: Running) -> None:
    hand, network = net.hands["mirror-1"], net.network
    network.stop("mirror-2")
    network.start("mirror-2", environment={OFFSET_VARIABLE: str(30 * 86_400)})
    try:
        entries = hand.entries(2)
        promise = hand.hand_in(entries)
        in_the_log(net, promise, entries)
    finally:
        network.stop("mirror-2")
        network.start("mirror-2")
    in_the_log(net, again := hand.hand_in(more := hand.entries(1)), more)
    assert again.first > promise.first


def test_a_mirror_whose_clock_is_far_behind_says_so_and_goes_on_where_it_was_once_it_is_right(net: Running) -> None:
    """It cannot tell its own clock from one of the log that is far ahead, by which everything would be over for good."""
    hand, network = net.hands["mirror-1"], net.network
    network.stop("mirror-2")
    network.start("mirror-2", environment={OFFSET_VARIABLE: str(-30 * 86_400)})
    try:
        entries = hand.entries(2)
        promise = hand.hand_in(entries)
        until = time.monotonic() + 60
        with network.operator("sequencer") as operator:
            while (told := operator.status()["origins"][-1])["refusing"].get("mirror-2") != "block.ahead":
                assert time.monotonic() < until, told
                time.sleep(0.05)
        assert told["final_size"] <= promise.first
        with network.operator("mirror-2") as operator:
            assert operator.status()["origins"][-1]["frozen"] == ""
    finally:
        network.stop("mirror-2")
        network.start("mirror-2")
    in_the_log(net, promise, entries)
