"""Other ways in and other places to vouch: replicated intake, and anchors of final checkpoints (ADR 42).

`intake` says what every intake promises, `embedded` (a file) and `nats` (JetStream) keep it, `following` makes a log
of what was taken in. `anchors` says what every anchor promises, `anchor_file` and `evm` keep it. None of it is needed
by an installation of one member.
"""
