"""`tidewaiter officer`: who may sign in at the pages."""

from __future__ import annotations

import getpass
import sys
from typing import Annotated

from cyclopts import App, Parameter

from tidewaiter.cli import output
from tidewaiter.cli.output import UsageError

app = App(name="officer")

PASSWORD_LENGTH_MIN = 8


@app.command
def line(
    name: Annotated[str, Parameter(help="Under which the officer signs in; it is kept with what they do.")],
) -> int:
    """Print the officer's line for the file of TIDEWAITER_PAGES_OFFICERS: the name and a hash of the password.

    The password is asked for twice, or is the first line of standard input. It is kept nowhere.
    """
    from tidewaiter.web.settings import hash_password

    if not name.strip() or ":" in name or name.startswith("#") or not name.isprintable() or name != name.strip():
        raise UsageError(
            f"{name[:40]!r} cannot be a name to sign in with", hint="printable characters without a colon, not # first"
        )
    password = _asked() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    if len(password) < PASSWORD_LENGTH_MIN:
        raise UsageError(f"the password has fewer than {PASSWORD_LENGTH_MIN} characters", hint="choose a longer one")
    sys.stdout.write(f"{name}:{hash_password(password)}\n")
    return output.EXIT_OK


def _asked() -> str:
    password = getpass.getpass("Password: ")
    if getpass.getpass("Once more: ") != password:
        raise UsageError("the two passwords are not the same", hint="type the same one twice")
    return password
