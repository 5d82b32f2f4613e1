"""History: what came before from and to the same people, counted by definitions that two executors share.

`identities` makes keys of names, addresses and phones that stay the same when they are written otherwise; `happening`
a happening of a declaration; `definitions` reads data/risk/features.yaml; `expressions` writes a definition as SQL, for
PostgreSQL as parcels come in and for DuckDB over whole periods (`batch`, the extra `risk`). ADR 25 says why.
"""

from tidewaiter.risk.history.definitions import Aggregate, Definition, Key, counted, definitions, numbers_of
from tidewaiter.risk.history.happening import Happening, happening_of

__all__ = ["Aggregate", "Definition", "Happening", "Key", "counted", "definitions", "happening_of", "numbers_of"]
