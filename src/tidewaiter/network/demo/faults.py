"""What goes wrong: a member dies, two are gone, a sequencer tells two histories."""

from __future__ import annotations

import asyncio
import hashlib
import time
from typing import Final

from tidewaiter.ledger.checkpoints import Checkpoint
from tidewaiter.ledger.effects import Block, Declined
from tidewaiter.ledger.entries import Entries
from tidewaiter.ledger.equivocation import Evidence, equivocation
from tidewaiter.ledger.notes import SignedNote
from tidewaiter.ledger.signing import sign
from tidewaiter.network.client import Peer
from tidewaiter.network.demo.stage import Stage
from tidewaiter.network.holding import checkpoint_of
from tidewaiter.network.mirror_side import EVIDENCE
from tidewaiter.network.outbox import Sent, post_blocks

KILLED: Final = "marketplace"
ALSO_GONE: Final = "free-zone"
DECEIVED: Final = "courier"
SUBJECT: Final = "pallet 12"
EVIDENCE_SECONDS_MAX: Final = 10


class Faults:
    """Each is brought about, not told."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage

    def run(self) -> None:
        """All of them."""
        self._killed()
        self._lying()

    def _killed(self) -> None:
        stage, network = self.stage, self.stage.network
        stage.scene("Members fail")
        for gone, words in ((KILLED, "is killed, as by kill -9"), (ALSO_GONE, "is killed too: two are gone")):
            pid = network.processes[gone].pid
            network.kill(gone)
            (placed,) = stage.tell("courier", [stage.told("moved", SUBJECT)])
            stage.await_final(placed)
            stage.line(gone, f"{words} (pid {pid})", f"entry {placed.index} became final all the same")
        network.start(KILLED, ALSO_GONE)
        (placed,) = stage.tell("courier", [stage.told("moved", SUBJECT)])
        stage.await_final(placed)
        note = network.await_final(KILLED, (placed.index or 0) + 1)
        stage.line(KILLED, "is started again", f"has caught up with {checkpoint_of(note).size} entries")

    def _lying(self) -> None:
        """The sequencer's key signs another history of the size that is held."""
        stage, network = self.stage, self.stage.network
        stage.scene("A sequencer tells two histories")
        liar, origin = stage.charter.sequencer, stage.charter.origin
        with network.operator(DECEIVED) as operator:
            size = checkpoint_of(operator.final()).size
            mirrored = operator.checkpoint_size(origin)
        key = network.homes[liar].keyring.log(origin)
        other = Checkpoint(origin, mirrored, hashlib.sha256(b"another history").digest())
        note = SignedNote(other.text, (sign(other.text, key),)).data
        (answer,) = asyncio.run(
            self._sent(stage.charter.members[DECEIVED].url, Block(mirrored - 1, Entries.of([b""]), (), note))
        )
        said = f"{answer.refuse.why} ({answer.refuse.code})" if isinstance(answer, Declined) else "was cosigned"
        stage.line(liar, f"signs another root of {mirrored} entries and shows it to {DECEIVED}", f"refused: {said}")
        evidence = Evidence.parse(self._evidence())
        verdict = equivocation(evidence.first, evidence.second, evidence.proof, stage.charter.log_key)
        stage.line(
            "anybody", "verifies the evidence offline", "the log told two histories" if verdict else verdict.reason
        )
        with network.operator(DECEIVED) as operator:
            frozen = operator.status()["origins"][-1]["frozen"]
        stage.line(DECEIVED, f"cosigns nothing more of {origin}; final were {size} entries", frozen)

    def _evidence(self) -> bytes:
        """What the deceived mirror has kept, once it is on its disk."""
        until = time.monotonic() + EVIDENCE_SECONDS_MAX
        while not (kept := self.stage.network.homes[DECEIVED].latest.kept(EVIDENCE)) and time.monotonic() < until:
            time.sleep(0.05)
        return kept

    @staticmethod
    async def _sent(url: str, block: Block) -> list[object]:
        peer = Peer(url)
        try:
            return list(await post_blocks(peer, [Sent(block)]))
        finally:
            peer.close()
