"""The vocabulary: plain, frozen records that every room of the house speaks in.

Nothing here does I/O, reads a clock or draws chance. The words are those of the
WCO Data Model where it has them; `docs/reference/declaration.md` lists each
element with its WCO id.
"""
