"""The life of a policy: written, checked, proposed, approved by a second person, published, retired, as rule sets are.

    life = Policies(store)
    version = life.begin(policy_key("DK"), text, Who("ann", "winter volumes"))

A jurisdiction has one policy, everybody's where it has none of its own; where none is published the one that ships
decides. What is published is kept under the SHA-256 of its text, which every decision's risk knowledge names.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from typing import ClassVar, Final, NoReturn

from tidewaiter.model.errors import LawDataError, NotFoundError
from tidewaiter.quality.registry import rules
from tidewaiter.risk import Part, PartKind
from tidewaiter.risk.policy import Policy, heeds, load_policy, read_policy
from tidewaiter.risk.rules import Problem
from tidewaiter.workflow.rule_set_records import Examined, Key, RuleSetError
from tidewaiter.workflow.rule_sets import RuleSets, Who
from tidewaiter.workflow.targeting import PartInUse, in_use

NAME: Final = "policy"  # of every policy as a part
_PLACE: Final = re.compile(r"line (\d+), column (\d+)")


def policy_key(jurisdiction_code: str = "") -> Key:
    """The policy of a jurisdiction; everybody's where none is named."""
    return Key(NAME, jurisdiction_code.upper(), PartKind.POLICY)


class Policies(RuleSets):
    """What officers do with policies. Safe in threads."""

    kind: ClassVar[PartKind] = PartKind.POLICY
    noun: ClassVar[str] = "policy"
    command: ClassVar[str] = "tidewaiter risk policy"

    def start_trial(self, key: Key, number: int, who: Who) -> NoReturn:
        """A policy is not tried beside what decides: its draws would be those of the other. Raises RuleSetError."""
        raise RuleSetError(
            f"{self.noun} {key} cannot be on trial", hint="tidewaiter risk policy plan works out what rates come to"
        )

    def deciding(self, jurisdiction_code: str = "") -> tuple[Policy, PartInUse | None]:
        """The policy that decides in a jurisdiction, and who put it in use; None for the one that ships."""
        used = in_use(self._store)
        mine = next((each for each in used.of(jurisdiction_code.upper()) if _decides(each)), None)
        if mine is None:
            return load_policy(), None
        since = next(each for each in used.parts if each.part == mine)
        return read_policy(self._store.knowledge(mine.digest), mine.name), since

    def _absent(self, key: Key) -> NotFoundError:
        whose = key.jurisdiction_code or "everywhere"
        return NotFoundError(f"no policy was written yet for {whose}", hint=f"{self.command} draft begins one")

    def _examined(self, key: Key, text: str, parts: Iterable[Part]) -> Examined:
        """What is wrong with the text of a policy, and what is to be looked at beside the scores in use."""
        try:
            policy = read_policy(text.encode(), NAME)
        except LawDataError as error:
            found = _PLACE.search(error.detail)
            line, column = (int(found[1]), int(found[2])) if found else (0, 0)
            words = error.detail.removeprefix(f"{NAME}: ")
            hint = error.hint if error.hint and "beside it" not in error.hint else "docs/how-to/select.md shows one"
            return Examined((Problem(code="policy", words=words, line=line, column=column, hint=hint),), 0)
        return Examined(tuple(_odd(policy, parts)), 0, text, hashlib.sha256(text.encode()).hexdigest())


def _decides(part: Part) -> bool:
    return part.kind is PartKind.POLICY and not part.is_shadow


def _odd(policy: Policy, parts: Iterable[Part]) -> Iterator[Problem]:
    """What a policy says and nothing comes of."""
    models = {part.name for part in parts if part.kind is PartKind.MODEL and not part.is_shadow}
    for name in policy.scores:
        if name not in models:
            words, hint = f"no score {name} is in use: its steps send on nothing", "tidewaiter score list shows them"
            yield Problem(code="policy", words=words, hint=hint, is_warning=True)
    yield from odd_alone(policy)


def odd_alone(policy: Policy) -> Iterator[Problem]:
    """The same as far as it is seen without knowing what is in use."""
    for wanted in policy.quality_rules:
        if not any(heeds(wanted, each.rule_id) for each in rules()):
            words, hint = f"no rule is called {wanted}: it raises no lane", "tidewaiter rule list shows them"
            yield Problem(code="policy", words=words, hint=hint, is_warning=True)
    if not policy.selection_share:
        words = "nothing is drawn by chance: what no rule describes is never met, and no estimate can be made"
        yield Problem(code="policy", words=words, hint="selection_share: a hundredth does", is_warning=True)
    for office, budget in policy.budgets.items():
        if budget.parcels * budget.random < 1:
            words = f"of the budget of {office} less than a parcel is kept for chance"
            yield Problem(code="policy", words=words, hint="random: a tenth is usual", is_warning=True)
