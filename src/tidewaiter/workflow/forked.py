"""What worker processes read and never change, loaded by being imported: for the process alone that they are forked from.

This is the one module that works when it is imported, because a fork server can be told modules and nothing else. What it
loads takes most of a second, which each worker of each crew would otherwise spend before its first decision.
"""

from __future__ import annotations

import gc
from datetime import UTC, datetime

from tidewaiter.quality import at_hand

at_hand.load(datetime.now(UTC).date())
gc.freeze()  # so that no worker's first collection goes through it, and copies it
