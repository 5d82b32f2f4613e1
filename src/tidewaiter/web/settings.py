"""How the doors are set: who may come in by the pages, and how much they may carry."""

from __future__ import annotations

import ipaddress
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from argon2 import PasswordHasher
from msgspec import Struct

from tidewaiter.messages import limits
from tidewaiter.model.errors import TidewaiterError

PASSWORD_VARIABLE: Final = "TIDEWAITER_PAGES_PASSWORD"  # noqa: S105 the name of a variable, not a password
OFFICERS_VARIABLE: Final = "TIDEWAITER_PAGES_OFFICERS"
SECRET_VARIABLE: Final = "TIDEWAITER_PAGES_SECRET"  # noqa: S105 as above
HTTPS_VARIABLE: Final = "TIDEWAITER_PAGES_HTTPS"
HOSTS_VARIABLE: Final = "TIDEWAITER_PAGES_HOSTS"
PROXIES_VARIABLE: Final = "TIDEWAITER_PAGES_PROXIES"

VARIABLES: Final[Mapping[str, str]] = {
    PASSWORD_VARIABLE: (
        "Password of the one officer `officer`, in clear or as an argon2id hash. "
        "Without it and without officers the pages ask no login and answer on loopback only."
    ),
    OFFICERS_VARIABLE: "A file with one `name:argon2id-hash` a line, as `tidewaiter officer line` prints it: officers who may sign in.",
    SECRET_VARIABLE: "Key that signs sessions and forms; made anew at each start where unset.",
    HTTPS_VARIABLE: "`1` where a proxy serves the pages over HTTPS: cookies are then sent over HTTPS only.",
    HOSTS_VARIABLE: "Host names the server answers to, separated by commas; loopback names always.",
    PROXIES_VARIABLE: (
        "Addresses or networks of the proxies in front, separated by commas: who asks is then whom they name in `X-Forwarded-For`. "
        "Without it all that comes by a proxy is one asker, and shares what strangers may ask for in a minute."
    ),
}
LOOPBACK_HOSTS: Final = ("127.0.0.1", "localhost", "[::1]")
SESSION_SECONDS: Final = 8 * 60 * 60  # a shift


class SettingsError(TidewaiterError):
    """A setting cannot be used as it is."""

    code = "settings"


class WebSettings(Struct, frozen=True, kw_only=True):
    """`officers` maps a name to an argon2id hash; without any, the pages are in local mode."""

    officers: Mapping[str, str] = {}
    secret: bytes = b""
    is_https: bool = False
    hosts: tuple[str, ...] = LOOPBACK_HOSTS
    proxies: tuple[str, ...] = ()
    request_bytes_max: int = limits.REQUEST_BYTES_MAX
    quotes_a_minute_max: int = limits.QUOTES_A_MINUTE_MAX
    descriptions_a_minute_max: int = limits.DESCRIPTIONS_A_MINUTE_MAX
    session_seconds: int = SESSION_SECONDS

    @property
    def is_local(self) -> bool:
        """True where no login is asked: whoever reaches the pages acts as the officer "local"."""
        return not self.officers

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> WebSettings:
        """The settings in the variables of `VARIABLES`. Raises SettingsError."""
        values = os.environ if environment is None else environment
        extra_hosts = tuple(host.strip() for host in values.get(HOSTS_VARIABLE, "").split(",") if host.strip())
        return cls(
            officers=_officers(values.get(PASSWORD_VARIABLE, ""), values.get(OFFICERS_VARIABLE, "")),
            secret=values.get(SECRET_VARIABLE, "").encode() or secrets.token_bytes(32),
            is_https=values.get(HTTPS_VARIABLE, "") == "1",
            hosts=LOOPBACK_HOSTS + extra_hosts,
            proxies=_proxies(values.get(PROXIES_VARIABLE, "")),
        )


def hash_password(password: str) -> str:
    """The argon2id hash to keep instead of the password."""
    return PasswordHasher().hash(password)


def _proxies(text: str) -> tuple[str, ...]:
    found = tuple(each.strip() for each in text.split(",") if each.strip())
    for each in found:
        try:
            ipaddress.ip_network(each)
        except ValueError as error:
            raise SettingsError(
                f"{PROXIES_VARIABLE}: {error}", hint="addresses or networks, as 10.0.0.7 or 10.0.0.0/24"
            ) from error
    return found


def _officers(password: str, file_name: str) -> dict[str, str]:
    officers: dict[str, str] = {}
    if file_name:
        for number, line in enumerate(_lines(file_name), start=1):
            name, _, hashed = line.partition(":")
            if not name or not hashed.startswith("$argon2id$"):
                raise SettingsError(
                    f"{OFFICERS_VARIABLE}: line {number} is not `name:argon2id-hash`",
                    hint="one officer a line; tidewaiter officer line NAME makes it",
                )
            officers[name] = hashed
    if password:
        officers["officer"] = password if password.startswith("$argon2id$") else hash_password(password)
    return officers


def _lines(file_name: str) -> list[str]:
    try:
        text = Path(file_name).read_text(encoding="utf-8")
    except OSError as error:
        raise SettingsError(
            f"{OFFICERS_VARIABLE}: {error.strerror}: {file_name}", hint="name a readable file"
        ) from error
    return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
