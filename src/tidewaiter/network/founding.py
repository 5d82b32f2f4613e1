"""Founding a network: the charter of a first origin out of its members' folders or cards."""

from __future__ import annotations

from collections.abc import Mapping

from tidewaiter.network.charter import Charter, Member, Role
from tidewaiter.network.home import Home


def found(origin: str, homes: Mapping[Home, Role], quorum: str) -> Charter:
    """The charter of an origin with these members, whose folders are all at hand; one of them is its sequencer.

    `quorum` are the lines of tlog-policy for groups and quorum. The sequencer's folder gets the log's key, and each
    the charter.
    """
    cards = {home.config.label: home.card(role) for home, role in homes.items()}
    sequencer = next(home for home, role in homes.items() if role == "sequencer")
    log = sequencer.keyring.make_log(origin)
    charter = written(origin, log.verifier.text, cards, quorum)
    for home in homes:
        home.begin(charter)
    return charter


def written(origin: str, log: str, cards: Mapping[str, Member], quorum: str) -> Charter:
    """The charter of an origin under the log's public key, with these members. Raises CharterError, LedgerError."""
    charter = Charter(origin=origin, log=log, policy="", members=dict(cards)).with_policy(quorum)
    charter.check()
    return charter


def threshold(name: str, count: int, members: list[str]) -> str:
    """A quorum of `count` of these members, as lines of a policy."""
    return f"group {name} {count} {' '.join(members)}\nquorum {name}\n"
