"""Founding a network: the charter of a first origin out of its members' folders or cards."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from tidewaiter.ledger.keys import SignerKey, VerifierKey
from tidewaiter.ledger.leaves import bucket
from tidewaiter.ledger.verdict import LedgerError
from tidewaiter.ledger.wire import read_base64
from tidewaiter.model.errors import ConflictError
from tidewaiter.network.charter import Charter, CharterError, Member, Part
from tidewaiter.network.home import Home
from tidewaiter.network.keyring import KeyringError

CARD_BYTES_MAX: Final = 65_536


def found(origin: str, homes: Mapping[Home, Part], quorum: str, at: datetime) -> Charter:
    """The charter of an origin with these members, whose folders are all at hand; one of them is its sequencer.

    `quorum` are the lines of tlog-policy for groups and quorum. The sequencer's folder gets the log's key, and each
    the charter.
    """
    cards = {home.config.label: home.card(part) for home, part in homes.items()}
    sequencer = next(home for home, part in homes.items() if part == "sequencer")
    log = sequencer.keyring.make_log(origin)
    charter = written(log.verifier, cards, quorum, at)
    for home in homes:
        home.begin(charter)
    return charter


def written(log: VerifierKey, cards: Mapping[str, Member], quorum: str, at: datetime) -> Charter:
    """The charter of an origin under the log's public key, with these members. Raises CharterError, LedgerError."""
    charter = Charter(origin=log.name, at=bucket(at), log=log.text, policy="", members=dict(cards)).with_policy(quorum)
    charter.check()
    return charter


def read_card(file: Path) -> tuple[str, Member]:
    """The label and card in a file, on the line that `home.card_text` wrote. Raises CharterError, OSError."""
    with file.open("rb") as opened:
        line = opened.read(CARD_BYTES_MAX + 1)
    label, _, card = line.decode("ascii", errors="replace").strip().partition(" ")
    try:
        if len(line) > CARD_BYTES_MAX:
            raise LedgerError(f"a card has {CARD_BYTES_MAX} bytes at most")
        return label, msgspec.json.decode(read_base64(card, "the card"), type=Member)
    except (msgspec.DecodeError, LedgerError, UnicodeDecodeError) as error:
        why = error.detail if isinstance(error, LedgerError) else str(error)
        hint = "tidewaiter node card FOLDER > FILE writes one"
        raise CharterError(f"this is no member's card: {why}", hint=hint, place=str(file)) from error


def log_key(home: Home, origin: str) -> SignerKey:
    """The key of a first log, which is made where there is none yet, as where founding it went wrong before. Raises ConflictError."""
    if any(each.charter.origin == origin for each in home.origins()):
        raise ConflictError(f"{home.config.label} has founded “{origin}” already", hint="give the log another name")
    try:
        return home.keyring.log(origin)
    except KeyringError:
        return home.keyring.make_log(origin)


def split(count: int, of: int) -> list[str]:
    """What to say of a quorum of so many of so many members where two such quorums may have nobody in common; else nothing."""
    if 2 * count > of:
        return []
    return [
        f"any {count} of {of} members suffice, so two quorums may have nobody in common: a sequencer that lies could have two"
        f" histories made final; with {of // 2 + 1} it could not"
    ]


def threshold(name: str, count: int, members: list[str]) -> str:
    """A quorum of `count` of these members, as lines of a policy."""
    return f"group {name} {count} {' '.join(members)}\nquorum {name}\n"
