"""The house rules that a linter does not know: STYLE as tests over the source itself."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pycountry
import pytest

from tidewaiter.regimes.library import jurisdictions

SOURCE = Path(__file__).resolve().parents[3] / "src" / "tidewaiter"
MONEY_ROOMS = ("model", "tariff", "regimes", "assessment", "release", "revenue", "quotes", "simulation")
ENGINE_ROOMS = ("regimes", "assessment", "revenue", "quotes")  # these know law, and no country
CORE_ROOMS = (
    "model", "tariff", "regimes", "assessment", "release", "revenue", "messages", "quality", "classification", "risk",
    "movement", "operators", "ledger", "measures", "quotes", "simulation",
)  # fmt: skip
FUNCTION_LINES_MAX = 70
FUNCTION_PARAMETERS_MAX = 5
MODULE_LINES_MAX = 500
CLOCK_AND_CHANCE = {
    ("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today"), ("time", "time"),
    ("time", "monotonic"), ("random", "random"), ("random", "choice"), ("uuid", "uuid4"), ("os", "urandom"),
    ("secrets", "token_bytes"), ("secrets", "token_hex"), ("secrets", "token_urlsafe"),
}  # fmt: skip


def modules(*rooms: str) -> list[Path]:
    """The Python files of these rooms; of the whole house where none is named."""
    folders = [SOURCE / room for room in rooms] if rooms else [SOURCE]
    return sorted(path for folder in folders for path in folder.rglob("*.py"))


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def name(path: Path) -> str:
    return str(path.relative_to(SOURCE))


@pytest.mark.parametrize("path", modules(*MONEY_ROOMS), ids=name)
def test_money_rooms_know_no_float(path: Path) -> None:
    tree = ast.parse(path.read_text())
    literals = [n.lineno for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, float)]
    calls = [n.lineno for n in ast.walk(tree) if isinstance(n, ast.Name) and n.id == "float"]
    assert not literals + calls, f"float in {name(path)}, lines {literals + calls}"


@pytest.mark.parametrize("path", modules(*ENGINE_ROOMS), ids=name)
def test_the_engine_names_no_country(path: Path) -> None:
    codes = set(jurisdictions())
    names = {country.name for country in pycountry.countries} | set(jurisdictions().values())
    literals = [
        node.value
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "\n" not in node.value
    ]
    named = [text for text in literals if text in codes or any(name in text for name in names)]
    assert not named, f"{name(path)} names {named}: law belongs into data/regimes"


@pytest.mark.parametrize("path", modules(*CORE_ROOMS), ids=name)
def test_the_core_reads_no_clock_and_draws_no_chance(path: Path) -> None:
    tree = ast.parse(path.read_text())
    seen = [
        (n.lineno, n.attr)
        for n in ast.walk(tree)
        if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name) and (n.value.id, n.attr) in CLOCK_AND_CHANCE
    ]
    assert not seen, f"clock or chance in {name(path)}: {seen}"


@pytest.mark.parametrize("path", modules(), ids=name)
def test_functions_fit_a_screen(path: Path) -> None:
    long = [
        f"{f.name} ({f.end_lineno - f.lineno + 1} lines)"
        for f in functions(ast.parse(path.read_text()))
        if f.end_lineno and f.end_lineno - f.lineno + 1 > FUNCTION_LINES_MAX
    ]
    assert not long, f"{name(path)}: {long}"


@pytest.mark.parametrize("path", [p for p in modules() if "web" not in p.parts and "cli" not in p.parts], ids=name)
def test_functions_take_few_parameters(path: Path) -> None:
    """Positional ones; what is named at the call reads well even when there are more."""
    wide = [
        f.name
        for f in functions(ast.parse(path.read_text()))
        if len([a for a in f.args.posonlyargs + f.args.args if a.arg not in ("self", "cls")]) > FUNCTION_PARAMETERS_MAX
    ]
    assert not wide, f"{name(path)}: {wide}"


@pytest.mark.parametrize("path", modules(), ids=name)
def test_modules_stay_short(path: Path) -> None:
    lines = len(path.read_text().splitlines())
    assert lines <= MODULE_LINES_MAX, f"{name(path)} has {lines} lines"


@pytest.mark.parametrize("path", modules(), ids=name)
def test_what_is_public_says_what_it_is(path: Path) -> None:
    tree = ast.parse(path.read_text())
    silent = [
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
    ]
    assert ast.get_docstring(tree), f"{name(path)} does not say what it is"
    assert not silent, f"{name(path)}: no docstring on {silent}"


@pytest.mark.parametrize("path", modules(), ids=name)
def test_nothing_is_left_for_later(path: Path) -> None:
    marks = re.findall(r"\b(?:TODO|FIXME|XXX|HACK)\b|NotImplementedError", path.read_text())
    assert not marks, f"{name(path)}: {marks}"


def test_no_module_state_that_changes() -> None:
    """Module-level names bound to an empty list, dict or set are state waiting to happen."""
    found = [
        f"{name(path)}:{node.lineno}"
        for path in modules()
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        and isinstance(node.value, ast.List | ast.Dict)
        and not (node.value.elts if isinstance(node.value, ast.List) else node.value.keys)
    ]
    assert not found
