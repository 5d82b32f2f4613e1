"""What stands before every handler: host names, who is asking, forms from this site only, headers."""

from __future__ import annotations

import asyncio
import time
from http.cookies import SimpleCookie
from typing import Any, Final
from urllib.parse import urlsplit

from litestar import Request
from litestar.datastructures import Headers, MutableScopeHeaders, State
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from tidewaiter.store.senders import key_digest
from tidewaiter.web import sessions
from tidewaiter.web.counter import BYTES_MAX
from tidewaiter.web.principal import LOCAL_OFFICER, Principal, Role, Senders, of_holder
from tidewaiter.web.problem import WebError
from tidewaiter.web.settings import WebSettings

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
API_PREFIX: Final = "/api/"
STATIC_PREFIX: Final = "/static/"
KEY_SECONDS: Final = 1  # for which it is remembered whose a key is, where it is asked for again later
KEYS_MAX: Final = 10_000
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
SECURITY_HEADERS: Final = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
    # What is shown here concerns people's parcels: no cache keeps it.
    (b"cache-control", b"no-store"),
)


async def secure(message: Message, _: Scope) -> None:
    """Before anything is sent: the headers that tell a browser what these pages may never do."""
    if message["type"] == "http.response.start":
        headers = list(message["headers"])
        given = {name.lower() for name, _ in headers}
        message["headers"] = headers + [header for header in SECURITY_HEADERS if header[0] not in given]


class WhoIsAsking(ASGIMiddleware):
    """Puts the principal, or None, into the scope. A wrong key is refused; a missing one where somebody must be known."""

    scopes = (ScopeType.HTTP, ScopeType.ASGI)

    def __init__(self, settings: WebSettings, senders: Senders) -> None:
        self._settings = settings
        self._senders = senders
        self._known: dict[str, tuple[float, Principal]] = {}  # header → until when, and who

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Check the host's name, then find out who asks."""
        headers = Headers.from_scope(scope)
        _check_host(headers.get("host", ""), self._settings.hosts)
        if scope["path"].startswith(API_PREFIX):
            said = scope["route_handler"].opt
            is_remembered = "is_key_asked_again" in said and _is_small(headers.get("content-length", ""))
            scope["user"] = await self._by_key(headers.get("authorization", ""), is_remembered=is_remembered)
            if scope["user"] is None and "is_for_the_known" in said:
                raise WebError("auth.required", "No valid key was sent.")
            _check_role(scope["user"], said)
        elif self._settings.is_local:
            scope["user"] = LOCAL_OFFICER
        else:
            cookie = _cookie(headers, sessions.SESSION_COOKIE)
            scope["user"] = sessions.read(self._settings, cookie, time.time())
        await next_app(scope, receive, send)

    async def _by_key(self, header: str, *, is_remembered: bool) -> Principal | None:
        """Whose key it is; where it may be remembered, as it was up to a second ago."""
        moment = time.monotonic()
        if is_remembered and (known := self._known.get(header)) is not None and moment < known[0]:
            return known[1]
        if not header:
            return None
        scheme, _, key = header.partition(" ")
        found = None
        if scheme.lower() == "bearer":
            found = await asyncio.get_running_loop().run_in_executor(None, self._senders.holder_of, key.strip())
        if found is None:
            raise WebError("auth.required", "The key that was sent is not known.")
        principal = of_holder(found, key_digest(key.strip()).hex())
        if len(self._known) >= KEYS_MAX:
            self._known.clear()
        self._known[header] = (moment + KEY_SECONDS, principal)
        return principal


class FormsFromHere(ASGIMiddleware):
    """Takes a form only from a page of this site: by the browser's own word, and by a token in the form."""

    scopes = (ScopeType.HTTP,)

    def __init__(self, settings: WebSettings) -> None:
        self._settings = settings

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Give a page its token; refuse a form without the right one."""
        if scope["path"].startswith((API_PREFIX, STATIC_PREFIX)):
            await next_app(scope, receive, send)
            return
        headers = Headers.from_scope(scope)
        nonce = _cookie(headers, sessions.FORM_COOKIE)
        if str(scope.get("method")) not in SAFE_METHODS:
            _check_origin(headers)
            form = await Request[Any, Any, State](scope, receive).form()
            if not sessions.form_token_is_right(self._settings, nonce, str(form.get(sessions.FORM_FIELD, ""))):
                raise WebError("form.expired", "The form did not carry this session's token.")
        fresh = "" if nonce else sessions.new_nonce()
        scope["state"]["form_token"] = sessions.form_token(self._settings, nonce or fresh)
        await next_app(scope, receive, self._with_cookie(send, fresh) if fresh else send)

    def _with_cookie(self, send: Send, nonce: str) -> Send:
        secure = "; Secure" if self._settings.is_https else ""

        async def with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableScopeHeaders.from_message(message)
                headers.add("set-cookie", f"{sessions.FORM_COOKIE}={nonce}; Path=/; HttpOnly; SameSite=Strict{secure}")
            await send(message)

        return with_cookie


def _is_small(content_length: str) -> bool:
    """Whether a message of this length goes over the counter, where its key is asked for again."""
    return content_length.isdecimal() and len(content_length) < 10 and int(content_length) <= BYTES_MAX


def _check_role(principal: Principal | None, said: dict[str, Any]) -> None:
    """Keep an administration's system to what is for it, and others from that. Raises WebError."""
    if principal is None or "is_for_the_known" not in said:
        return
    is_theirs = "is_for_administrations" in said
    if (principal.role is Role.ADMINISTRATION) is not is_theirs:
        whose = "This is for an administration's own system." if is_theirs else "This key tells events, and no more."
        raise WebError("auth.forbidden", whose)


def _check_host(host: str, known: tuple[str, ...]) -> None:
    """Against names that an attacker makes point to this machine (DNS rebinding). Raises WebError."""
    name = host[: host.rindex("]") + 1] if host.startswith("[") and "]" in host else host.partition(":")[0]
    if name.lower() not in known:
        raise WebError("host.unknown", "The request names a host this server does not answer for.")


def _check_origin(headers: Headers) -> None:
    site = headers.get("sec-fetch-site")
    origin = headers.get("origin")
    is_foreign = site not in (None, "same-origin", "none") or (
        site is None and origin is not None and urlsplit(origin).netloc != headers.get("host")
    )
    if is_foreign:
        raise WebError("form.expired", "The form came from another site.")


def _cookie(headers: Headers, name: str) -> str:
    morsel = SimpleCookie(headers.get("cookie", "")).get(name)
    return morsel.value if morsel else ""
