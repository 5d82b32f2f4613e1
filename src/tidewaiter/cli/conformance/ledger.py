"""The shared record on outside files: proofs with their verdicts, tiled logs, canonical JSON, signatures.

Files are known by what is in them, in whatever folder they lie:

- JSON objects with `proof` and `wantErr`: one proof of inclusion or consistency each, for a log or a part of one;
- JSON objects with `testGroups` in the manner of Wycheproof, for Ed25519 and ML-DSA-44;
- folders `input` and `output` side by side with files of the same names: JSON and its canonical form; `outhex`, if
  it is there, holds the same bytes as hexadecimal digits;
- folders with a file `checkpoint` and a folder `tile`: logs (`ledger_logs`);
- files `specification.yml` with claims some of which are hidden: credentials (`sd_jwt`).
"""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from tidewaiter.cli.conformance import ledger_logs, sd_jwt
from tidewaiter.cli.conformance.case import Case
from tidewaiter.ledger import proving
from tidewaiter.ledger.jcs import canonicalized
from tidewaiter.ledger.keys import KeyType, VerifierKey
from tidewaiter.ledger.verdict import LedgerError, Verdict

FOLDER: Final = "ledger"
FILE_BYTES_MAX: Final = 16 * 1024 * 1024
PROOF: Final = frozenset({"proof", "wantErr"})
ALGORITHMS: Final = ("EDDSA", "ML-DSA-44")


class Run:
    """One run of the suite, and what it counted."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.notes: list[str] = []

    def cases(self, samples: Path) -> Iterator[Case]:
        """Every case below the folder of the record, or below the folder itself where it has none of that name."""
        folder = samples / FOLDER if (samples / FOLDER).is_dir() else samples
        for path in sorted(folder.rglob("*.json")):
            name = str(path.relative_to(folder))
            content = _read(path)
            if isinstance(content, dict) and content.keys() >= PROOF:
                yield self._proof(name, content)
            elif isinstance(content, dict) and isinstance(content.get("testGroups"), list):
                yield from self._signatures(name, content)
        yield from self._canonical(folder)
        for path in ledger_logs.logs(folder):
            log = ledger_logs.OutsideLog(path, folder)
            self.counts["tiled logs"] += 1
            yield from log.cases()
            self.counts += log.counts
            self.notes += log.notes
        for path in sd_jwt.specifications(folder):
            self.counts["SD-JWT specifications"] += 1
            yield sd_jwt.case_of(path, str(path.relative_to(folder)))

    def information(self, samples: Path) -> list[str]:
        """What was counted, and what is not claimed."""
        lines = [f"{what}: {count}" for what, count in sorted(self.counts.items()) if count]
        return [*lines, *self.notes]

    def _proof(self, name: str, content: dict[str, Any]) -> Case:
        self.counts["proofs of RFC 6962 and of parts of logs"] += 1
        try:
            verdict = verdict_on(content)
        except (KeyError, TypeError, ValueError) as error:
            return Case(name, False, f"this is not a proof as it is known here: {error!r}")
        if bool(verdict) is content["wantErr"]:
            wanted = "to be refused" if content["wantErr"] else "to hold"
            return Case(name, False, f"it was {wanted}; the verdict is “{verdict.reason or 'proved'}”")
        return Case(name, True, verdict.reason)

    def _signatures(self, name: str, content: dict[str, Any]) -> Iterator[Case]:
        if content.get("algorithm") not in ALGORITHMS:
            return
        for group in content["testGroups"]:
            for place, test in enumerate(group.get("tests", ())):
                try:
                    case = f"{name}: {test.get('tcId', place)}"
                    key = key_of(group["publicKey"], test)
                    if key is None:
                        self.counts[
                            "signatures of other kinds (contexts, inner messages, private keys), left alone"
                        ] += 1
                    else:
                        yield self._verification(case, key, test)
                except (AttributeError, KeyError, TypeError, ValueError) as error:
                    yield Case(case, False, f"this is not a signature as it is known here: {error!r}")

    def _verification(self, name: str, key: VerifierKey, test: dict[str, Any]) -> Case:
        self.counts[f"signatures, {key.type.name}"] += 1
        message, signature = bytes.fromhex(test["msg"]), bytes.fromhex(test["sig"])
        found = "valid" if key.has_signed(message, signature) else "invalid"
        if key.has_signed(message + b"\0", signature):
            return Case(name, False, "the signature holds for a longer message too")
        return Case(name, test["result"] in (found, "acceptable"), f"{found}, {test.get('comment') or 'no comment'}")

    def _canonical(self, folder: Path) -> Iterator[Case]:
        for path in sorted(folder.rglob("*.json")):
            expected = path.parent.with_name("output") / path.name
            if path.parent.name != "input" or not expected.is_file():
                continue
            self.counts["canonical JSON"] += 1
            wanted = {expected.read_bytes()}
            digits = path.parent.with_name("outhex") / f"{path.stem}.txt"
            if digits.is_file():
                wanted.add(bytes.fromhex(digits.read_text()))
            try:
                passed = wanted == {canonicalized(path.read_bytes())}
                yield Case(str(path.relative_to(folder)), passed, "" if passed else "other bytes than published")
            except LedgerError as error:
                yield Case(str(path.relative_to(folder)), False, error.detail)


def key_of(public: dict[str, Any] | str, test: dict[str, Any]) -> VerifierKey | None:
    """The key of a test of signatures; None where the record does not sign in that way."""
    if isinstance(public, dict):
        is_ours = public["curve"] == "edwards25519"
        return VerifierKey("key", KeyType.ED25519, bytes.fromhex(public["pk"])) if is_ours else None
    if test["result"] != "valid" or "msg" not in test or test.get("ctx"):
        return None
    return VerifierKey("key", KeyType.COSIGNATURE_ML_DSA_44, bytes.fromhex(public))


def verdict_on(vector: dict[str, Any]) -> Verdict:
    """The verdict on one proof, in the four shapes of such vectors. Raises KeyError, TypeError or ValueError for others."""
    proof = [base64.b64decode(each) for each in vector["proof"] or ()]

    def data(name: str) -> bytes:
        return base64.b64decode(vector[name] or "")

    if "leafIdx" in vector and "treeSize" in vector:
        root, index = data("root"), vector["leafIdx"]
        return proving.verify_inclusion(data("leafHash"), index, vector["treeSize"], root, proof)
    if "leafIdx" in vector:
        part = vector["start"], vector["end"]
        return proving.verify_subtree_inclusion(data("leafHash"), vector["leafIdx"], part, data("root"), proof)
    if "start" in vector:
        part = vector["start"], vector["end"]
        return proving.verify_subtree_consistency(part, data("root1"), vector["size"], data("root2"), proof)
    old, new = (vector["size1"], data("root1")), (vector["size2"], data("root2"))
    return proving.verify_consistency(old, new, proof)


def _read(path: Path) -> Any:
    """The JSON of a file; None where it holds none, or is too large to be a vector."""
    if path.stat().st_size > FILE_BYTES_MAX:
        return None
    try:
        return msgspec.json.decode(path.read_bytes())
    except msgspec.DecodeError:
        return None
