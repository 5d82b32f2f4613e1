"""A request to the EPCIS interface, taken apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from tidewaiter.messages.epcis.vocabulary import STANDARD_PREFIXES
from tidewaiter.web.principal import Principal
from tidewaiter.workflow.event_ports import Captor, Scope


class Asked(Struct, frozen=True):
    """Who asks, the steps of the path, the names in it, the parameters and headers (in small letters), and the body."""

    principal: Principal
    steps: tuple[str, ...]
    names: tuple[str, ...]
    parameters: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes = b""

    def with_body(self, body: bytes) -> Asked:
        """The same with a body."""
        return replace(self, body=body)

    @property
    def scope(self) -> Scope:
        """Whose events may be seen."""
        return Scope(None if self.principal.is_officer else self.principal.sender_id)

    @property
    def captor(self) -> Captor:
        """Who tells of events."""
        return Captor(self.principal.name, self.principal.sender_id)

    @property
    def prefixes(self) -> dict[str, str]:
        """The prefixes that names of parameters may have: the standard's and those of the header GS1-Extensions."""
        found = dict(STANDARD_PREFIXES)
        for part in self.headers.get("gs1-extensions", "").split(","):
            prefix, _, uri = part.strip().partition("=")
            if prefix and ":" in uri:
                found[prefix] = uri
        return found

    def asked_for(self, *without: str) -> dict[str, Any]:
        """The parameters of a query among all."""
        return {
            name: values
            for name, values in self.parameters.items()
            if name not in ("perPage", "nextPageToken", *without)
        }
