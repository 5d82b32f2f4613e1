"""Keys of consignments between members: who may tell one, what a name is bound to, and what is left after erasing."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from msgspec import structs

from tidewaiter.cli.app import main
from tidewaiter.ledger.contracts import Role
from tidewaiter.ledger.envelopes import Payload, seal
from tidewaiter.ledger.keys import KeyType, SignerKey
from tidewaiter.network.charter import Charter
from tidewaiter.network.client import Peer
from tidewaiter.network.envelopes import ENVELOPES_PATH, share_key
from tidewaiter.network.founding import found, threshold
from tidewaiter.network.handing_in import Told
from tidewaiter.network.local import LocalNetwork, Wanted
from tidewaiter.network.operator import DeclinedError
from tidewaiter.network.serving import OCTETS
from tidewaiter.network.vault import DATABASE
from tidewaiter.store.embedded import EmbeddedServer

PARCEL = "parcel RR123456785XX"


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LocalNetwork, Charter]]:
    with LocalNetwork(tmp_path_factory.mktemp("n")) as network:
        parts = {
            network.make(Wanted(label="log", part="sequencer", roles=(Role.PORT,))): "sequencer",
            network.make(Wanted(label="north", part="mirror", roles=(Role.CUSTOMS,), database="own")): "mirror",
            network.make(Wanted(label="zone", part="witness", roles=(Role.ZONE,), database="own")): "witness",
        }
        charter = found("record.example/1", parts, threshold("quorum", 1, ["north"]), datetime.now(UTC))  # type: ignore[arg-type]
        network.start(*network.homes)
        yield network, charter


def put(net: tuple[LocalNetwork, Charter], label: str, fields: tuple[tuple[str, str], ...]) -> tuple[int, str]:
    """What a member answers to an envelope that anybody puts in: the status, and the code of a refusal."""

    async def post() -> tuple[int, str]:
        member = net[1].members[label]
        envelope = seal(Payload(fields, secrets.token_bytes(32).hex()), [member.envelope], secrets.token_bytes(32))
        peer = Peer(member.url)
        try:
            answer = await peer.post(ENVELOPES_PATH, envelope, OCTETS)
        finally:
            peer.close()
        return answer.status, json.loads(answer.body)["code"] if answer.body else ""

    return asyncio.run(post())


def shared(net: tuple[LocalNetwork, Charter], label: str, subject: str, key: bytes, own: SignerKey) -> list[str]:
    return asyncio.run(share_key(subject, key, [label], net[1], own))


@pytest.mark.parametrize("label", ["north", "zone"])
def test_a_stranger_tells_nobody_under_which_key_to_record(net: tuple[LocalNetwork, Charter], label: str) -> None:
    subject, key = f"parcel of {label}", secrets.token_bytes(32)
    stranger = SignerKey("stranger", KeyType.ED25519, secrets.token_bytes(32))
    assert put(net, label, (("subject", subject), ("key", key.hex()))) == (422, "envelope.content")
    assert shared(net, label, subject, key, stranger) == [label]
    known = next(net[0].homes["log"].keyring.submitters())
    sender = (("sender", SignerKey.parse(known.text).verifier.text), ("signature", "AAAA"))
    assert put(net, label, (("subject", subject), ("key", key.hex()), *sender)) == (403, "envelope.forged")
    with net[0].operator(label) as operator:
        assert operator.keep_key(subject)["key"] != key.hex()
    assert shared(net, label, f"{subject} 2", key, known) == []
    with net[0].operator(label) as operator:
        assert operator.keep_key(f"{subject} 2")["key"] == key.hex()


def test_a_name_keeps_the_key_that_it_has(net: tuple[LocalNetwork, Charter]) -> None:
    member = next(net[0].homes["log"].keyring.submitters())
    with net[0].operator("north") as operator:
        kept = operator.keep_key("pallet 1")
        assert operator.keep_key("pallet 1") == kept
        assert shared(net, "north", "pallet 1", secrets.token_bytes(32), member) == ["north"]
        with pytest.raises(DeclinedError, match="has another key here") as declined:
            operator.keep_key("pallet 1", secrets.token_hex(32))
        assert declined.value.code == "vault.kept"
        with pytest.raises(DeclinedError, match="no key of a consignment"):
            operator.keep_key("pallet 2", "not hexadecimal")
        assert operator.keep_key("pallet 1") == kept


def kept_by(folder: Path) -> str:
    """All that a member's vault holds, as text."""
    with (
        EmbeddedServer(folder / "postgres") as server,
        psycopg.connect(server.url(DATABASE)) as connection,
    ):
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1").fetchall()
        rows = [connection.execute(f'SELECT "{name}"::text FROM "{name}"'.encode()).fetchall() for (name,) in tables]
        connection.execute("ANALYZE")
        rows.append(connection.execute("SELECT pg_statistic::text FROM pg_statistic").fetchall())
        connection.commit()
        connection.autocommit = True
        connection.execute("CHECKPOINT")
        files = "SELECT encode(pg_read_binary_file(pg_relation_filepath(%s::regclass)), 'escape')"
        rows += [connection.execute(files.encode(), [name]).fetchall() for (name,) in tables]
        keys = "SELECT encode(pg_read_binary_file(pg_relation_filepath('consignment'::regclass)), 'hex')"
        rows.append(connection.execute(keys.encode()).fetchall())
    return json.dumps(rows)


