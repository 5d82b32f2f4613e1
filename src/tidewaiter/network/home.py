"""A member's folder: what it is called and where it listens, its keys, and each origin's log.

member.toml   name, where it listens and is asked, what it may write in the record
keys/         one file for each key, for its owner alone
origins/N/    charter.json, journal/, tiles/, snapshots/, final (the last final checkpoint), evidence where the log lied
postgres/     the member's own database server, with what it alone may know
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from tidewaiter.ledger.contracts import Role
from tidewaiter.ledger.keys import check_key_name
from tidewaiter.ledger.wire import written_base64
from tidewaiter.model.errors import ConflictError, TidewaiterError
from tidewaiter.network.charter import Charter, Member, Part
from tidewaiter.network.client import check_address
from tidewaiter.network.files import sync_folder, write_durably
from tidewaiter.network.keyring import Keyring

CONFIG: Final = "member.toml"
FOLLOWED: Final = "followed"
"""In an origin's folder: the copy of a replica that shares the log's key with others (`network.adapters`)."""
STANDING: Final = "standing.json"
CONFIG_BYTES_MAX: Final = 65_536
SOCKET_PATH_MAX: Final = 100
"""Bytes; the operating system's limit is 107."""
_LISTEN: Final = re.compile(r"(?:\[[0-9a-f:]+\]|[A-Za-z0-9.-]+):([0-9]{1,5})")
_LABEL: Final = re.compile(r"[a-z0-9][a-z0-9.-]{0,62}")


class HomeError(TidewaiterError):
    """A member's folder is not as it should be."""

    code = "network.member"


class MemberConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`member.toml`. `label` is how policies and addresses of this network call the member, `name` its keys' name."""

    label: str
    name: str
    listen: str = "127.0.0.1:8600"
    url: str = ""
    roles: tuple[Role, ...] = ()
    database: str = "own"
    """`own` runs a database server of the member's own; `none` keeps nothing that only it may know."""
    house: bool = False
    """Whether declarations are decided in that database, whose record is handed on to the network."""

    @property
    def address(self) -> str:
        """Where others ask it."""
        return self.url or f"http://{self.listen}"

    @property
    def host_and_port(self) -> tuple[str, int]:
        """Where it listens. Raises HomeError."""
        match = _LISTEN.fullmatch(self.listen)
        if match is None or int(match[1]) > 65_535:
            raise HomeError(f"“{self.listen}” is nowhere to listen", hint="write HOST:PORT", place=CONFIG)
        return self.listen.rpartition(":")[0].strip("[]"), int(match[1])

    @property
    def text(self) -> str:
        """The file."""
        lines = ["# A member of the shared record: docs/reference/network.md"]
        lines += [
            f"{name} = {msgspec.json.encode(value).decode()}" for name, value in msgspec.to_builtins(self).items()
        ]
        return "".join(f"{line}\n" for line in lines)


