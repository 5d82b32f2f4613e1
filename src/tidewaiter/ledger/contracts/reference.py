"""The reference page of the contracts, made of the rules themselves (`docs/reference/contracts.md`)."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import get_args

from msgspec import structs

from tidewaiter.ledger.contracts.rules import VERSIONS
from tidewaiter.ledger.contracts.ruling import DAY, RuleSet
from tidewaiter.ledger.contracts.statements import Body
from tidewaiter.ledger.contracts.vocabulary import EntryType, FactKind, Role

_ROLES = {
    Role.CUSTOMS: "customs that decide on the consignment: those of the destination, on import",
    Role.CUSTOMS_ORIGIN: "customs of the country that the goods left",
    Role.PERMITS: "an authority that issues permits, for goods or flights",
    Role.COLLECTOR: "whoever takes duties and taxes for an administration",
    Role.CARRIER: "post, courier, carrier, logistics firm",
    Role.PORT: "port or airport",
    Role.MARKETPLACE: "marketplace",
    Role.ZONE: "whoever runs a free zone or warehouse",
    Role.DEVICE: "whoever answers for smart security devices, sensors and aircraft",
    Role.SEQUENCER: "whoever puts entries in order",
}
_HEAD = """<!-- made by `tidewaiter docs write` -->
# Contracts

Which entries the record takes. A sequencer refuses an entry that a rule does not take, and says by which rule and why; a mirror that finds one in
a block does not cosign. Both come to the same state, entry by entry, and its hash closes each block. Why it is so: [ADR 37](../adr/0037-contracts-are-pure-functions.md);
what others can see: [ADR 38](../adr/0038-what-the-record-does-not-tell.md).

A *scope* is what all entries on one consignment, lot, permit, status or device share. A *share* is parts of 1,000,000,000 of what was paid,
permitted or stored, rounded up: no amount stands in the record. A further part is told as what all parts come to with it, less what they came to without, so
that they come to the whole and not beyond. *Positions* are counted over all origins of a network.
The log's own time is that of the entries of type `state`, which close blocks.

What has happened can always be told. A step of the movement out of order is taken and marked (`backwards`, `after_end`); delivery or exit without release is
refused, unless the entry says of itself that it is irregular: then it is taken, marked (`told`, `unreleased`), and the goods are held.
"""

_STATEMENTS = """
## Statements

An entry of governance is bound to a statement, which travels beside it and is public: canonical JSON (RFC 8785) with two members, `body` and `signatures`. The
entry's commitment is SHA-256 over the line `tidewaiter statement v1`, a newline and the canonical JSON of `body`; just these bytes are signed (Ed25519).
`signatures` are by the number of the key (the first 128 bits of the SHA-256 of its 32 bytes, in hexadecimal), in base 64. Public keys in bodies are in base 64, hashes
in hexadecimal. Who has to sign is told by the rules `statement.quorum`, `key.rotated`, `key.vouched` and `settled.once`; a key that is brought in always signs too.
"""


def render_contracts() -> str:
    """Roles, types of entries with their facts, and every version of the rules, as Markdown."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield _HEAD
    yield from ("## Roles", "", "| role | who |", "|---|---|")
    yield from (f"| `{role}` | {_ROLES[role]} |" for role in Role)
    for rules in VERSIONS:
        yield from _version(rules)
    yield _STATEMENTS
    yield from ("| type | members of the body, beside `type` and `origin` | what it says |", "|---|---|---|")
    for body in get_args(Body):
        names = [each.name for each in structs.fields(body) if each.name != "origin"]
        said = " ".join(inspect.cleandoc(body.__doc__).split())
        yield f"| `{body.__struct_config__.tag}` | {', '.join(f'`{name}`' for name in names)} | {said} |"


def _version(rules: RuleSet) -> Iterator[str]:
    windows = rules.windows
    yield from (
        "",
        f"## Rules, version {rules.version}",
        "",
        f"In the log they are named by the hash `{rules.hash}`.",
        "",
    )
    yield from (
        f"- An entry may be {windows.late // DAY} days late, and {windows.ahead // 60} minutes ahead of the entry that closes its block.",
        f"- A scope on which nothing more is expected is forgotten {windows.ended // DAY} days after its last entry, any other, and a payment "
        f"that nobody settled, after {windows.idle // DAY} days; never while goods are held or a permit or status is valid.",
        f"- A scope has {windows.entries:,} entries at most.",
        "",
        "| rule | entries | what it says | what to do | source |",
        "|---|---|---|---|---|",
    )  # fmt: skip
    for each in rules.rules:
        types = ", ".join(f"`{name}`" for name in sorted(each.types)) or "all"
        yield f"| `{each.id}` | {types} | {' '.join(each.text.split())} | {each.hint} | {each.source} |"
    yield from (
        "",
        "Beside these: `entry.type` (no such type), `rules.unknown` (this program does not have the rules that apply now: it stops).",
    )
    yield from (
        "",
        f"### Types of entries, version {rules.version}",
        "",
        "| type | says | who | facts |",
        "|---|---|---|---|",
    )
    for kind in rules.types:
        yield f"| `{kind.name}` | {kind.says} | {', '.join(sorted(kind.roles))} | {_facts(kind)} |"


def _facts(kind: EntryType) -> str:
    told = [_fact(name, fact) for name, fact in kind.facts.items()]
    told += [f"{_fact(name, fact)} (may be missing)" for name, fact in kind.optional.items()]
    return "; ".join(told)


def _fact(name: str, fact: FactKind) -> str:
    return f"`{name}`: {fact.told}"
