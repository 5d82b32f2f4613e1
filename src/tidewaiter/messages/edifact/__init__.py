"""UN/EDIFACT interchanges (ISO 9735) of customs messages, directory D.00A, read by a table.

The UPU's own EDIFACT messages (M33 ITMATT and those to customs) are restricted
documents. What is public is that ITMATT has an implementation on the directory
D.00A (CEN/TR 17536:2021, scope). What posts hand over is read as far as it uses
segments and codes of that directory as CUSCAR, CUSDEC and CUSEXP do; conformance
with a UPU standard is not claimed.
"""

from tidewaiter.messages.edifact.form import EdifactForm

__all__ = ["EdifactForm"]
