"""Links: what a parcel shares with one that was seized. Keys, expansion, and the alarm that decisions ask.

keys = link_keys(declaration, salt)
linked = expand(start, neighbours)
reasons = Alarm.from_content(content).reasons(declaration)
"""

from tidewaiter.risk.links.alarm import Alarm, Alarmed
from tidewaiter.risk.links.expanding import Linked, Neighbours, Step, expand
from tidewaiter.risk.links.features import known_bad_neighbours
from tidewaiter.risk.links.keys import LinkKey, LinkKind, link_keys

__all__ = [
    "Alarm",
    "Alarmed",
    "LinkKey",
    "LinkKind",
    "Linked",
    "Neighbours",
    "Step",
    "expand",
    "known_bad_neighbours",
    "link_keys",
]
