"""Exports to ASYCUDA World: a declaration as its single administrative document, consignments as its manifest.

Written so that an administration which keeps its declarations there can use Tidewaiter for parcels alone. The schema of
the document (Asycuda421.xsd) is one recovered from systems in use, not one that UNCTAD publishes; the manifest follows
UNCTAD's “Cargo Manifest: XML Message Description” (draft A.1.0 of July 2019), for which no schema is at hand.
"""

from tidewaiter.messages.asycuda.manifest import Voyage, write_manifest
from tidewaiter.messages.asycuda.sad import write_sad

__all__ = ["Voyage", "write_manifest", "write_sad"]
