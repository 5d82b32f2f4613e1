"""`tidewaiter device`: seals, trackers, loggers and aircraft that tell of goods, and the flights that are permitted."""

from __future__ import annotations

import base64
import binascii
import os
import re
import time
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from tidewaiter.cli import output
from tidewaiter.cli.output import Output, UsageError
from tidewaiter.cli.session import opened_store
from tidewaiter.movement.readings import Algorithm, DeviceKind

app = App(name="device")

KEY_BYTES = 32
LIST_MAX = 1_000
WATCH_SECONDS = 5.0
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")

DeviceId = Annotated[str, Parameter(help="The device's id, as it signs it and as topics and addresses name it.")]


@app.command
def add(
    device_id: DeviceId,
    kind: Annotated[DeviceKind, Parameter(help="What it is.")],
    *,
    public_key: Annotated[
        str | None, Parameter(help="Its Ed25519 public key (base64); without it a secret is made, and printed once.")
    ] = None,
    celsius_min: Annotated[Decimal | None, Parameter(help="Colder than this is an alarm.")] = None,
    celsius_max: Annotated[Decimal | None, Parameter(help="Warmer than this is an alarm.")] = None,
) -> int:
    """Register a device. It signs each reading: with a private key of its own, or the secret that is printed."""
    from tidewaiter.workflow.batching import now
    from tidewaiter.workflow.device_ports import Device

    if not _ID.fullmatch(device_id):
        raise UsageError(f"{device_id[:60]!r} is no id", hint="up to 60 letters, digits, dots, hyphens and underscores")
    key = os.urandom(KEY_BYTES) if public_key is None else _public(public_key)
    algorithm = Algorithm.HMAC_SHA256 if public_key is None else Algorithm.ED25519
    device = Device(
        device_id=device_id, kind=kind, algorithm=algorithm, key=key, created_at=now(), celsius_min=celsius_min,
        celsius_max=celsius_max,
    )  # fmt: skip
    with opened_store() as store:
        made = store.devices.add(device)
    output.out().print(made.uri, markup=False)
    if public_key is None:
        output.out().print(base64.b64encode(key).decode(), markup=False)
    return output.EXIT_OK


@app.command(name="list")
def list_(*, output_as: Output = Output()) -> int:  # noqa: B008 (frozen)
    """List devices: what they are, how they sign, and when the last reading was taken."""
    with opened_store() as store:
        found = store.devices.all()
    rows = [
        {
            "device": each.device_id,
            "kind": each.kind.value,
            "signs by": each.algorithm.value,
            "counter": each.counter,
            "last taken": each.last_at.isoformat(timespec="seconds") if each.last_at else "",
            "ended": each.ended_at.isoformat(timespec="seconds") if each.ended_at else "",
        }
        for each in found
    ]
    output.print_rows(rows, output_as)
    return output.EXIT_OK


@app.command
def end(device_id: DeviceId) -> int:
    """Take a device out of use: nothing more is taken from it."""
    with opened_store() as store:
        store.devices.end(device_id, datetime.now(UTC))
    output.out().print(f"device {device_id} is out of use", markup=False)
    return output.EXIT_OK


@app.command
def refusals(*, output_as: Output = Output()) -> int:  # noqa: B008 (frozen)
    """Show how often readings were refused, of which device and why."""
    with opened_store() as store:
        found = store.devices.refusals()
    rows = [
        {
            "device": each.device_id or "not ours",
            "code": each.code,
            "count": each.count,
            "last": each.last_at.isoformat(timespec="seconds"),
            "why": each.detail,
        }
        for each in found
    ]
    output.print_rows(rows, output_as)
    return output.EXIT_FINDINGS if rows else output.EXIT_OK


