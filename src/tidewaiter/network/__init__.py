"""The record among several parties: members as processes of their own, with files, keys, a database and HTTP (ADR 39).

What is decided here is decided by the pure machines of `tidewaiter.ledger`; this room carries messages to them and does
what they ask for: writes, syncs, sends, answers.
"""
