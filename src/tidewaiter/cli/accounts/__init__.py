"""`tidewaiter accounts`: what is owed, secured, paid and given back, and the proof that it all adds up."""

from __future__ import annotations

from collections.abc import Callable

from cyclopts import App

from tidewaiter.cli.accounts import booking, paying, proving, securing, stating

app = App(name="accounts")
_COMMANDS: dict[str, Callable[..., int]] = {
    "post": booking.post,
    "set-aside": booking.set_aside,
    "retry": booking.retry,
    "list": booking.list_,
    "entries": booking.entries,
    "balances": booking.balances,
    "debts": booking.debts,
    "bank": paying.bank,
    "enter": paying.enter,
    "suspense": paying.suspense,
    "allocate": paying.allocate,
    "waiting": paying.waiting,
    "approve": paying.approve,
    "refuse": paying.refuse,
    "grant": securing.grant,
    "guarantees": securing.guarantees,
    "draw": securing.draw,
    "interest": securing.interest,
    "issue": stating.issue,
    "statements": stating.statements,
    "statement": stating.statement,
    "return": stating.return_,
    "operator": stating.operator,
    "reconcile": proving.reconcile_,
}
for _name, _command in _COMMANDS.items():
    app.command(_command, name=_name)
