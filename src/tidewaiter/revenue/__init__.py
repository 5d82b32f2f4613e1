"""Accounts, guarantees, statements, refunds. Its place is kept for law and money."""
