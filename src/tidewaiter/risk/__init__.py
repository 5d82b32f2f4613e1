"""Who should be looked at: goods controls, watch list, random selection. A declaration and knowledge in, a judgement out.

    knowledge = load_knowledge("DK", date(2026, 7, 1))
    judgement = judge(declaration, knowledge, draw(seed, seed_id, key, knowledge.policy.selection_share), findings)

Profiles, history, scores and fuzzy screening come beside these: each adds reasons of
its own to the same `Judgement`, and the lane stays the highest any of them asks for.
"""

from tidewaiter.risk.by_tariff import reasons_by_tariff
from tidewaiter.risk.chance import draw
from tidewaiter.risk.controls import GoodsControl, Permit, controls_in_force
from tidewaiter.risk.judging import judge
from tidewaiter.risk.knowledge import RiskKnowledge, load_knowledge
from tidewaiter.risk.policy import Policy, load_policy
from tidewaiter.risk.watch_list import WatchListEntry

__all__ = [
    "GoodsControl",
    "Permit",
    "Policy",
    "RiskKnowledge",
    "WatchListEntry",
    "controls_in_force",
    "draw",
    "judge",
    "load_knowledge",
    "load_policy",
    "reasons_by_tariff",
]
