"""The form "h7"."""

from __future__ import annotations

from tidewaiter.messages.wco_xml.form import WcoXmlForm, holds_declaration, is_danish, plain_head


class H7Form(WcoXmlForm):
    """EU low-value declaration, Danish schema: a bare Declaration that names its data set."""

    name = "h7"
    title = "EU low-value declaration H7, Danish schema 1.9 (XML)"
    table_name = "h7"

    def recognises(self, head: bytes) -> bool:
        """A Declaration without an envelope that names a European data set (ProcedureCategory)."""
        plain = plain_head(head)
        return holds_declaration(plain) and is_danish(plain)
