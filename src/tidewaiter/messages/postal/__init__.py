"""Item-level advance data of the post: the fields of the customs declarations CN 22 and CN 23, as JSON or a table.

A documented profile of our own, named after the WCO Data Model elements that the
Universal Postal Union selected. The UPU's message standards (M33 ITMATT, M43,
M44 and their successors) are not published; conformance with them is not claimed.
"""

from tidewaiter.messages.postal.form import PostalForm

__all__ = ["PostalForm"]
