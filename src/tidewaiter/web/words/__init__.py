"""Every text of the pages, by key, from one file per language."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from typing import Any, Final

DEFAULT_LANGUAGE: Final = "en"


@cache
def texts(language: str = DEFAULT_LANGUAGE) -> dict[str, str]:
    """All texts of one language by dotted key ("parcels.title"). Raises FileNotFoundError for an unknown language."""
    source = resources.files(__name__).joinpath(f"{language}.toml").read_text(encoding="utf-8")
    return dict(_flatten("", tomllib.loads(source)))


def text(key: str, /, **values: object) -> str:
    """The text under `key` with its placeholders filled. Raises KeyError where there is none.

    A count `n` picks between `key.one` and `key.other` where those exist.
    """
    known = texts()
    if "n" in values and key not in known:
        key = f"{key}.{'one' if values['n'] == 1 else 'other'}"
    return known[key].format(**values) if values else known[key]


def _flatten(prefix: str, table: dict[str, Any]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for key, value in table.items():
        path = f"{prefix}{key}"
        found += _flatten(f"{path}.", value) if isinstance(value, dict) else [(path, value)]
    return found
