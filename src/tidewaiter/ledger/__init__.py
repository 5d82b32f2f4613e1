"""The shared tamper-evident log, computed and not kept: bytes in, bytes and verdicts out (ADR 35).

`merkle` and `proving` are the tree of RFC 6962, `tiles`, `appending` and `reading` its layout in files, `keys` and
`notes` what is signed, `checkpoints` what a log says of itself, `policies` whom one believes, `receipts` what a
party takes home; `leaves` is what an entry says, `commitments` what it is bound to without saying it.
"""
