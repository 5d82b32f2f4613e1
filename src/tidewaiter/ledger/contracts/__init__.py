"""Contracts: which entries the record takes, and the state they lead to, the same wherever they are replayed.

`State` is the door; `rules` are what it holds entries to, `vocabulary` which types there are, `genesis` how a network begins.
"""

from tidewaiter.ledger.contracts.genesis import Founder, Genesis
from tidewaiter.ledger.contracts.rules import VERSION_1, VERSIONS
from tidewaiter.ledger.contracts.ruling import Applied, Refusal, RuleSet
from tidewaiter.ledger.contracts.state import Contract, State, apply
from tidewaiter.ledger.contracts.vocabulary import Role

__all__ = [
    "VERSIONS",
    "VERSION_1",
    "Applied",
    "Contract",
    "Founder",
    "Genesis",
    "Refusal",
    "Role",
    "RuleSet",
    "State",
    "apply",
]
