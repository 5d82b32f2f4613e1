"""Reading what was written gives the same declaration; splitting finds every record wherever the bytes are cut."""

from __future__ import annotations

import io
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from tidewaiter.messages.csv_form import CsvForm
from tidewaiter.messages.form import Form
from tidewaiter.messages.json_form import JsonForm
from tidewaiter.messages.leaves import leaves
from tidewaiter.messages.pointers import canonical, json_steps, steps
from tidewaiter.messages.shape import Element, Kind, elements
from tidewaiter.model.declaration import Declaration, MessageFunction

SETTINGS = settings(max_examples=30, deadline=None)

TEXTS = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn")) | st.sampled_from('\n\t",;|:{}[]\\\r'),
    max_size=12,
)
NUMBERS = st.decimals(min_value=-(10**12), max_value=10**12, places=3, allow_nan=False).map(lambda n: n + Decimal(0))
LEAVES: dict[Kind, st.SearchStrategy[Any]] = {
    Kind.TEXT: TEXTS,
    Kind.WHOLE_NUMBER: st.integers(1, 10_000),
    Kind.DECIMAL: NUMBERS,
    Kind.DAY: st.dates(date(1990, 1, 1), date(2100, 1, 1)),
    Kind.MOMENT: st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    Kind.CHOICE: st.sampled_from(MessageFunction),
}


def value(element: Element) -> st.SearchStrategy[Any]:
    one = record(element.group) if element.group else LEAVES[element.kind]
    if element.name == "currency":
        one = st.sampled_from(["EUR", "GBP", "DKK"])
    return st.lists(one, max_size=2).map(tuple) if element.is_list else one


def record(kind: type[Struct]) -> st.SearchStrategy[Any]:
    """Records with any of their elements filled; what is kept from other forms is tried apart."""
    members = {name: element for name, element in elements(kind).items() if name != "extras"}
    required = {name: value(element) for name, element in members.items() if element.is_required}
    optional = {
        name: st.deferred(lambda e=element: value(e)) for name, element in members.items() if not element.is_required
    }
    return st.fixed_dictionaries(required, optional=optional).map(lambda found: kind(**found))


DECLARATIONS = record(Declaration)


def through(form: Form, declarations: list[Declaration]) -> list[Declaration | None]:
    message = form.write(declarations)
    readings = [form.read(found.body) for found in form.split(io.BytesIO(message))]
    assert [finding for reading in readings for finding in reading.findings] == []
    return [reading.declaration for reading in readings]


@SETTINGS
@given(st.lists(DECLARATIONS, min_size=1, max_size=3))
def test_json_gives_back_what_was_written(declarations: list[Declaration]) -> None:
    assert through(JsonForm(), declarations) == declarations


@SETTINGS
@given(DECLARATIONS, st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=3))
def test_json_keeps_unknown_members(declaration: Declaration, strangers: list[tuple[str, str]]) -> None:
    source = json.loads(JsonForm().write([declaration]))
    holder = source["goods_items"][0] if source.get("goods_items") else source
    holder.update({f"x{name}": text for name, text in strangers})
    holder["function"] = holder.get("function", "original") if holder is source else "x"
    first = JsonForm().read(json.dumps(source).encode())
    assert first.declaration is not None
    assert len(first.notes) == len({name for name, _ in strangers}) + (holder is not source)
    assert JsonForm().read(JsonForm().write([first.declaration])).declaration == first.declaration


def carried_by_csv(record: Any) -> Any:
    """What of a record CSV can carry: no empty groups, no empty texts in lists, one reference a declaration."""
    if isinstance(record, tuple):
        found = tuple(carried_by_csv(one) for one in record)
        while found and (found[-1] == "" or (isinstance(found[-1], Struct) and not list(leaves(found[-1])))):
            found = found[:-1]
        return tuple(one for one in found if one != "")
    if not isinstance(record, Struct):
        return record
    members = {name: carried_by_csv(getattr(record, name)) for name in elements(type(record))}
    hollow = {
        name: None
        for name, member in members.items()
        if isinstance(member, Struct) and name != "consignment" and not list(leaves(member))
    }
    return type(record)(**members | hollow)


@SETTINGS
@given(st.lists(DECLARATIONS, min_size=1, max_size=3))
def test_csv_gives_back_what_it_can_carry(declarations: list[Declaration]) -> None:
    wanted = [
        msgspec.structs.replace(carried_by_csv(declaration), functional_reference_id=f"L{no}")
        for no, declaration in enumerate(declarations)
    ]
    found = through(CsvForm(), wanted)
    assert [one and msgspec.structs.replace(one, extras=()) for one in found] == wanted


@SETTINGS
@given(DECLARATIONS)
def test_every_place_of_a_declaration_can_be_located(declaration: Declaration) -> None:
    source = json.loads(JsonForm().write([declaration]))
    for path, _ in leaves(declaration):
        pointer = canonical(path)
        assert steps(pointer) == path
        if path == ("function",) and declaration.function is MessageFunction.ORIGINAL:
            continue  # a default, not written
        found: Any = source
        for step in json_steps(JsonForm().locate(declaration, pointer)) or ():
            found = found[int(step)] if isinstance(found, list) else found[step]
        assert CsvForm().locate(declaration, pointer).startswith("row ")


@SETTINGS
@given(
    st.lists(DECLARATIONS, min_size=1, max_size=4), st.sampled_from(["lines", "list", "member", "indented"]), st.data()
)
def test_records_are_found_in_every_layout(declarations: list[Declaration], layout: str, data: st.DataObject) -> None:
    bodies = JsonForm().write(declarations).splitlines()
    bodies = [msgspec.json.format(body, indent=2) for body in bodies] if layout == "indented" else bodies
    message = {
        "lines": b"\n".join(bodies),
        "list": b"[" + b", ".join(bodies) + b"]",
        "member": b'{"declarations": [' + b",".join(bodies) + b"]}",
        "indented": b"\n".join(bodies),
    }[layout]
    found = [found.body for found in JsonForm().split(io.BytesIO(message))]
    assert found == bodies
    cut = data.draw(st.integers(0, len(message)))
    whole: list[bytes] = []
    try:
        whole.extend(record.body for record in JsonForm().split(io.BytesIO(message[:cut])))
    except Exception as error:
        assert type(error).__name__ == "MessageError"  # noqa: PT017  the records before it are what matters
    assert all(body in bodies or body in message[:cut] for body in whole)


@SETTINGS
@given(st.binary(max_size=200) | TEXTS.map(str.encode))
def test_no_bytes_whatever_make_reading_raise(body: bytes) -> None:
    for form in (JsonForm(), CsvForm()):
        reading = form.read(body)
        assert reading.declaration is not None or reading.findings
        nested = form.read(b'{"invoice_id":' + body + b"}")
        assert nested.declaration is not None or nested.findings
