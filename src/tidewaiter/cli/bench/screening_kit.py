# ruff: noqa: ARG001 (a kind that leaves nothing to chance is called as the others are)
"""Names and how they come to be written otherwise: 22 kinds of perturbation, made up from a seed.

Names are Faker's, of thirteen languages and four scripts, persons and companies; no real list is in it. A list is drawn,
its names are perturbed, and other names of the same making are asked for that are on no list.
"""

from __future__ import annotations

import importlib
import random
import re
from collections.abc import Callable, Sequence
from typing import Any, Final

from msgspec import Struct

from tidewaiter.model.errors import TidewaiterError
from tidewaiter.model.transliteration import latin
from tidewaiter.risk.screening.first.names import name_of

# Whom lists name, and who receives parcels in Europe; a fifth of the receivers have names like those on lists.
LISTED: Final = (
    "ru_RU", "uk_UA", "es_MX", "ar_AA", "fa_IR", "zh_CN", "vi_VN", "tr_TR", "en_US", "bg_BG", "el_GR", "fr_FR",
)  # fmt: skip
RECEIVERS: Final = (
    "da_DK", "en_GB", "de_DE", "fr_FR", "pl_PL", "tr_TR", "nl_NL", "sv_SE", "es_ES", "it_IT", "ro_RO", "en_US",
)  # fmt: skip
COMPANIES_OF_TEN: Final = 4  # among the listed; one of ten receivers is a company
RECEIVERS_LIKE_LISTED: Final = 5  # one of so many


class NoFakerError(TidewaiterError):
    """The library that makes up names is not installed."""

    code = "bench.no_faker"


class Perturbed(Struct, frozen=True):
    """A name on the list, and how it was written."""

    kind: str
    listed: str
    written: str


class Kit(Struct, frozen=True):
    """A list, names of it written otherwise, and names that are on no list."""

    listed: tuple[str, ...]
    perturbed: tuple[Perturbed, ...]
    others: tuple[str, ...]


def made(seed: int, listed: int, others: int) -> Kit:
    """The kit of a seed. Raises NoFakerError."""
    chance = random.Random(seed)  # noqa: S311 (the same for the same seed)
    on_list = _names(seed, LISTED, listed, COMPANIES_OF_TEN)
    like = others // RECEIVERS_LIKE_LISTED
    asked = [*_names(seed + 7, LISTED, like, 1), *_names(seed + 9, RECEIVERS, others - like, 1)]
    bare = _Bare(LISTED + RECEIVERS)
    taken = {key for name in on_list for key in (_same(name), _same(bare.of(name)))}
    perturbed = []
    for name in on_list:
        kind = chance.choice(sorted(KINDS))
        for _ in range(8):  # not every kind fits every name
            written = KINDS[kind](name, chance)
            if written and written != name:
                perturbed.append(Perturbed(kind, name, written))
                break
            kind = chance.choice(sorted(KINDS))
    return Kit(
        tuple(on_list),
        tuple(perturbed),
        tuple(name for name in asked if _same(name) not in taken and _same(bare.of(name)) not in taken),
    )


# Of companies Faker's prefixes are the name itself.
_DRESSES: Final = {
    "company": ("company_suffixes",),
    "person": ("prefixes", "prefixes_female", "prefixes_male", "suffixes", "suffixes_female", "suffixes_male"),
}


class _Bare:
    """Names without the titles and legal forms that Faker itself puts to them."""

    def __init__(self, locales: Sequence[str]) -> None:
        faker: Any = importlib.import_module("faker")
        parts: set[str] = set()
        for locale in dict.fromkeys(locales):
            for provider in faker.Faker(locale).factories[0].providers:
                fields = _DRESSES.get(type(provider).__module__.split(".")[2], ())
                parts.update(str(part).strip() for field in fields for part in getattr(provider, field, ()))
        told = "|".join(sorted((re.escape(part) for part in parts if part), key=len, reverse=True))
        self._parts = re.compile(rf"(?:^|(?<=\s))(?:{told})(?=\s|$)")

    def of(self, name: str) -> str:
        """The name without them; the whole of it where nothing would be left."""
        return self._parts.sub(" ", name).strip() or name


def _same(name: str) -> tuple[str, ...]:
    """What two names have in common that differ in titles, legal forms, order and script alone: they are one name."""
    return tuple(sorted(name_of(name).words))


def _names(seed: int, locales: Sequence[str], count: int, companies: int) -> list[str]:
    """So many different names, in equal parts of each language; of ten, `companies` are companies."""
    try:
        faker: Any = importlib.import_module("faker")
    except ImportError as error:
        raise NoFakerError("Faker is not installed", hint="pip install tidewaiter[bench]") from error
    makers = []
    for place, locale in enumerate(locales):
        maker = faker.Faker(locale)
        maker.seed_instance(seed * 1000 + place)
        makers.append(maker)
    found: dict[str, None] = {}
    number = 0
    while len(found) < count:
        maker = makers[number % len(makers)]
        name = maker.company() if number // len(makers) % 10 < companies else maker.name()
        found.setdefault(" ".join(str(name).split()))
        number += 1
    return list(found)


def _letter(name: str, chance: random.Random, least: int = 3) -> int | None:
    """A place within a word, not its first letter."""
    places = [at for at in range(1, len(name)) if name[at].isalpha() and name[at - 1].isalpha()]
    return chance.choice(places) if len(places) >= least else None


def _substituted(name: str, chance: random.Random) -> str:
    at = _letter(name, chance)
    return "" if at is None else name[:at] + chance.choice("aeionrstl") + name[at + 1 :]


