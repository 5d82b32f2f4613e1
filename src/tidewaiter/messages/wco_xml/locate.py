"""A canonical pointer → the place in the sender's own terms, an XPath in local names."""

from __future__ import annotations

from collections.abc import Sequence

from tidewaiter.messages import pointers
from tidewaiter.messages.wco_xml import values
from tidewaiter.messages.wco_xml.tables import DECLARATION, Action, Scope, Table
from tidewaiter.model.declaration import Declaration


def locate(table: Table, declaration: Declaration, pointer: str, name: str = DECLARATION) -> str:
    """The XPath of a pointer below the root `name`; of the nearest element where the field itself has no place."""
    steps = pointers.steps(pointer)
    if steps[:1] == ("extras",) and len(steps) > 1 and isinstance(steps[1], int):
        if 0 <= steps[1] < len(declaration.extras):
            return declaration.extras[steps[1]].path
        return f"/{name}"
    return _within(table.roots[name], steps, f"/{name}")


def _within(scope: Scope, steps: Sequence[pointers.Step], here: str) -> str:
    field = ""
    for taken, step in enumerate(steps, start=1):
        if not isinstance(step, str):
            break
        field = f"{field}.{step}" if field else step
        rest = steps[taken:]
        for action in scope.records:
            if action.field == field:
                return _record(action, rest, here)
        for action in scope.leaves:
            if action.field == field or (action.kind == values.QUANTITY and field == "quantity_unit"):
                return f"{here}/{action.wire}{_attribute(action, field, rest)}"
        for action in scope.weaves.values():
            if field in action.weave.fields:
                return _woven(action, field, rest, here)
    return here


def _record(action: Action, rest: Sequence[pointers.Step], here: str) -> str:
    if rest and isinstance(rest[0], int):
        return _within(action.scope, rest[1:], f"{here}/{action.wire}[{rest[0] + 1}]")
    return _within(action.scope, rest, f"{here}/{action.wire}")


def _attribute(action: Action, field: str, rest: Sequence[pointers.Step]) -> str:
    if action.kind == values.MONEY and rest and rest[0] == "currency":
        return "/@currencyID"
    return "/@unitCode" if field == "quantity_unit" else ""


def _woven(action: Action, field: str, rest: Sequence[pointers.Step], here: str) -> str:
    index = rest[0] if rest and isinstance(rest[0], int) else 0
    place = action.weave.place(field, index)
    inner = action.weave.inner(next((step for step in rest if isinstance(step, str)), ""))
    if rest and rest[0] == "currency":
        inner = "/@currencyID"
    parent = action.wire.rpartition("/")[0] if action.kind != values.JOIN else ""
    return f"{here}/{parent}/{place}{inner}" if parent else f"{here}/{place}{inner}"
