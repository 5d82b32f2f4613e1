"""Air waybills in the older teletype texts (Cargo-IMP): master (FWB), house (FHL), flight manifest (FFM).

Read by what the lines say rather than by version; the specification is not public. What is read was worked out from
published messages, so it is a profile, not a claim of conformance.
"""

from tidewaiter.messages.cargo_imp.form import CargoImpForm

__all__ = ["CargoImpForm"]
