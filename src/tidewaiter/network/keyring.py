"""A member's keys, each in a file of its own that only its owner can read.

The log's key signs an origin's checkpoints, the cosigner's key what a member believes, submitters' keys the batches (a
member may have several, so that nobody can add up what it does), the envelope's key opens what is sent to it.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from tidewaiter.ledger.keys import SEED_BYTES, KeyType, SignerKey
from tidewaiter.ledger.leaves import key_number
from tidewaiter.ledger.wire import read_base64, written_base64
from tidewaiter.model.errors import TidewaiterError
from tidewaiter.network.files import sync_folder, write_durably

KEY_MODE: Final = 0o600
KEY_BYTES_MAX: Final = 4096
_SUBMITTER: Final = "submitter"
"""The name of every submitter's key: that of a member would tell whose it is."""
_NEXT_SUBMITTER: Final = "next-submitter"


class KeyringError(TidewaiterError):
    """A key is missing, is there already, or lies open to others."""

    code = "network.keys"


class Keyring:
    """The keys in a member's folder, read when they are asked for and kept nowhere else."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def make(self, name: str) -> None:
        """Make the keys of a new member: to cosign, to submit, and to be written to. Raises KeyringError where there are some."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        sync_folder(self.folder.parent)
        self._put("cosigner", SignerKey(name, KeyType.COSIGNATURE_ED25519, secrets.token_bytes(SEED_BYTES)).text)
        self.make_submitter()
        self._put("envelope", written_base64(X25519PrivateKey.generate().private_bytes_raw()))

    def make_log(self, origin: str) -> SignerKey:
        """A new key for the log of an origin, which this member then is the sequencer of."""
        key = SignerKey(origin, KeyType.ED25519, secrets.token_bytes(SEED_BYTES))
        self._put(_log_file(key.name), key.text)
        return key

    def take_log(self, key: SignerKey) -> None:
        """Keep the key of a log that was made elsewhere, as replicas of one sequencer do. Raises KeyringError where there is another."""
        file = _log_file(key.name)
        if not self._path(file).exists() or self._text(file) != key.text:
            self._put(file, key.text)

    def make_submitter(self) -> SignerKey:
        """One more key to submit with, under a name that tells nothing."""
        key = SignerKey(_SUBMITTER, KeyType.ED25519, secrets.token_bytes(SEED_BYTES))
        self._put(f"{_SUBMITTER}-{submitter_number(key)}", key.text)
        return key

    def take_submitter(self, seed: bytes) -> None:
        """Submit with the key of this seed, which is kept elsewhere too, instead of those made here."""
        for file in self.folder.glob(f"{_SUBMITTER}-*.key"):
            file.unlink()
        key = SignerKey(_SUBMITTER, KeyType.ED25519, seed)
        self._put(f"{_SUBMITTER}-{submitter_number(key)}", key.text)

    def retire_submitter(self, key: SignerKey) -> None:
        """Submit with a key no longer; its file is kept under another name."""
        path = self._path(f"{_SUBMITTER}-{submitter_number(key)}")
        path.rename(path.with_name(f"retired-{path.name}"))
        sync_folder(self.folder)

    def next_submitter(self) -> SignerKey:
        """The key that one to submit with is to be followed by; it lies beside them until `change_submitter`."""
        if not self._path(_NEXT_SUBMITTER).exists():
            key = SignerKey(_SUBMITTER, KeyType.ED25519, secrets.token_bytes(SEED_BYTES))
            self._put(_NEXT_SUBMITTER, key.text)
        return SignerKey.parse(self._text(_NEXT_SUBMITTER))

    def change_submitter(self, old: str) -> SignerKey:
        """Submit with the next key instead of that with this number, which is kept under another name, where it is there at all."""
        if self._path(_NEXT_SUBMITTER).exists():
            key = self.next_submitter()
            self._path(_NEXT_SUBMITTER).rename(self._path(f"{_SUBMITTER}-{submitter_number(key)}"))
            sync_folder(self.folder)
        known = {submitter_number(each): each for each in self.submitters()}
        if old in known and len(known) > 1:
            self.retire_submitter(known.pop(old))
        return next(iter(known.values()))

    def next_cosigner(self) -> SignerKey:
        """The key that the cosigner's is to be changed for, which is made where there is none yet."""
        if not self._path("cosigner-next").exists():
            return self.make_cosigner(self.cosigner.name)
        return SignerKey.parse(self._text("cosigner-next"))

    def make_cosigner(self, name: str) -> SignerKey:
        """The key that the cosigner's is to be changed for; it lies beside it until `change_cosigner`."""
        key = SignerKey(name, KeyType.COSIGNATURE_ED25519, secrets.token_bytes(SEED_BYTES))
        self._put("cosigner-next", key.text)
        return key

    def change_cosigner(self) -> None:
        """Put the next key in the place of the cosigner's; the old one is kept beside it under its id."""
        old = self.cosigner
        self._put(f"cosigner-{old.verifier.key_id.hex()}", old.text)
        self._path("cosigner-next").rename(self._path("cosigner"))
        sync_folder(self.folder)

    @property
    def cosigner(self) -> SignerKey:
        """The key that cosigns checkpoints."""
        return SignerKey.parse(self._text("cosigner"))

    def cosigners(self) -> list[SignerKey]:
        """The keys that this member cosigns with, did before, or is to: the one of now first."""
        others = sorted(self.folder.glob("cosigner-*.key"))
        return [self.cosigner, *(SignerKey.parse(self._text(file.stem)) for file in others)]

    def log(self, origin: str) -> SignerKey:
        """The key of the log of an origin. Raises KeyringError where this member is not its sequencer."""
        return SignerKey.parse(self._text(_log_file(origin)))

    def submitters(self) -> Iterator[SignerKey]:
        """Every key to submit with, the oldest first."""
        files = sorted(self.folder.glob(f"{_SUBMITTER}-*.key"), key=lambda each: (each.stat().st_mtime_ns, each.name))
        for file in files:
            yield SignerKey.parse(self._text(file.stem))

    @property
    def envelope(self) -> X25519PrivateKey:
        """The key that opens what is sent to this member."""
        return X25519PrivateKey.from_private_bytes(read_base64(self._text("envelope"), "the envelope's key"))

    def _path(self, label: str) -> Path:
        return self.folder / f"{label}.key"

    def _put(self, label: str, text: str) -> None:
        path = self._path(label)
        if path.exists():
            raise KeyringError(f"there is a key {path.name} already", hint="move it away if it is to be made anew")
        write_durably(path, f"{text}\n".encode(), mode=KEY_MODE)

    def _text(self, label: str) -> str:
        path = self._path(label)
        try:
            if path.stat().st_mode & 0o077:
                raise KeyringError(f"others can read {path.name}", hint=f"chmod 600 {path.name}", place=str(path))
            with path.open("rb") as file:
                return file.read(KEY_BYTES_MAX).decode("ascii").strip()
        except FileNotFoundError as error:
            raise KeyringError(f"there is no key {path.name}", place=str(path)) from error
        except UnicodeDecodeError as error:
            raise KeyringError(f"{path.name} holds no key", place=str(path)) from error


def submitter_number(key: SignerKey) -> str:
    """How entries and batches name a key to submit with."""
    return key_number(key.verifier.public)


def _log_file(origin: str) -> str:
    return "log-" + key_number(origin.encode())
