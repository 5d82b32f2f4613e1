"""Accounts: obligations, postings, guarantees, payments, interest, statements, refunds. Pure: what is booked, not where."""
