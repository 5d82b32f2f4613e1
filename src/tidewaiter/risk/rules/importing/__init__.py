"""Rules of other systems, read into ours: what was understood, and every part that was not, with its place.

    read_asycuda(text, fields)   selectivity criteria of ASYCUDA ("If ComCod = "080810" … Then RedLane IS 100")
    read_dmn(content, fields)    decision tables of DMN 1.3 (XML), their cells in FEEL's unary tests
    read_jdm(content, fields)    decision tables of GoRules' JSON decision model

`fields` says what a name of the other system is here: {"ComCod": "item.commodity_code"}. A rule of which a part was not
understood is left out and told; nothing is dropped in silence, nothing is guessed.
"""

from tidewaiter.risk.rules.importing.asycuda import read_asycuda
from tidewaiter.risk.rules.importing.dmn import read_dmn
from tidewaiter.risk.rules.importing.imported import Imported
from tidewaiter.risk.rules.importing.jdm import read_jdm

__all__ = ["Imported", "read_asycuda", "read_dmn", "read_jdm"]
