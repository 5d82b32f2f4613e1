"""What only an intake of several servers can show: leaders that are killed, servers that come back, a full stream."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

pytest.importorskip("nats", reason="the extra `nats` is not installed")

import nats.errors

from intakes import ANNA, BEN, KeptByNats, batch, check, everything, nats_cluster, number_of
from tidewaiter.cli.bench import ledger_nats
from tidewaiter.cli.bench.nats_servers import Cluster
from tidewaiter.model.errors import UnavailableError
from tidewaiter.network.adapters.intake import (
    BusyError,
    IntakeUnavailableError,
    RefusedError,
    Stored,
    Why,
    handed_in,
)
from tidewaiter.network.adapters.nats import NatsIntake, connected, stream_name, subject_of
from tidewaiter.network.ports import free_ports

__all__ = ["nats_cluster"]
WITHIN_SECONDS = 120.0  # a server waits 4 to 9 seconds before it asks to lead; machines of CI are slow


def asked(cluster: Cluster, test: Callable[[KeptByNats, NatsIntake], Awaitable[None]]) -> None:
    kept = KeptByNats(cluster)

    async def run() -> None:
        try:
            intake = await kept.opened()
            assert isinstance(intake, NatsIntake)
            await test(kept, intake)
        finally:
            await kept.closed()

    asyncio.run(run())


def test_two_servers_of_five_may_go_and_a_third_stops_it_without_loss(nats_cluster: Cluster) -> None:
    async def test(kept: KeptByNats, intake: NatsIntake) -> None:
        number, gone = 1, list[str]()
        await intake.offer(batch(kept.origin, ANNA, number))
        for _ in range(2):
            leader = await intake.leader()
            nats_cluster.kill(leader)
            gone.append(leader)
            number += 1
            assert await handed_in(intake, batch(kept.origin, ANNA, number), WITHIN_SECONDS) == Stored(number)
        nats_cluster.kill(third := next(name for name in nats_cluster.names if name not in gone))
        with pytest.raises(IntakeUnavailableError, match="not known"):
            await handed_in(intake, batch(kept.origin, ANNA, 4), 3)
        for name in (*gone, third):
            nats_cluster.start(name)
        await asyncio.to_thread(nats_cluster.wait_until_ready)
        stored = await handed_in(intake, batch(kept.origin, ANNA, 4), WITHIN_SECONDS)
        assert stored.position == 4, "it counts once, whether or not the first offer was stored"
        assert await handed_in(intake, batch(kept.origin, ANNA, 5), WITHIN_SECONDS) == Stored(5)
        assert [number for *_, number in await everything(intake)] == [1, 2, 3, 4, 5]

    try:
        asked(nats_cluster, test)
    finally:
        for name in nats_cluster.names:
            nats_cluster.ensure(name)
        nats_cluster.wait_until_ready()


def test_a_replay_is_refused_when_message_ids_are_long_forgotten(nats_cluster: Cluster) -> None:
    """What holds is the position of the batch before, not the time for which the servers know ids."""

    async def test(kept: KeptByNats, intake: NatsIntake) -> None:
        found = (await intake.jetstream.stream_info(intake.stream)).config
        found.duplicate_window = 0.1
        await intake.jetstream.update_stream(found)
        for number in range(1, 4):
            await intake.offer(batch(kept.origin, ANNA, number))
        await asyncio.sleep(0.5)  # as long as the servers are to forget, and some more
        again = await kept.opened()
        assert await again.offer(batch(kept.origin, ANNA, 2)) == Stored(2, is_repeat=True)
        with pytest.raises(RefusedError) as refusal:
            await again.offer(batch(kept.origin, ANNA, 2, "other"))
        assert refusal.value.why is Why.CONFLICTING
        assert len(await everything(intake)) == 3

    asked(nats_cluster, test)


def test_what_everybody_has_can_be_forgotten_and_is_still_refused(nats_cluster: Cluster) -> None:
    async def test(kept: KeptByNats, intake: NatsIntake) -> None:
        for number in range(1, 6):
            await intake.offer(batch(kept.origin, ANNA, number))
        await intake.offer(batch(kept.origin, BEN, 1))
        await intake.offer(batch(kept.origin, BEN, 2))
        await intake.trim(6)
        assert [(by == number_of(ANNA), number) for _, by, number in await everything(intake)] == [
            (True, 5), (False, 2),
        ]  # fmt: skip
        again = await kept.opened()
        with pytest.raises(RefusedError) as refusal:
            await again.offer(batch(kept.origin, ANNA, 3))
        assert refusal.value.why is Why.REPLAYED
        assert await again.offer(batch(kept.origin, ANNA, 5)) == Stored(5, is_repeat=True)
        assert await again.offer(batch(kept.origin, ANNA, 6)) == Stored(8)
        assert await again.next_number(number_of(BEN)) == 3

    asked(nats_cluster, test)


def test_a_full_stream_refuses_what_is_new_and_keeps_what_it_has(nats_cluster: Cluster) -> None:
    async def test(kept: KeptByNats, intake: NatsIntake) -> None:
        await intake.offer(batch(kept.origin, ANNA, 1))
        found = (await intake.jetstream.stream_info(intake.stream)).config
        found.max_msgs = 2
        await intake.jetstream.update_stream(found)
        await intake.offer(batch(kept.origin, ANNA, 2))
        with pytest.raises(IntakeUnavailableError):
            await intake.offer(batch(kept.origin, ANNA, 3))
        assert [number for *_, number in await everything(intake)] == [1, 2]
        found.max_msgs = -1
        await intake.jetstream.update_stream(found)
        assert await handed_in(intake, batch(kept.origin, ANNA, 3), WITHIN_SECONDS) == Stored(3)

    asked(nats_cluster, test)


def test_a_stream_that_is_kept_otherwise_is_not_used(nats_cluster: Cluster) -> None:
    async def test(kept: KeptByNats, intake: NatsIntake) -> None:
        with pytest.raises(UnavailableError):
            await NatsIntake.opened(nats_cluster.addresses, kept.origin, check(kept.origin), replicas=3)

    asked(nats_cluster, test)


def test_a_submitter_needs_few_rights_and_cannot_write_for_another(tmp_path: Path) -> None:
    """The rights that the reference names: enough to hand in, and not enough to stand in another's way."""
    origin, anna = "rights.example/2026", number_of(ANNA)
    stream = stream_name(origin)
    allowed = [subject_of(origin, anna), f"$JS.API.STREAM.INFO.{stream}", f"$JS.API.STREAM.MSG.GET.{stream}"]
    allowed.append(f"$JS.API.STREAM.MSG.GET.KV_{stream}-STATE")
    users = f"""
authorization {{ users: [
  {{ user: replica, password: "r" }},
  {{ user: anna, password: "a", permissions: {{ publish: {json.dumps(allowed)}, subscribe: ["_INBOX.>"] }} }},
  {{ user: blind, password: "b", permissions: {{ publish: {json.dumps(allowed[:-1])}, subscribe: ["_INBOX.>"] }} }}
] }}
"""
    with Cluster(tmp_path, 1, users) as cluster:

        def as_user(name: str) -> list[str]:
            return [address.replace("nats://", f"nats://{name}@") for address in cluster.addresses]

        async def test() -> None:
            with pytest.raises(UnavailableError) as refusal:
                await connected(as_user("anna:wrong"))
            assert "wrong" not in refusal.value.detail
            replica = await NatsIntake.opened(as_user("replica:r"), origin, check(origin), replicas=1)
            door = await NatsIntake.opened(as_user("anna:a"), origin, check(origin), replicas=1)
            assert await door.offer(batch(origin, ANNA, 1)) == Stored(1)
            assert await door.offer(batch(origin, ANNA, 1)) == Stored(1, is_repeat=True)
            await replica.tell_reached(0, 1)
            another = await NatsIntake.opened(as_user("anna:a"), origin, check(origin), replicas=1)
            with pytest.raises(BusyError):
                await another.offer(batch(origin, ANNA, 2))
            await another.close()
            blind = await NatsIntake.opened(as_user("blind:b"), origin, check(origin), replicas=1)
            assert await blind.offer(batch(origin, ANNA, 2)) == Stored(2)
            await blind.close()
            with pytest.raises(nats.errors.TimeoutError):
                await door.jetstream.publish(f"$KV.{stream}-STATE.reached", b"{}")
            assert (await door.reached()).position == 0
            await replica.tell_reached(2)
            with pytest.raises(IntakeUnavailableError):
                await door.offer(batch(origin, BEN, 1))
            with pytest.raises(IntakeUnavailableError):
                await door.trim(1)
            assert [number for *_, number in await everything(replica)] == [1, 2]
            await door.close()
            await replica.close()

        asyncio.run(test())


def test_where_no_server_is_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tidewaiter.network.adapters.nats.CONNECTED_WITHIN_SECONDS", 1.0)
    (port,) = free_ports(1)
    with pytest.raises(UnavailableError, match="no server of NATS answers"):
        asyncio.run(connected([f"nats://127.0.0.1:{port}"]))


def test_fail_over_of_both_leaders_loses_nothing() -> None:
    """Five servers, three replicas in processes of their own; the leaders of both are killed under load."""
    report = ledger_nats.measured(6.0, 20, 2_000)
    assert (report.lost, report.doubled, report.disordered, report.differing) == (0, 0, 0, 0)
    assert report.batches >= 50
    assert report.final_size >= report.batches * 21
    assert report.durable_after_server_seconds < WITHIN_SECONDS
    assert report.final_after_server_seconds < WITHIN_SECONDS
    assert report.durable_after_replica_seconds < WITHIN_SECONDS
    assert report.final_after_replica_seconds < WITHIN_SECONDS
