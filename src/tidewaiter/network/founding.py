"""Founding a network: the charter of a first origin out of its members' folders or cards."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec

from tidewaiter.ledger.keys import VerifierKey
from tidewaiter.ledger.leaves import bucket
from tidewaiter.ledger.wire import read_base64
from tidewaiter.network.charter import Charter, CharterError, Member, Part
from tidewaiter.network.home import Home


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


def read_card(text: str) -> tuple[str, Member]:
    """The label and card of a line that `home.card_text` wrote. Raises CharterError, LedgerError."""
    label, _, card = text.strip().partition(" ")
    try:
        return label, msgspec.json.decode(read_base64(card, "the card"), type=Member)
    except msgspec.DecodeError as error:
        raise CharterError(f"this is no member's card: {error}") from error


def threshold(name: str, count: int, members: list[str]) -> str:
    """A quorum of `count` of these members, as lines of a policy."""
    return f"group {name} {count} {' '.join(members)}\nquorum {name}\n"
