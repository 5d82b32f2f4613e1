"""When a declaration stands in time: goods announced, goods there, or goods long gone.

The additional declaration type, the letter after the declaration type ("IMA", "COD"),
of data element 11 02 000 000 (formerly 1/2) in Annex B of Delegated Regulation (EU)
2015/2446; the letters J, K and Q are those of the United Kingdom (records entries and
final supplementary declarations).
"""

from __future__ import annotations

from enum import StrEnum

from tidewaiter.model.declaration import Declaration, MessageFunction


class Timing(StrEnum):
    """Where the goods are when the declaration is lodged."""

    PRELODGED = "prelodged"  # not there yet
    ARRIVED = "arrived"
    SUPPLEMENTARY = "supplementary"  # released before, on a simplified declaration or an entry in the records


_TIMINGS = (
    dict.fromkeys("DEFK", Timing.PRELODGED)
    | dict.fromkeys("ABCJR", Timing.ARRIVED)
    | dict.fromkeys("XYZUVQ", Timing.SUPPLEMENTARY)
)


def timing(declaration: Declaration) -> Timing | None:
    """What the declaration says of itself; None where it does not say."""
    if declaration.function is MessageFunction.PRESENTATION:
        return Timing.ARRIVED
    code = declaration.type_code
    return _TIMINGS.get(code[-1:]) if len(code) in (1, 3) else None
