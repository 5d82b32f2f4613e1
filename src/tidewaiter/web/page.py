"""The frame of every page: templates, how values are shown, and what each page knows."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Any, Final
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from litestar import Request
from litestar.datastructures import State
from litestar.response import Template

import tidewaiter
from tidewaiter.model.decision import State as DeclarationState
from tidewaiter.model.money import Money
from tidewaiter.revenue.postings import shown
from tidewaiter.web import words

SECTIONS: Final = (
    ("start", "/"),
    ("parcels", "/parcels"),
    ("returns", "/returns"),
    ("messages", "/messages"),
    ("rules", "/rules"),
    ("stock", "/stock"),
    ("accounts", "/accounts"),
    ("submit", "/submit"),
    ("quote", "/quote"),
    ("classify", "/classify"),
    ("track", "/track"),
    ("law", "/regimes"),
    ("api", "/api"),
    ("health", "/health"),
)
OPEN_SECTIONS: Final = frozenset({"quote", "classify", "track", "law", "api", "health"})  # that anyone may read
BYTES_IN_KIB: Final = 1024
# Zero width, direction marks, overrides and isolates: what is read must be what was sent.
INVISIBLE: Final = {
    code: f"⟦U+{code:04X}⟧" for code in (*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xFEFF)
}
# Currencies that ISO 4217 (list one) gives no minor unit.
WITHOUT_MINOR_UNIT: Final = frozenset(
    (
        "BIF",
        "CLP",
        "DJF",
        "GNF",
        "ISK",
        "JPY",
        "KMF",
        "KRW",
        "PYG",
        "RWF",
        "UGX",
        "UYI",
        "VND",
        "VUV",
        "XAF",
        "XOF",
        "XPF",
    )
)
DIGEST_SHOWN: Final = 12  # characters of a SHA-256 that tell two apart on a page; the rest is in its title


@cache
def environment() -> Environment:
    """The templates with everything they may call. A name no one gave is an error, never an empty text."""
    env = Environment(
        loader=PackageLoader("tidewaiter.web", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=plainly,
    )
    env.globals.update(t=words.text, version=tidewaiter.__version__, sections=SECTIONS, open_sections=OPEN_SECTIONS)
    env.filters.update(
        money=money, in_currency=in_currency, booked=booked, about=about, figure=figure, day=day, moment=moment, typed=typed, size=size, number=number, digest=short_digest,
        query=query, word=word, tone=tone, identity=id, signed=signed,
    )  # fmt: skip
    return env


def plainly(value: Any) -> Any:
    """Text as it goes into a page: characters that hide or turn text around are named instead of obeyed."""
    return value.translate(INVISIBLE) if type(value) is str and not value.isascii() else value


def render(
    request: Request[Any, Any, State], template: str, *, section: str, title: str, status: int = 200, **context: Any
) -> Template:
    """A page: `template` with `context` and with who is looking, the form's token, and where in the site it stands."""
    settings = request.app.state.get("settings")
    frame = {
        "user": request.scope.get("user"),
        "is_local": settings is not None and settings.is_local,
        "form_token": request.scope["state"].get("form_token", ""),
        "section": section,
        "title": title,
        "path": request.url.path,
    }
    return Template(template, context=frame | context, status_code=status, media_type="text/html")


def money(amount: Money | None) -> str:
    """ "1,234.50 GBP", no digit lost; empty for none."""
    return "" if amount is None else f"{in_currency(amount.amount, amount.currency)}\u00a0{amount.currency}"


def in_currency(amount: Decimal | int, currency: str) -> str:
    """ "1,234.50" and "0.00", but "1,234" of a currency that has no smaller unit: figures in one column have one form."""
    return figure(amount) if currency in WITHOUT_MINOR_UNIT else booked(Decimal(amount))


def booked(amount: Decimal) -> str:
    """ "1,234.50": an amount of the accounts, whose currency stands beside it."""
    return f"{shown(amount):,f}"


def about(subject: str) -> str:
    """What a posting is about, in words: "Parcel 42", "Payment B7"."""
    kind, _, rest = subject.partition(":")
    return f"{word(kind, 'subject')} {rest}" if rest else subject


def figure(value: Decimal | int | str | None) -> str:
    """A number with its thousands set apart and no digit lost; other text as it is."""
    if isinstance(value, Decimal | int):
        return f"{value:,f}" if isinstance(value, Decimal) else f"{value:,}"
    return "" if value is None else str(value)


def signed(value: Decimal) -> str:
    """What a change moves, with its sign: "+1,234.50", "−3.00"; a plain 0 where it moves nothing."""
    return f"{value:+,f}".replace("-", "\u2212") if value else "0"


def number(value: int) -> str:
    """A count with its thousands set apart."""
    return f"{value:,}"


def day(value: date | None) -> str:
    """2026-03-31: the same in every language, and it sorts."""
    return "" if value is None else value.isoformat()[:10]


def moment(value: datetime | None) -> str:
    """2026-03-31 14:05, in UTC as it is kept."""
    return "" if value is None else value.astimezone(UTC).strftime("%Y-%m-%d %H:%M")


def typed(value: datetime | None) -> str:
    """A moment as a form's field has it: in UTC, to the millisecond where it is no whole minute."""
    if value is None:
        return ""
    plain = value.astimezone(UTC).replace(tzinfo=None)
    return plain.isoformat(timespec="milliseconds" if plain.second or plain.microsecond else "minutes")


def size(value: int) -> str:
    """A number of bytes in a unit a person reads: "1.4 MiB"."""
    rest = Decimal(value)
    if rest < BYTES_IN_KIB:
        return f"{rest:,f} bytes"
    for unit in ("KiB", "MiB", "GiB"):
        rest /= BYTES_IN_KIB
        if rest < BYTES_IN_KIB:
            return f"{rest:,.1f} {unit}"
    return f"{rest / BYTES_IN_KIB:,.1f} TiB"


def short_digest(value: str) -> str:
    """The first characters of a digest."""
    return value[:DIGEST_SHOWN] + ("…" if len(value) > DIGEST_SHOWN else "")


def query(values: dict[str, Any]) -> str:
    """A query string with its question mark, without what is empty."""
    pairs = {key: value for key, value in values.items() if value not in (None, "")}
    return f"?{urlencode(pairs)}" if pairs else ""


def word(value: Enum | str | None, group: str) -> str:
    """The word of a code in a group of texts; the code itself where there is no word for it."""
    code = value.value if isinstance(value, Enum) else value or "none"
    return words.texts().get(f"{group}.{code}", str(code))


def tone(state: DeclarationState) -> str:
    """Whether a state waits for someone ("wait"), lets the goods go ("done"), has ended ("ended") or flows ("flow")."""
    if state in WAITING:
        return "wait"
    if state in (DeclarationState.RELEASED, DeclarationState.CLEARED):
        return "done"
    return "ended" if state in ENDED else "flow"


WAITING: Final = (
    DeclarationState.UNDER_CONTROL,
    DeclarationState.AWAITING_DOCUMENTS,
    DeclarationState.AWAITING_PERMIT,
    DeclarationState.AWAITING_PAYMENT,
    DeclarationState.AWAITING_ORIGINAL,
)
ENDED: Final = (
    DeclarationState.REJECTED,
    DeclarationState.REFUSED,
    DeclarationState.INVALIDATED,
    DeclarationState.APPLIED,
)
