"""The form "wco-dm"."""

from __future__ import annotations

from tidewaiter.messages.wco_xml.form import WcoXmlForm, holds_declaration, is_danish, plain_head


class WcoDmForm(WcoXmlForm):
    """WCO Data Model 3.6 declaration, in MetaData or bare, with or without its namespace."""

    name = "wco-dm"
    title = "WCO Data Model 3.6 declaration (XML)"
    table_name = "wco_dm"

    def recognises(self, head: bytes) -> bool:
        """A Declaration in an envelope, or a bare one that does not name a European data set (ProcedureCategory)."""
        plain = plain_head(head)
        return holds_declaration(plain) and not is_danish(plain)