def test_after_erasing_nothing_that_a_member_keeps_opens_or_names_the_consignment(
    net: tuple[LocalNetwork, Charter], capsys: pytest.CaptureFixture[str]
) -> None:
    network, _ = net
    with network.operator("north") as north:
        told = north.keep_key(PARCEL)
        (placed,) = north.tell(
            [
                Told(
                    type="decided",
                    subject=PARCEL,
                    label="d:1",
                    fields=(("duty", "431.77"),),
                    facts={"state": "accepted"},
                )
            ]
        )
        assert placed.refuse is None
        assert json.loads(north.ask("/share", {"subject": PARCEL, "members": ["zone"]})) == {"missed": []}
    assert told["key"] in kept_by(network.homes["zone"].folder)
    assert "431.77" in kept_by(network.homes["north"].folder)
    for label in ("zone", "north"):
        with pytest.raises(SystemExit) as ended:
            main(["node", "forget", str(network.homes[label].folder), PARCEL, "--json"])
        assert not ended.value.code
        kept = kept_by(network.homes[label].folder)
        assert told["scope"] in kept  # that it was erased
        assert not [each for each in (told["key"], PARCEL, "431.77", '"d:1"') if each in kept]
    again = next(network.homes["log"].keyring.submitters())
    assert shared(net, "zone", PARCEL, bytes.fromhex(told["key"]), again) == ["zone"]
    with pytest.raises(SystemExit) as ended:
        main(["node", "forget", str(network.homes["zone"].folder), PARCEL])
    assert ended.value.code == 1
    assert "there is no key for" in " ".join(capsys.readouterr().err.split())


def test_who_joined_later_is_told_keys_once_its_card_is_kept(
    net: tuple[LocalNetwork, Charter], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    network, charter = net
    north, zone = network.homes["north"], network.homes["zone"]
    bare = structs.replace(charter.members["zone"], envelope=b"", submitters=(), roles=())
    share = {"subject": "pallet 7", "members": ["zone"]}

    def run(*words: object) -> int:
        with pytest.raises(SystemExit) as ended:
            main([str(each) for each in words])
        return int(ended.value.code or 0)

    card, other = tmp_path / "zone.card", tmp_path / "other.card"
    assert run("node", "card", zone.folder, "--part", "witness") == 0
    card.write_text(capsys.readouterr().out)
    assert run("node", "card", network.homes["log"].folder) == 0
    other.write_text(capsys.readouterr().out.replace("log ", "zone ", 1))
    for is_running in (True, False):
        network.stop("north")  # as after a quorum that names it for the first time
        north.latest.keep_standing(structs.replace(charter, members={**charter.members, "zone": bare}))
        network.start("north")
        with network.operator("north") as operator:
            operator.keep_key("pallet 7")
            with pytest.raises(DeclinedError, match="to which key envelopes for zone are sealed") as declined:
                operator.ask("/share", share)
            assert "node meet" in declined.value.hint
        if not is_running:
            network.stop("north")
        assert run("node", "meet", north.folder, other) == 1
        assert "count another key of zone" in " ".join(capsys.readouterr().err.split())
        assert run("node", "meet", north.folder, card) == 0
        if not is_running:
            network.start("north")
        with network.operator("north") as operator:
            assert json.loads(operator.ask("/share", share)) == {"missed": []}
    assert north.latest.standing == charter


def test_a_witness_learns_of_a_key_that_was_followed_by_another(
    net: tuple[LocalNetwork, Charter], capsys: pytest.CaptureFixture[str]
) -> None:
    network, _ = net
    north, zone = network.homes["north"], network.homes["zone"]
    with pytest.raises(SystemExit) as ended:
        main(["node", "rotate", str(north.folder), "--json"])
    assert not ended.value.code, capsys.readouterr()
    (new,) = (each.verifier.public for each in north.keyring.submitters())
    until = time.monotonic() + 60
    while zone.latest.standing.members["north"].submitters[0] != new:
        assert time.monotonic() < until, "the witness was not told"
        time.sleep(0.05)