class Home:
    """One member's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.expanduser().resolve()
        self.keyring = Keyring(self.folder / "keys")

    @property
    def operator_socket(self) -> Path:
        """Where whoever may enter the folder tells the running member what to do."""
        inside = self.folder / "operator.sock"
        if len(os.fsencode(inside)) <= SOCKET_PATH_MAX:
            return inside
        beside = Path(tempfile.gettempdir()) / f"tidewaiter-node-{os.geteuid()}"
        beside.mkdir(mode=0o700, exist_ok=True)
        if beside.is_symlink() or beside.stat().st_uid != os.geteuid() or beside.stat().st_mode & 0o077:
            raise HomeError(f"{beside} is not this user's alone", hint="choose a folder with a shorter path")
        return beside / f"{hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:16]}.sock"

    @classmethod
    def make(cls, folder: Path, config: MemberConfig) -> Home:
        """The folder of a new member, with keys. Raises ConflictError where there is one."""
        home = cls(folder)
        check_key_name(config.name)
        if not _LABEL.fullmatch(config.label):
            raise HomeError(f"“{config.label[:80]}” is no label", hint="lower-case letters, digits, dots and dashes")
        _ = config.host_and_port
        if config.url:
            check_address(config.url)
        if Role.SEQUENCER in config.roles:
            raise HomeError("the sequencer is no member's role", hint="the charter names who runs the log")
        if (home.folder / CONFIG).exists():
            raise ConflictError(f"{folder} is a member's folder already", hint="choose another, or run it as it is")
        home.folder.mkdir(parents=True, exist_ok=True)
        (home.folder / "origins").mkdir(exist_ok=True)
        home.keyring.make(config.name)
        write_durably(home.folder / CONFIG, config.text.encode())
        return home

    @property
    def config(self) -> MemberConfig:
        """What the member is. Raises HomeError."""
        try:
            with (self.folder / CONFIG).open("rb") as file:
                return msgspec.toml.decode(file.read(CONFIG_BYTES_MAX), type=MemberConfig)
        except FileNotFoundError as error:
            hint = "tidewaiter node init makes one"
            raise HomeError(f"{self.folder.name} is no member's folder", hint=hint) from error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise HomeError(f"{CONFIG} cannot be read: {error}", place=CONFIG) from error

    def change(self, config: MemberConfig) -> None:
        """Write what the member is anew."""
        write_durably(self.folder / CONFIG, config.text.encode())

    def card(self, part: Part) -> Member:
        """What the others have to know of this member."""
        config = self.config
        submitters = tuple(key.verifier.public for key in self.keyring.submitters())
        return Member(
            part=part, url=config.address, key=self.keyring.cosigner.verifier.text, roles=config.roles,
            envelope=self.keyring.envelope.public_key().public_bytes_raw(), submitters=submitters,
        )  # fmt: skip

    def begin(self, charter: Charter, standing: Charter | None = None) -> Origin:
        """Keep a charter: the member takes part in this origin from now on. Raises ConflictError for another one of it.

        `standing` is the charter as it stands by now, for who joins later.
        """
        for origin in self.origins():
            known = origin.charter
            if known.origin == charter.origin:
                if known == charter:
                    return origin
                raise ConflictError(
                    f"another charter of “{charter.origin}” is kept", hint="compare them with the others'"
                )
        charter.check()
        folder = self.folder / "origins" / f"{len(self.origins()) + 1:04d}"
        folder.mkdir(parents=True)
        sync_folder(folder.parent)
        if standing is not None:
            Origin(folder).keep_standing(standing)
        write_durably(folder / "charter.json", charter.data)
        return Origin(folder)

    def origins(self) -> list[Origin]:
        """All origins the member took part in, the oldest first."""
        folders = sorted((self.folder / "origins").glob("[0-9]*"))
        return [Origin(folder) for folder in folders if (folder / "charter.json").exists()]

    def origin(self, name: str) -> Origin:
        """The part of the folder with this origin. Raises HomeError where the member takes no part in it."""
        for origin in self.origins():
            if origin.charter.origin == name:
                return origin
        raise HomeError(
            f"the member takes part in no log “{name[:200]}”", hint="tidewaiter node join names the charter"
        )

    @property
    def latest(self) -> Origin:
        """The origin the member takes part in. Raises HomeError where there is none yet."""
        origins = self.origins()
        if not origins:
            raise HomeError("the member takes part in no log yet", hint="tidewaiter node join names the charter")
        return origins[-1]

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Hold the folder: two processes with one key would sign two histories. Raises ConflictError."""
        with (self.folder / ".in-use").open("wb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise ConflictError("another process runs this member", hint="stop it first") from error
            yield


class Origin:
    """One origin's part of a member's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.journal, self.tiles, self.snapshots = folder / "journal", folder / "tiles", folder / "snapshots"

    @property
    def charter(self) -> Charter:
        """What its members agreed on at the beginning."""
        return Charter.parse((self.folder / "charter.json").read_bytes())

    @property
    def standing(self) -> Charter:
        """The charter as the log has changed it since: policy and members."""
        kept = self.kept(STANDING)
        return Charter.parse(kept) if kept else self.charter

    def keep_standing(self, charter: Charter) -> None:
        """The members have agreed on something else, as the log says."""
        charter.check()
        self.keep(STANDING, charter.data)

    def kept(self, name: str) -> bytes:
        """A file beside the log; empty where there is none."""
        path = self.folder / name
        return path.read_bytes() if path.exists() else b""

    def keep(self, name: str, data: bytes) -> None:
        """Write a file beside the log, durably."""
        write_durably(self.folder / name, data)


def card_text(label: str, card: Member) -> str:
    """A member's card on one line, to be handed to the others."""
    return f"{label} {written_base64(msgspec.json.encode(card))}"
