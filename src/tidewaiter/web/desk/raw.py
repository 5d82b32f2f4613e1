"""Bytes from outside made fit to look at, and to take away: never interpreted, never run."""

from __future__ import annotations

from typing import Final

from litestar import Response
from msgspec import Struct

from tidewaiter.web.page import INVISIBLE

SHOWN_BYTES_MAX: Final = 64 * 1024
SUFFIXES: Final = {"json": "json", "csv": "csv"}  # every other form is XML
CONTROLS: Final = {code: f"⟦U+{code:04X}⟧" for code in (*range(0x09), 0x0B, 0x0C, *range(0x0E, 0x20), 0x7F)}


class Raw(Struct, frozen=True):
    """The beginning of some bytes as text, and how much there is."""

    text: str
    shown: int
    size: int

    @property
    def is_cut(self) -> bool:
        """True where there is more than is shown."""
        return self.shown < self.size

    @classmethod
    def of(cls, body: bytes) -> Raw:
        """`body` as text: wrong encoding marked, invisible and turning characters named."""
        head = body[:SHOWN_BYTES_MAX]
        text = head.decode("utf-8-sig", errors="replace").translate(INVISIBLE | CONTROLS)
        return cls(text, len(head), len(body))


def suffix(form: str) -> str:
    """How a file of this form is called at its end."""
    return SUFFIXES.get(form, "xml")


def download(body: bytes, file_name: str) -> Response[bytes]:
    """Bytes to keep: as an attachment no browser opens by itself."""
    return Response(
        body,
        media_type="application/octet-stream",
        headers={"Content-Disposition": f'attachment; filename="{file_name}"'},
    )