@app.command
def sign(
    device_id: DeviceId,
    reading: Annotated[Path, Parameter(help="A file with one reading, byte for byte as it will be sent.")],
    *,
    secret: Annotated[str, Parameter(help="The device's secret (base64).", env_var="TIDEWAITER_DEVICE_SECRET")],
) -> int:
    """Print the signature of a reading: for trying things out, and for those who build devices to compare with."""
    from tidewaiter.movement.readings import sign_with_secret

    try:
        key = base64.b64decode(secret, validate=True)
    except (binascii.Error, ValueError):
        raise UsageError("that is no base64", hint="give the secret as `device add` printed it") from None
    output.out().print(sign_with_secret(key, device_id, reading.read_bytes()), markup=False)
    return output.EXIT_OK


@app.command
def permit(
    permit: Annotated[Path, Parameter(help="A JSON file with the permit; docs/how-to/fly-with-goods.md shows one.")],
    *,
    by: Annotated[str, Parameter(help="Who enters it.")] = "command line",
) -> int:
    """Enter the permit of one flight of an unmanned aircraft: corridor, time, ceiling, drop point."""
    from tidewaiter.movement.flights import read_permit
    from tidewaiter.workflow.batching import now

    found = read_permit(permit.read_bytes())
    with opened_store() as store:
        device = store.devices.by_id(found.device_id)
        if device.kind is not DeviceKind.AIRCRAFT:
            raise UsageError(f"device {device.device_id} is no aircraft", hint="tidewaiter device list")
        store.devices.permit(found, by, now())
    output.out().print(f"flight {found.flight_id} is permitted", markup=False)
    return output.EXIT_OK


@app.command
def flights(*, output_as: Output = Output()) -> int:  # noqa: B008 (frozen)
    """List flights, and what was held against each."""
    with opened_store() as store:
        rows = [
            {
                "flight": each.permit.flight_id,
                "aircraft": each.permit.device_id,
                "from": each.permit.begins_at.isoformat(timespec="seconds"),
                "to": each.permit.ends_at.isoformat(timespec="seconds"),
                "landed": each.landed_at.isoformat(timespec="seconds") if each.landed_at else "",
                "against it": ", ".join(one.rule_id for one in store.devices.findings_on(each.permit.flight_id)),
            }
            for each in store.devices.flights(LIST_MAX)
        ]
    output.print_rows(rows, output_as)
    return output.EXIT_OK


@app.command
def listen(
    host: Annotated[str, Parameter(help="The broker's host.")],
    *,
    port: Annotated[int, Parameter(help="Its port.")] = 8883,
    plain: Annotated[bool, Parameter(help="Without TLS: to a broker on this machine only.")] = False,
    user: Annotated[str, Parameter(help="The user to sign in as.")] = "",
    password: Annotated[str, Parameter(help="Its password.", env_var="TIDEWAITER_BROKER_PASSWORD")] = "",
    seconds: Annotated[float | None, Parameter(help="Stop after so long; never if not given.")] = None,
) -> int:
    """Take the readings that devices publish over MQTT, and watch the flights whose time it is."""
    from tidewaiter.web.house import capturing_on
    from tidewaiter.web.listening import Broker, listening
    from tidewaiter.workflow.devices import devices_of, flights_of

    if plain and host not in ("localhost", "127.0.0.1", "::1"):
        raise UsageError("without TLS anybody on the way reads and alters", hint="leave --plain out")
    broker = Broker(host=host, port=port, user=user, password=password, is_plain=plain)
    ends_at = None if seconds is None else time.monotonic() + seconds
    with opened_store() as store:
        capturing = capturing_on(store)
        devices, watch = devices_of(store, capturing), flights_of(store, capturing)
        with listening(devices, broker) as heard:
            try:
                while ends_at is None or time.monotonic() < ends_at:
                    devices.catch_up()
                    watch.watch()
                    time.sleep(
                        WATCH_SECONDS if ends_at is None else min(WATCH_SECONDS, max(0.0, ends_at - time.monotonic()))
                    )
            except KeyboardInterrupt:
                pass
    output.out().print(f"{heard.taken} readings taken, {heard.refused} refused", markup=False)
    return output.EXIT_FINDINGS if heard.refused else output.EXIT_OK


def _public(text: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise UsageError("that is no Ed25519 public key", hint="32 bytes, in base64")
    return key
