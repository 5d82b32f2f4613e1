"""Signing in and out, where the pages are not in local mode."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlsplit

import anyio.to_thread
from litestar import Request, get, post
from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie, State
from litestar.di import NamedDependency
from litestar.handlers import BaseRouteHandler
from litestar.response import Redirect, Template

from tidewaiter.web import sessions, words
from tidewaiter.web.house import House, now
from tidewaiter.web.page import query, render

FORM_BYTES_MAX: Final = 64 * 1024
AnyRequest = Request[Any, Any, State]


class SignInFirstError(Exception):
    """Nobody is signed in; `address` is where they wanted to go. `is_lost`: a form was sent, and not taken."""

    def __init__(self, address: str, *, is_lost: bool = False) -> None:
        super().__init__(address)
        self.address = address
        self.is_lost = is_lost


def signed_in(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """Guard: an officer is signed in, or the pages are in local mode. Raises SignInFirstError."""
    if connection.scope.get("user") is None:
        if connection.scope.get("method") in ("GET", "HEAD"):
            raise SignInFirstError(_path(str(connection.url)))
        raise SignInFirstError(_path(connection.headers.get("referer", "")), is_lost=True)


def to_login(_: AnyRequest, error: SignInFirstError) -> Redirect:
    """To the login page, and from there back to where they wanted to go; of a form, to the page it stood on."""
    given = {"next": error.address if error.address != "/" else "", "lost": "1" if error.is_lost else ""}
    return Redirect("/login" + query(given), status_code=303)


@get("/login", sync_to_thread=False)
def login_page(request: AnyRequest) -> Template:
    """The form to sign in."""
    return _form(request, after=request.query_params.get("next", ""), is_lost=bool(request.query_params.get("lost")))


@post("/login", status_code=200, request_max_body_size=FORM_BYTES_MAX)
async def login(request: AnyRequest, house: NamedDependency[House]) -> Redirect | Template:
    """Start a session, or say what is wrong without saying which of the two it is."""
    form = await request.form()
    name, password = str(form.get("name", "")), str(form.get("password", ""))
    after = str(form.get("next", ""))
    moment = now().timestamp()
    wait = house.throttle.wait_seconds(name, moment)
    if wait:
        return _form(request, after=after, name=name, wrong=words.text("login.slow", seconds=wait), status=429)
    if not await anyio.to_thread.run_sync(sessions.password_is_right, house.settings, name, password):
        house.throttle.failed(name, moment)
        return _form(request, after=after, name=name, wrong=words.text("login.wrong"), status=401)
    house.throttle.succeeded(name)
    return Redirect(
        here(after), status_code=303, cookies=[_cookie(house, sessions.issue(house.settings, name, moment))]
    )


@post("/logout", status_code=303, sync_to_thread=False, request_max_body_size=FORM_BYTES_MAX)
def logout(house: NamedDependency[House]) -> Redirect:
    """End the session."""
    return Redirect("/", status_code=303, cookies=[_cookie(house, "", max_age=0)])


def here(address: str) -> str:
    """A path on this site: `address` where it is one, else the start page."""
    parts = urlsplit(address)
    is_ours = (
        address.startswith("/") and not address.startswith(("//", "/\\")) and not parts.scheme and not parts.netloc
    )
    return address if is_ours else "/"


def _path(address: str) -> str:
    """Path and query of an address of this site; the start page where there is none."""
    parts = urlsplit(address)
    return here(parts.path + (f"?{parts.query}" if parts.query else ""))


def _cookie(house: House, value: str, max_age: int | None = None) -> Cookie:
    return Cookie(
        key=sessions.SESSION_COOKIE,
        value=value,
        path="/",
        httponly=True,
        samesite="lax",
        secure=house.settings.is_https,
        max_age=house.settings.session_seconds if max_age is None else max_age,
    )


def _form(
    request: AnyRequest, *, after: str, name: str = "", wrong: str = "", status: int = 200, is_lost: bool = False
) -> Template:
    return render(
        request,
        "login.html",
        section="",
        title=words.text("login.title"),
        status=status,
        next=after,
        name=name,
        wrong=wrong,
        is_lost=is_lost,
    )
