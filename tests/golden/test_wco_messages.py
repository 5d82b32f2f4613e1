"""Whole messages, written here, and the declarations they are: in, out, and by the standards' own schemas."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from tidewaiter.messages.form import Form
from tidewaiter.messages.h7 import H7Form
from tidewaiter.messages.wco_dm import WcoDmForm
from tidewaiter.messages.xsd import SchemaSet
from tidewaiter.model.canonical import canonical_bytes
from tidewaiter.model.declaration import Declaration

HERE = Path(__file__).parent
FORMS: dict[str, tuple[Form, str]] = {
    "wco_dm": (WcoDmForm(), "wco-dm-hmrc-cds"),
    "h7": (H7Form(), "eu-h7-denmark"),
}
MESSAGES = sorted(path for folder in FORMS for path in (HERE / folder).glob("*.xml"))


@pytest.mark.parametrize("path", MESSAGES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_message_reads_as_its_declaration(path: Path) -> None:
    form, _ = FORMS[path.parent.name]
    reading = form.read(path.read_bytes())
    expected = msgspec.json.decode(path.with_suffix(".json").read_bytes(), type=Declaration)
    assert reading.findings == ()
    assert reading.declaration == expected
    assert reading.declaration is not None
    assert (
        msgspec.json.format(canonical_bytes(reading.declaration), indent=2) + b"\n"
        == path.with_suffix(".json").read_bytes()
    )


@pytest.mark.parametrize("path", MESSAGES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_it_is_written_so_that_it_reads_the_same(path: Path) -> None:
    form, _ = FORMS[path.parent.name]
    reading = form.read(path.read_bytes())
    assert reading.declaration is not None
    assert form.read(form.write([reading.declaration])) == reading


@pytest.mark.parametrize("path", MESSAGES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_its_form_alone_recognises_it(path: Path) -> None:
    recognised = [name for name, (form, _) in FORMS.items() if form.recognises(path.read_bytes()[: 64 * 1024])]
    assert recognised == [path.parent.name]


@pytest.mark.parametrize("path", MESSAGES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_it_is_valid_before_and_after(path: Path, samples: Path) -> None:
    form, folder = FORMS[path.parent.name]
    schemas = SchemaSet.from_folder(samples / folder)
    reading = form.read(path.read_bytes())
    assert reading.declaration is not None
    assert schemas.validate(path.read_bytes()) == ()
    assert schemas.validate(form.write([reading.declaration])) == ()
