"""The documentation is true: commands parse, paths exist, generated pages are current."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tidewaiter.cli.app import build
from tidewaiter.model.event_words import DISPOSITIONS, STEPS

ROOT = Path(__file__).resolve().parents[3]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
MAKE_TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def commands() -> list[tuple[str, str]]:
    """Each line beginning with `tidewaiter` inside a code block of a hand-written page."""
    found = []
    for page in PAGES:
        for block in re.findall(r"^```(?:bash|sh|console)?\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL):
            lines = block.replace("\\\n", " ").splitlines()
            found += [(page.name, line.removeprefix("$ ")) for line in lines if re.match(r"(\$ )?tidewaiter ", line)]
    return [(page, line) for page, line in found if page != "cli.md"]


@pytest.mark.parametrize(("page", "line"), commands())
def test_commands_in_the_docs_parse(page: str, line: str) -> None:
    words = shlex.split(line.split("#")[0].split("|")[0].split(" > ")[0])[1:]
    command, _, unused, _ = build().parse_known_args(words)
    assert command is not None, f"{page}: {line}"
    assert not unused, f"{page}: {line}"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_and_make_targets_exist(page: Path) -> None:
    text = page.read_text()
    targets = [
        t.split("#")[0] for t in re.findall(r"\]\(([^)\s]+)\)", text) if not t.startswith(("http", "#", "mailto:"))
    ]
    missing = [target for target in targets if target and not (page.parent / target).exists()]
    unknown = set(re.findall(r"`make ([a-z-]+)", text)) - MAKE_TARGETS
    assert not missing, f"{page.name}: links {missing}"
    assert not unknown, f"{page.name}: make targets {unknown}"


def test_docs_speak_of_no_machine() -> None:
    """No absolute path of a machine in anything a reader sees."""
    private = re.compile(r"(?<![\w.])/(?:work|root|home|tmp)/[a-z]")
    hits = [p.name for p in PAGES if private.search(p.read_text())]
    assert not hits


def test_every_word_of_ours_for_events_stands_in_the_reference() -> None:
    text = (ROOT / "docs" / "reference" / "epcis.md").read_text()
    for each in (*STEPS, *DISPOSITIONS):
        assert f"| `tidewaiter:{each.name}` | `{each.nearest}` | {each.meaning} |" in text