def _dropped(name: str, chance: random.Random) -> str:
    at = _letter(name, chance)
    return "" if at is None else name[:at] + name[at + 1 :]


def _inserted(name: str, chance: random.Random) -> str:
    at = _letter(name, chance)
    return "" if at is None else name[:at] + chance.choice("aeionrstl") + name[at:]


def _swapped(name: str, chance: random.Random) -> str:
    at = _letter(name, chance)
    return "" if at is None or at + 1 >= len(name) else name[:at] + name[at + 1] + name[at] + name[at + 2 :]


def _doubled(name: str, chance: random.Random) -> str:
    at = _letter(name, chance)
    return "" if at is None else name[:at] + name[at] + name[at:]


def _two_typos(name: str, chance: random.Random) -> str:
    return _dropped(_substituted(name, chance) or name, chance) if len(name) > 9 else ""


def _turned(name: str, chance: random.Random) -> str:
    words = name.split()
    return f"{words[-1]}, {' '.join(words[:-1])}" if len(words) > 1 else ""


def _turned_with_typo(name: str, chance: random.Random) -> str:
    return _substituted(_turned(name, chance), chance)


def _initial(name: str, chance: random.Random) -> str:
    words = name.split()
    return f"{words[0][0]}. {' '.join(words[1:])}" if len(words) > 1 and len(words[-1]) > 3 else ""


def _more(name: str, chance: random.Random) -> str:
    words = name.split()
    return f"{words[0]} {chance.choice(('A.', 'Maria', 'Jean', 'K.'))} {' '.join(words[1:])}" if len(words) > 1 else ""


def _less(name: str, chance: random.Random) -> str:
    words = name.split()
    return f"{words[0]} {words[-1]}" if len(words) > 2 else ""


def _merged(name: str, chance: random.Random) -> str:
    words = name.split()
    return "".join(words) if len(words) == 2 else ""


def _split(name: str, chance: random.Random) -> str:
    at = _letter(name, chance, 6)
    return "" if at is None else f"{name[:at]} {name[at:]}"


def _hyphened(name: str, chance: random.Random) -> str:
    return name.replace(" ", "-", 1) if " " in name else name.replace("-", " ")


def _upper(name: str, chance: random.Random) -> str:
    return name.upper() if name.upper() != name else ""


def _latin(name: str, chance: random.Random) -> str:
    found = " ".join(latin(name).split()).title()
    return found if found.lower() != name.lower() else ""


def _latin_otherwise(name: str, chance: random.Random) -> str:
    """Another scheme of transliteration than the one that AnyAscii follows."""
    found = _latin(name, chance)
    for one, other in (
        ("Yu", "Iu"),
        ("iy", "y"),
        ("yi", "i"),
        ("zh", "j"),
        ("ch", "tch"),
        ("kh", "h"),
        ("ev", "eff"),
        ("Ye", "E"),
    ):
        found = found.replace(one, other)
    return found if found != _latin(name, chance) else ""


def _umlaut(name: str, chance: random.Random) -> str:
    found = name
    for one, other in (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("ß", "ss"), ("ø", "oe"), ("å", "aa"), ("æ", "ae")):
        found = found.replace(one, other).replace(one.upper(), other.title())
    return found


def _sounding(name: str, chance: random.Random) -> str:
    found = name
    for one, other in (
        ("ph", "f"),
        ("ck", "k"),
        ("c", "k"),
        ("w", "v"),
        ("th", "t"),
        ("tz", "z"),
        ("y", "i"),
        ("z", "s"),
    ):
        if one in found:
            return found.replace(one, other)
    return ""


def _scanned(name: str, chance: random.Random) -> str:
    for one, other in (("l", "1"), ("o", "0"), ("s", "5")):
        if one in name:
            return name.replace(one, other, 1)
    return ""


def _other_form(name: str, chance: random.Random) -> str:
    for form in ("GmbH", "Ltd", "Inc", "LLC", "PLC", "S.A.", "A/S", "Group"):
        if name.endswith(f" {form}"):
            return (
                f"{name[: -len(form) - 1]} {chance.choice(('Limited', 'Co., Ltd.', 'Corp'))}" if form != "Group" else ""
            )
    return ""


def _shouted(name: str, chance: random.Random) -> str:
    return "  ".join(f"{word}." for word in name.split())


Perturb = Callable[[str, random.Random], str]
KINDS: Final[dict[str, Perturb]] = {
    "a letter substituted": _substituted, "a letter dropped": _dropped, "a letter inserted": _inserted,
    "two letters swapped": _swapped, "a letter doubled": _doubled, "two typos": _two_typos, "words turned": _turned,
    "words turned, with a typo": _turned_with_typo, "an initial": _initial, "a name more": _more, "a name less": _less,
    "merged": _merged, "split": _split, "a hyphen": _hyphened, "capitals": _upper, "in Latin letters": _latin,
    "in Latin letters otherwise": _latin_otherwise, "umlauts written out": _umlaut, "spelt as it sounds": _sounding,
    "scanned": _scanned, "another legal form": _other_form, "full stops": _shouted,
}  # fmt: skip


def pairs(kit: Kit, seed: int, near: Callable[[str], Sequence[str]]) -> list[tuple[str, str, bool]]:
    """Pairs that are one name and pairs that are not, as many of each: half of the latter are near, by `near`."""
    chance = random.Random(seed)  # noqa: S311
    found = [(each.listed, each.written, True) for each in kit.perturbed]
    for place in range(len(found)):
        other = kit.others[place % len(kit.others)]
        close = near(other) if place % 2 else ()
        found.append((close[0] if close else chance.choice(kit.listed), other, False))
    return found
