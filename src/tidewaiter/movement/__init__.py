"""Events of a parcel's way: arrival, seal, scan, release, exit. Its place is kept for the shared record."""
