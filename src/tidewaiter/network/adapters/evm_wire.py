"""What goes over the wire to an EVM chain: RLP, arguments of calls, and transactions signed on secp256k1.

RLP: Ethereum Yellow Paper, appendix B. Arguments: the contract ABI specification of Solidity, for the types our
contract has (whole numbers, addresses, 32 bytes, and lists of addresses). Transactions: EIP-1559. Signing is
`coincurve`'s, libsecp256k1 as the chains' own nodes use it; needs the extra `evm`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from coincurve import PrivateKey, PublicKey
from msgspec import Struct

from tidewaiter.ledger.verdict import LedgerError
from tidewaiter.network.adapters.keccak import keccak256

WORD: Final = 32
ADDRESS_BYTES: Final = 20
_EIP_1559: Final = b"\x02"

Rlp = bytes | int | Sequence["Rlp"]
Argument = int | bool | bytes | Sequence[bytes]


class Address(bytes):
    """The 20 bytes that name an account or contract."""

    @classmethod
    def parse(cls, text: str) -> Address:
        """The address in 0x and 40 hexadecimal digits. Raises LedgerError where it is none, or its check sum is wrong."""
        try:
            data = bytes.fromhex(text.removeprefix("0x"))
        except ValueError as error:
            raise LedgerError(f"{text[:80]!r} is no address") from error
        if not text.startswith("0x") or len(text) != 2 + 2 * ADDRESS_BYTES or len(data) != ADDRESS_BYTES:
            raise LedgerError(f"{text[:80]!r} is no address", hint="0x and 40 hexadecimal digits")
        address = cls(data)
        if text[2:] not in (text[2:].lower(), text[2:].upper(), address.text[2:]):
            raise LedgerError(f"the check sum of {text} is wrong", hint="capital letters are its check sum (EIP-55)")
        return address

    @property
    def text(self) -> str:
        """The address with its check sum in capital letters: EIP-55."""
        digits = self.hex()
        check = keccak256(digits.encode()).hex()
        return "0x" + "".join(
            digit.upper() if int(sign, 16) >= 8 else digit for digit, sign in zip(digits, check, strict=False)
        )


class EvmKey:
    """A private key of an account; never shown."""

    def __init__(self, secret: bytes) -> None:
        try:
            self._key = PrivateKey(secret)
        except ValueError as error:
            raise LedgerError("this is no private key on secp256k1") from error

    @classmethod
    def parse(cls, text: str) -> EvmKey:
        """The key in 64 hexadecimal digits. Raises LedgerError, which tells nothing of it, where it is none."""
        digits = text.strip().removeprefix("0x")
        try:
            secret = bytes.fromhex(digits)
        except ValueError:
            secret = b""
        if len(secret) != WORD:
            raise LedgerError("a key of an account is 64 hexadecimal digits")
        return cls(secret)

    @property
    def address(self) -> Address:
        """The account's address."""
        public: PublicKey = self._key.public_key
        return Address(keccak256(public.format(compressed=False)[1:])[-ADDRESS_BYTES:])

    def signed(self, digest: bytes) -> tuple[int, int, int]:
        """The parity, r and s of the signature over a hash."""
        data = self._key.sign_recoverable(digest, hasher=None)
        return data[64], int.from_bytes(data[:32]), int.from_bytes(data[32:64])


class Transaction(Struct, frozen=True):
    """What an account asks of a chain; `to` is empty where a contract is made. Fees are in the chain's smallest unit."""

    chain_id: int
    nonce: int
    priority_fee: int
    fee_max: int
    gas: int
    to: bytes
    data: bytes

    def signed(self, key: EvmKey) -> bytes:
        """The transaction as it is sent."""
        fields: list[Rlp] = [
            self.chain_id, self.nonce, self.priority_fee, self.fee_max, self.gas, self.to, 0, self.data, [],
        ]  # fmt: skip
        signature = key.signed(keccak256(_EIP_1559 + rlp(fields)))
        return _EIP_1559 + rlp([*fields, *signature])


def rlp(value: Rlp) -> bytes:
    """A number, bytes or list in RLP."""
    match value:
        case int():
            return rlp(value.to_bytes(-(-value.bit_length() // 8)))
        case bytes():
            return value if len(value) == 1 and value[0] < 0x80 else _headed(value, 0x80)
        case _:
            return _headed(b"".join(map(rlp, value)), 0xC0)


def _headed(data: bytes, kind: int) -> bytes:
    if len(data) < 56:
        return bytes([kind + len(data)]) + data
    length = len(data).to_bytes(-(-len(data).bit_length() // 8))
    return bytes([kind + 55 + len(length)]) + length + data


def arguments(values: Sequence[Argument]) -> bytes:
    """Arguments of a call or a constructor, as the contract ABI has them."""
    heads: list[bytes | None] = []
    tails: list[bytes] = []
    for value in values:
        match value:
            case bytes() if len(value) in (ADDRESS_BYTES, WORD):
                heads.append(value.rjust(WORD, b"\0"))
                tails.append(b"")
            case int():
                heads.append(value.to_bytes(WORD))
                tails.append(b"")
            case bytes():
                raise LedgerError(f"no argument has {len(value)} bytes")
            case _:
                heads.append(None)
                tails.append(len(value).to_bytes(WORD) + b"".join(each.rjust(WORD, b"\0") for each in value))
    place, parts = WORD * len(values), []
    for head, tail in zip(heads, tails, strict=True):
        parts.append(place.to_bytes(WORD) if head is None else head)
        place += len(tail)
    return b"".join(parts) + b"".join(tails)


def words_of(data: bytes) -> list[bytes]:
    """The words of 32 bytes that a call answers with. Raises LedgerError where bytes are over."""
    if len(data) % WORD:
        raise LedgerError(f"an answer of {len(data)} bytes is not made of words")
    return [data[place : place + WORD] for place in range(0, len(data), WORD)]
