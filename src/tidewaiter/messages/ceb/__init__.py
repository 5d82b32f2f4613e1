"""China's cross-border e-commerce messages (CEB): order, payment, transport, declaration list, and what goes with them.

Source: General Administration of Customs, messages between enterprises and the unified system of cross-border
e-commerce, editions 2018 (Announcement No. 113) and 202205. Orders, payments and transport documents are claims
(`model.claim`), the declaration list is what is declared.
"""

from tidewaiter.messages.ceb.form import CebForm

__all__ = ["CebForm"]
