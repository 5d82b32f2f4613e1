"""What stands between members: a proxy with TLS, one that answers in a sequencer's place, an address that is none."""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from machines import LOG, batch
from tidewaiter.ledger.batches import Batch, Promise, signed_root
from tidewaiter.ledger.contracts import Role
from tidewaiter.ledger.merkle import leaf_hashes
from tidewaiter.network.charter import Charter, Member
from tidewaiter.network.client import AddressError, Peer, PeerError
from tidewaiter.network.founding import found, threshold
from tidewaiter.network.handing_in import send_batch
from tidewaiter.network.home import Home, MemberConfig
from tidewaiter.network.local import LocalNetwork, Wanted
from tidewaiter.network.serving import RefusedError


def certificate(folder: Path) -> Path:
    """A certificate of 127.0.0.1 with its key, in one file."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.IPv4Address("127.0.0.1"))]), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "proxy.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM) + private)
    return file


Answers = list[tuple[int, bytes]]


async def served(
    answers: Answers, asked: Callable[[int], Awaitable[None]], context: ssl.SSLContext | None = None
) -> None:
    """Answer so, one after another, while something asks at this port."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        told = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        await reader.readexactly(int(told[0].split(b":")[1]) if told else 0)
        status, body = answers.pop(0)
        writer.write(
            b"HTTP/1.1 %d Said\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body)
        )
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    async with server:
        await asked(server.sockets[0].getsockname()[1])


def test_a_proxy_with_tls_is_asked_where_this_machine_trusts_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = certificate(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file)

    async def ask(port: int) -> None:
        with pytest.raises(PeerError, match="certificate"):
            await Peer(f"https://127.0.0.1:{port}").get("/")
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
        assert (await Peer(f"https://127.0.0.1:{port}").get("/")).body == b"here"

    asyncio.run(served([(200, b"here")], ask, context))


def charter(port: int) -> Charter:
    log = Member(part="sequencer", url=f"http://127.0.0.1:{port}", key=LOG.verifier.text)
    return Charter(origin=LOG.name, at=0, log=LOG.verifier.text, policy="quorum none\n", members={"log": log})


def promised(handed: Batch) -> bytes:
    root = signed_root(leaf_hashes(handed.entries))
    promise = Promise(handed.origin, handed.key, handed.number, 0, len(handed.entries), root)
    return msgspec.msgpack.encode(promise.signed(LOG))


def test_what_does_not_tell_whether_a_batch_was_taken_has_it_handed_in_again_under_its_number() -> None:
    """A proxy that waits no longer, or has nobody behind it for a moment: a number given to another batch would be refused for good."""
    handed = batch(1)

    async def ask(port: int) -> None:
        promise = await send_batch(handed, charter(port))
        assert (promise.number, promise.count) == (1, 1)

    asyncio.run(served([(502, b"<html>"), (504, b""), (408, b""), (200, promised(handed))], ask))


def test_what_is_refused_for_good_is_told_at_once() -> None:
    async def ask(port: int) -> None:
        with pytest.raises(RefusedError) as refused:
            await send_batch(batch(1), charter(port))
        assert (refused.value.status, refused.value.refuse.code) == (409, "batch.gap")

    asyncio.run(served([(409, b'{"code": "batch.gap", "detail": "number 1 is due", "hint": "", "place": "1"}')], ask))


@pytest.mark.parametrize(
    "url", ["", "port.example:8600", "ftp://port.example", "http://", "http://x:99999", "https://x?y"]
)
def test_an_address_that_is_none_is_refused_where_it_is_written(url: str, tmp_path: Path) -> None:
    with pytest.raises(AddressError, match="is no address of a member"):
        Peer(url)
    if url:
        with pytest.raises(AddressError):
            Home.make(tmp_path / "port", MemberConfig(label="port", name="port.example", url=url))


def test_a_member_whose_address_is_none_does_not_stop_the_log(tmp_path: Path) -> None:
    """As where a quorum that is decided names a witness without an address."""
    with LocalNetwork(tmp_path) as network:
        log = network.make(Wanted(label="log", part="sequencer", roles=(Role.PORT,)))
        north = network.make(Wanted(label="north", part="mirror", roles=(Role.CUSTOMS,)))
        north.change(msgspec.structs.replace(north.config, url="north.example"))
        found(LOG.name, {log: "sequencer", north: "mirror"}, threshold("quorum", 1, ["north"]), datetime.now(UTC))
        network.start("log")
        assert "north is not reached: “north.example” is no address of a member" in network.log_of("log")
