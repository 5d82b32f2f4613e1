"""Signing: session cookies that say which officer is there, and form tokens that other sites cannot make.

Both are HMAC-SHA256 over plain text; nothing is kept on the server. A new secret ends every session.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from typing import Final

import msgspec
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from msgspec import Struct

from tidewaiter.web.principal import Principal, Role
from tidewaiter.web.settings import WebSettings

SESSION_COOKIE: Final = "tidewaiter_session"
FORM_COOKIE: Final = "tidewaiter_form"
FORM_FIELD: Final = "_token"
TOKEN_BYTES: Final = 18
FAILURES_MAX: Final = 5  # wrong passwords in a row before the name has to wait
WAIT_SECONDS: Final = 30


class Session(Struct, frozen=True):
    """Who signed in, and until when (seconds since 1970) that holds."""

    name: str
    until: int


def issue(settings: WebSettings, name: str, now: float) -> str:
    """A cookie's value that says `name` is signed in from `now` for a shift."""
    session = Session(name, int(now) + settings.session_seconds)
    body = base64.urlsafe_b64encode(msgspec.json.encode(session)).decode()
    return f"{body}.{_sign(settings, 'session', body)}"


def read(settings: WebSettings, cookie: str, now: float) -> Principal | None:
    """The officer a session cookie stands for; None where it is forged, old or of someone who left."""
    body, _, signature = cookie.partition(".")
    if not hmac.compare_digest(signature.encode(), _sign(settings, "session", body).encode()):
        return None
    try:
        session = msgspec.json.decode(base64.urlsafe_b64decode(body), type=Session)
    except (binascii.Error, msgspec.DecodeError, ValueError):
        return None
    is_valid = session.until > now and session.name in settings.officers
    return Principal(session.name, Role.OFFICER) if is_valid else None


def password_is_right(settings: WebSettings, name: str, password: str) -> bool:
    """True where `name` is an officer with this password. Takes as long for an unknown name."""
    hashed = settings.officers.get(name)
    try:
        return PasswordHasher().verify(hashed or _nobody(), password) and hashed is not None
    except (VerificationError, InvalidHashError):
        return False


def new_nonce() -> str:
    """A fresh value for the form cookie."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def form_token(settings: WebSettings, nonce: str) -> str:
    """What a form must carry to be taken from the browser that holds `nonce` in its form cookie."""
    return _sign(settings, "form", nonce)


def form_token_is_right(settings: WebSettings, nonce: str, token: str) -> bool:
    """True where `token` was made for `nonce` by this server."""
    return bool(nonce) and hmac.compare_digest(token.encode(), form_token(settings, nonce).encode())


class Throttle:
    """Makes a name wait after too many wrong passwords in a row. Each serving process counts for itself, from its start."""

    def __init__(self) -> None:
        self._failures: dict[str, tuple[int, float]] = {}

    def wait_seconds(self, name: str, now: float) -> int:
        """How long `name` still has to wait; 0 where it may try."""
        count, last = self._failures.get(name, (0, 0.0))
        return max(0, int(last + WAIT_SECONDS - now) + 1) if count >= FAILURES_MAX and now < last + WAIT_SECONDS else 0

    def failed(self, name: str, now: float) -> None:
        """Count one wrong password; forget what is long past, so that guessed names do not pile up."""
        self._failures = {key: seen for key, seen in self._failures.items() if now - seen[1] < 2 * WAIT_SECONDS}
        self._failures[name] = (self._failures.get(name, (0, 0.0))[0] + 1, now)

    def succeeded(self, name: str) -> None:
        """Forget the wrong passwords of `name`."""
        self._failures.pop(name, None)


def _sign(settings: WebSettings, purpose: str, text: str) -> str:
    mac = hmac.new(settings.secret, f"{purpose}\n{text}".encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(mac.digest()).decode().rstrip("=")


def _nobody() -> str:
    """A hash no password gives, with the same cost as a real one."""
    return "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHRzb21lc2FsdA$" + "A" * 43
