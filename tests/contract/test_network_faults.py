"""The simulated network under faults: nothing goes wrong in it, and faults planted in the machines are found."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

import pytest

from tidewaiter.cli.app import main
from tidewaiter.cli.bench.faults.plans import MANNERS, Manner, drawn
from tidewaiter.cli.bench.faults.report import simulated
from tidewaiter.cli.bench.faults.running import Machines, run
from tidewaiter.ledger.batches import Rules
from tidewaiter.ledger.checkpoints import Checkpoint
from tidewaiter.ledger.contracts import State
from tidewaiter.ledger.effects import Caller, Effect
from tidewaiter.ledger.leaves import Leaf
from tidewaiter.ledger.mirroring import Mirror
from tidewaiter.ledger.notes import SignedNote
from tidewaiter.ledger.resuming import Resumed
from tidewaiter.ledger.sequencing import Memory, Sequencer, Setup
from tidewaiter.network.agreeing import Agreements

SEEDS = 100
"""Within so many seeds a planted fault is to be found."""


class HastyMirror(Mirror):
    """It cosigns before its disk has what it cosigns."""

    def _after(self, *effects: Effect) -> list[Effect]:
        return list(effects)


class HastySequencer(Sequencer):
    """It promises before its disk has what it promises."""

    def _after(self, *effects: Effect) -> list[Effect]:
        return list(effects)


class EarlySequencer(Sequencer):
    """It sends checkpoints before its disk has the blocks."""

    def _seal(self) -> list[Effect]:
        written = super()._seal()
        for _, block, end in self._sealing:
            self.followers.add(block, end)
        self._sealing = []
        return [*self.followers.send(self._now), *written]


class TrustingMirror(Mirror):
    """It believes the log about the contract."""

    def _applied(self, leaves: list[Leaf], first: int) -> None:
        self.rules.take(leaves)


class TwoFacedMirror(Mirror):
    """It cosigns whatever it is shown of a size that it has."""

    def _known(self, note: SignedNote, checkpoint: Checkpoint, caller: Caller, now: int) -> list[Effect]:
        return self._cosign(note, checkpoint, caller, now)


class CarelessMirror(Mirror):
    """It does not look who signed for entries, nor in which order."""

    def _signed_for(self, slips: object, leaves: object, hashes: object) -> dict[str, int]:
        return {}


class ForgetfulSequencer(Sequencer):
    """After a restart it knows no running number."""

    @classmethod
    def recovered(
        cls, setup: Setup, rules: Rules, records: Iterable[bytes], resumed: Resumed[Memory] | None = None
    ) -> Sequencer:
        machine = super().recovered(setup, rules, records, resumed)
        machine._numbers.clear()
        machine._promises.clear()
        return machine


class HastyAgreements(Agreements):
    """A log goes on past a decision on the quorum that is not final."""

    def decided(self, size: int, state: State) -> None:
        super().decided(size, state)
        self.waits_for = 0


class EarlyAgreements(Agreements):
    """What is decided counts at once, and not when it is final."""

    def decided(self, size: int, state: State) -> None:
        super().decided(size, state)
        self.change(self.charter.amended(state.realm))


PLANTED = {
    "a mirror cosigns before it has synced": (Machines(mirror=HastyMirror), MANNERS, "came back with"),
    "a sequencer promises before it has synced": (Machines(sequencer=HastySequencer), MANNERS, "was promised"),
    "a sequencer sends checkpoints before it has synced": (Machines(sequencer=EarlySequencer), MANNERS, ""),
    "a mirror does not replay the contract": (
        Machines(mirror=TrustingMirror),
        ("breaks the rules",),
        "does not replay",
    ),
    "a mirror cosigns another root of a size": (Machines(mirror=TwoFacedMirror), MANNERS, "beside or below"),
    "a mirror does not look who signed": (Machines(mirror=CarelessMirror), ("makes entries up",), "did not hand in"),
    "a sequencer forgets running numbers": (Machines(sequencer=ForgetfulSequencer), MANNERS, ""),
    "a log goes on past a quorum that is not decided for good": (
        Machines(agreements=HastyAgreements),
        MANNERS,
        "a reader does not",
    ),
    "another quorum counts at once": (Machines(agreements=EarlyAgreements), MANNERS, ""),
    "two of four are taken for a quorum": (Machines(quorum=2), ("two tongues",), "conflict"),
}
"""What is planted, in runs with which sequencers it can show, and what is complained of then."""


WENT_WRONG = {26: "did not come to an end", 47: "a reader does not"}
"""Seeds that found that a log went on past another quorum before that was final, and what was complained of."""


def test_a_statement_that_a_crash_left_unsealed_ends_its_block() -> None:
    """This seed found that a sequencer took more before it sealed, and no mirror followed."""
    assert run(520).complaints == []


def test_nothing_goes_wrong() -> None:
    report = simulated(24, 0)
    assert report.failures == []
    assert report.figures["final checkpoints"] > 150
    assert report.figures["crashes"] > 100
    assert all(report.figures[f"changes: {kind}"] for kind in ("quorum", "cosigner rotated", "key rotated", "joined"))
    assert report.figures["handed over"] > 0
    assert report.refusals["statement.quorum"] > 0
    assert report.refusals["batch.forged"] > 0
    assert report.refusals["batch.replayed"] > 0


def test_a_seed_is_the_same_run_again() -> None:
    first, second = run(7), run(7)
    assert (first.figures, first.refusals) == (second.figures, second.refusals)
    assert run(8).figures != first.figures


@pytest.mark.parametrize(("seed", "went"), WENT_WRONG.items())
def test_a_seed_that_went_wrong_goes_well(seed: int, went: str) -> None:
    before = run(seed, Machines(agreements=HastyAgreements))
    assert any(went in each for each in before.complaints)
    assert run(seed).complaints == []


@pytest.mark.parametrize(("machines", "manners", "complaint"), PLANTED.values(), ids=PLANTED.keys())
def test_a_planted_fault_is_found(machines: Machines, manners: Sequence[Manner], complaint: str) -> None:
    for seed in (each for each in range(SEEDS) if drawn(each).manner in manners):
        outcome = run(seed, machines)
        if any(complaint in each for each in outcome.complaints):
            assert not run(seed).complaints, "the same seed goes well without the fault"
            return
    pytest.fail(f"{SEEDS} seeds did not find it")


def test_the_command_tells_figures_and_how_it_went(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["bench", "ledger-simulate", "--seeds", "3", "--from", "5", "--json"])
    assert left.value.code == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["seeds"], told["first"], told["failures"]) == (3, 5, [])
