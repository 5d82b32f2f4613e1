"""Links as features: how many parcels known not to be in order share a key with this one, by kind.

The definition that others work out in batches: for each kind the number of distinct parcels, known to be bad before this
one came, that share a key of the kind which no more than `DEGREE_MAX` parcels share. Over arrays it is a group count of
the bad by key, joined on the key, summed by parcel and kind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

from tidewaiter.risk.links.expanding import DEGREE_MAX, WORTH
from tidewaiter.risk.links.keys import LinkKey


def known_bad_neighbours(
    own_id: int, keys: Sequence[LinkKey], sharing: Mapping[LinkKey, Sequence[int]], bad: AbstractSet[int]
) -> dict[str, int]:
    """Feature → number of parcels, for every kind; `sharing` are the parcels of each key, `bad` those known as such."""
    by_kind: dict[str, set[int]] = {f"link.bad_by_{kind.value}": set() for kind in WORTH}
    for key in keys:
        others = sharing.get(key, ())
        if key.kind in WORTH and len(others) <= DEGREE_MAX:
            by_kind[f"link.bad_by_{key.kind.value}"].update(
                other for other in others if other in bad and other != own_id
            )
    return {name: len(found) for name, found in by_kind.items()}
