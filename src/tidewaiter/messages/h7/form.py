"""The form "h7"."""

from __future__ import annotations

from tidewaiter.messages.wco_xml.form import WcoXmlForm, holds_declaration, plain_head


class H7Form(WcoXmlForm):
    """EU low-value declaration, Danish schema: a bare Declaration that names its data set."""

    name = "h7"
    title = "EU low-value declaration H7, Danish schema 1.9 (XML)"
    table_name = "h7"

    def recognises(self, head: bytes) -> bool:
        """A Declaration that names a European data set (ProcedureCategory), which the WCO form of HMRC never does."""
        plain = plain_head(head)
        return holds_declaration(plain) and b"ProcedureCategory>" in plain
