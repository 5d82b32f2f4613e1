"""Who should be looked at: goods controls, watch list, random selection. A declaration and knowledge in, a judgement out.

    knowledge = load_knowledge("DK", date(2026, 7, 1))
    pointed = targeting.pointed(Subject(declaration, assessment, facts))
    judgement = judge(declaration, knowledge, draw, findings, Beside(pointed=pointed, chance=chance, circle=circle))

`knowledge` names what officers published (rules, lists, models); `Targeting` is what that comes to on a day. Each adds
reasons of its own to the same `Judgement`, and the lane is the highest any of them asks for.
"""

from tidewaiter.risk.by_tariff import reasons_by_tariff
from tidewaiter.risk.chance import Chance, draw
from tidewaiter.risk.controls import GoodsControl, Permit, controls_in_force
from tidewaiter.risk.facts import Facts
from tidewaiter.risk.judging import Beside, judge
from tidewaiter.risk.knowledge import Part, PartKind, RiskKnowledge, load_knowledge
from tidewaiter.risk.policy import Policy, load_policy
from tidewaiter.risk.selection.at_once import circle_of, random_share
from tidewaiter.risk.targeting import Subject, Targeting
from tidewaiter.risk.watch_list import WatchListEntry

__all__ = [
    "Beside",
    "Chance",
    "Facts",
    "GoodsControl",
    "Part",
    "PartKind",
    "Permit",
    "Policy",
    "RiskKnowledge",
    "Subject",
    "Targeting",
    "WatchListEntry",
    "circle_of",
    "controls_in_force",
    "draw",
    "judge",
    "load_knowledge",
    "load_policy",
    "random_share",
    "reasons_by_tariff",
]
