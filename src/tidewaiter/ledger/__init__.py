"""The shared tamper-evident log. Its place is kept for the shared record."""
