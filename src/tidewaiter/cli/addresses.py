"""Addresses that something is posted to, as they are typed."""

from __future__ import annotations

from urllib.parse import urlsplit

from tidewaiter.cli.output import UsageError


def checked(url: str) -> str:
    """The address as it was given. Raises UsageError where it is not one that may be posted to."""
    try:
        parts = urlsplit(url)
        is_fine = bool(parts.hostname) and not parts.username and not parts.fragment and (parts.port or 443) > 0
    except ValueError:
        is_fine, parts = False, urlsplit("")
    is_here = parts.hostname in ("localhost", "127.0.0.1", "::1")
    if not is_fine or not (parts.scheme == "https" or (parts.scheme == "http" and is_here)):
        raise UsageError(
            f"{url[:200]!r} is no address that anything can be posted to",
            hint="https://…, without name and password in it; http only on this machine",
        )
    return url
