"""Anchors in a contract on an EVM chain, over plain JSON-RPC. The contract is `contracts/anchors.vy`.

The node that is asked is believed: ask one of your own. What is written is read back, and a receipt counts once as many
blocks stand on its block as were asked for. Needs the extra `evm`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import Any, Final, TypeVar

import httpx
import msgspec
from msgspec import UNSET, Struct

from tidewaiter.ledger.checkpoints import Checkpoint
from tidewaiter.ledger.verdict import LedgerError
from tidewaiter.model.errors import UnavailableError
from tidewaiter.network.adapters.anchors import Anchored, AnchorRefusedError, Why, origin_hash, refuse_unfit
from tidewaiter.network.adapters.evm_wire import (
    ADDRESS_BYTES,
    WORD,
    Address,
    Argument,
    EvmKey,
    Transaction,
    arguments,
    words_of,
)
from tidewaiter.network.adapters.keccak import keccak256

ANSWERS_WITHIN_SECONDS: Final = 20.0
MINED_WITHIN_SECONDS: Final = 180.0
LOOKS_EVERY_SECONDS: Final = 0.2
GAS_TO_SPARE_PERCENT: Final = 20
ANCHORER, OWNER = 0, 1
LATEST: Final = "latest"
_ERROR: Final = bytes.fromhex("08c379a0")  # Error(string), how a contract says why it refuses
_REVERTED: Final = 3
_ANCHORED: Final = "Anchored(bytes32,uint64,bytes32,address)"
_REASONS: Final = {
    "not an anchorer": Why.NOT_ALLOWED, "not an owner": Why.NOT_ALLOWED, "size must grow": Why.NOT_GROWN,
}  # fmt: skip


_Shape = TypeVar("_Shape")


class Contract(Struct, frozen=True):
    """The compiled contract that this package carries, and of which source it was made."""

    source_sha256: str
    compiler: str
    methods: dict[str, str]
    abi: list[Any]
    runtime: str
    bytecode: str

    def call(self, name: str, *values: Argument) -> bytes:
        """The data of a call."""
        (selector,) = (code for method, code in self.methods.items() if method.partition("(")[0] == name)
        return int(selector, 16).to_bytes(4) + arguments(values)


@cache
def contract() -> Contract:
    """The compiled contract."""
    text = resources.files("tidewaiter.network.adapters").joinpath("contracts/anchors.json").read_text()
    return Contract(**json.loads(text))


class RevertedError(LedgerError):
    """The contract refused a call; `reason` in its words."""

    code = "ledger.anchor_reverted"

    def __init__(self, reason: str) -> None:
        super().__init__(f"the contract refuses: {reason or 'it does not say why'}")
        self.reason = reason


class Receipt(Struct, frozen=True):
    """What became of a transaction: its hash, the block it is in, what it used, and the contract it made, if it did."""

    hash: str
    block: int
    gas_used: int
    contract: Address | None = None


class _Block(Struct, frozen=True):
    baseFeePerGas: str = "0x0"


class _Numbered(Struct, frozen=True):
    number: str


class _Mined(Struct, frozen=True):
    status: str
    blockNumber: str
    gasUsed: str
    contractAddress: str | None = None


class _Event(Struct, frozen=True):
    data: str
    topics: list[str]
    transactionHash: str


class _Problem(Struct, frozen=True):
    message: str = ""
    code: int = 0
    data: Any = None


class _Answer(Struct, frozen=True):
    result: Any = UNSET
    error: _Problem | None = None


class Chain:
    """A node of a chain, asked by JSON-RPC. Raises UnavailableError where it does not answer.

    `number` is that of the chain (EIP-155) where one is expected: a node of another chain is refused. What is read and
    what is written counts once `confirmations` blocks stand on it.
    """

    def __init__(
        self, url: str, *, confirmations: int = 0, number: int | None = None, client: httpx.Client | None = None
    ) -> None:
        self.url = url
        self._confirmations = confirmations
        self._expected = number
        self._found: int | None = None
        self._client = client or httpx.Client(timeout=ANSWERS_WITHIN_SECONDS, trust_env=False)

    def ask(self, method: str, *parameters: Any) -> Any:
        """The node's answer. Raises RevertedError where a contract refused."""
        question = {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}
        try:
            content = self._client.post(self.url, json=question).raise_for_status().content
            answer = msgspec.json.decode(content, type=_Answer)
        except (httpx.HTTPError, msgspec.DecodeError) as error:
            raise UnavailableError(f"the node at {self.url} does not answer {method}: {error!r}") from error
        if answer.error is not None:
            if answer.error.code == _REVERTED or "revert" in answer.error.message.lower():
                raise RevertedError(_reason(answer.error.data))
            raise UnavailableError(f"the node at {self.url} answers {method} with: {answer.error.message}")
        if answer.result is UNSET:
            raise self._nonsense(method)
        return answer.result

    def shaped(self, shape: type[_Shape], method: str, *parameters: Any) -> _Shape:
        """An answer of this shape."""
        try:
            return msgspec.convert(self.ask(method, *parameters), shape)
        except msgspec.ValidationError as error:
            raise self._nonsense(method) from error

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()

    @property
    def chain_number(self) -> int:
        """The number of the chain. Raises LedgerError where another one was expected."""
        if self._found is None:
            self._found = self.number("eth_chainId")
        if self._expected is not None and self._found != self._expected:
            raise LedgerError(
                f"the node at {self.url} is of chain {self._found}, not of {self._expected}",
                hint="a contract of the same address may stand on several chains: ask a node of the one you mean",
            )
        return self._found

    def settled(self, block: str) -> str:
        """The number of the block that is read: so many below the newest as have to stand on it, or `safe`, `finalized`.

        What is asked with one number is of one state of the chain.
        """
        if block == LATEST:
            return hex(max(self.number("eth_blockNumber") - self._confirmations, 0))
        return self.shaped(_Numbered, "eth_getBlockByNumber", block, False).number

    def number(self, method: str, *parameters: Any) -> int:
        """An answer that is a number."""
        return self._number(method, self.shaped(str, method, *parameters))

    def data(self, method: str, *parameters: Any) -> bytes:
        """An answer that is bytes."""
        return self._data(method, self.shaped(str, method, *parameters))

    def called(self, to: Address, data: bytes, block: str) -> bytes:
        """What a contract answers a call with, which changes nothing."""
        return self.data("eth_call", {"to": to.text, "data": _hex(data)}, block)

    def code(self, at: Address) -> bytes:
        """The code of a contract; empty where there is none."""
        return self.data("eth_getCode", at.text, "latest")

    def events(self, wanted: dict[str, Any]) -> list[tuple[list[bytes], bytes, str]]:
        """Events of contracts: their topics, data, and the transaction's hash."""
        method = "eth_getLogs"
        return [
            (
                [self._data(method, topic) for topic in event.topics],
                self._data(method, event.data),
                event.transactionHash,
            )
            for event in self.shaped(list[_Event], method, wanted)
        ]

    def _number(self, method: str, text: str) -> int:
        try:
            return int(text, 16)
        except ValueError as error:
            raise self._nonsense(method) from error

    def _data(self, method: str, text: str) -> bytes:
        try:
            return _bytes(text)
        except ValueError as error:
            raise self._nonsense(method) from error

    def _nonsense(self, method: str) -> UnavailableError:
        return UnavailableError(f"the node at {self.url} answers {method} as no node does")

    def sent(self, key: EvmKey, to: Address | None, data: bytes) -> Receipt:
        """What became of a transaction, once it is in a block and as many stand on it as were asked for.

        Raises RevertedError where it was refused, UnavailableError where nothing became of it in time.
        """
        asked = {"from": key.address.text, "data": _hex(data)} | ({"to": to.text} if to else {})
        gas = self.number("eth_estimateGas", asked)
        block = "eth_getBlockByNumber"
        base_fee = self._number(block, self.shaped(_Block, block, "latest", False).baseFeePerGas)
        priority_fee = self.number("eth_maxPriorityFeePerGas")
        transaction = Transaction(
            chain_id=self.chain_number,
            nonce=self.number("eth_getTransactionCount", key.address.text, "pending"),
            priority_fee=priority_fee,
            fee_max=2 * base_fee + priority_fee,
            gas=gas + gas * GAS_TO_SPARE_PERCENT // 100,
            to=to or b"",
            data=data,
        )
        raw = transaction.signed(key)
        # The hash is ours, whatever the node says: an answer that got lost leaves it findable.
        return self._mined(self._handed_over(raw), to, asked)

    def _handed_over(self, raw: bytes) -> str:
        expected = _hex(keccak256(raw))
        told = self.ask("eth_sendRawTransaction", _hex(raw))
        if told != expected:
            raise UnavailableError(f"the node at {self.url} took another transaction than it was sent")
        return expected

    def _mined(self, hash_: str, to: Address | None, asked: dict[str, str]) -> Receipt:
        until = time.monotonic() + MINED_WITHIN_SECONDS
        method = "eth_getTransactionReceipt"
        while time.monotonic() < until:
            found = self.shaped(_Mined | None, method, hash_)  # type: ignore[arg-type]  # a union is no type to mypy
            if found is not None and self._is_deep(self._number(method, found.blockNumber)):
                if self._number(method, found.status) != 1:
                    # Why is not in a receipt; the call again says it, where nothing has changed since.
                    self.ask("eth_call", asked, "latest")
                    raise RevertedError("")
                made = found.contractAddress if to is None else None
                return Receipt(
                    hash_,
                    self._number(method, found.blockNumber),
                    self._number(method, found.gasUsed),
                    Address.parse(made) if made else None,
                )
            time.sleep(LOOKS_EVERY_SECONDS)
        raise UnavailableError(f"the transaction {hash_} is not in the chain yet", hint="the same again is safe")

    def _is_deep(self, block: int) -> bool:
        return not self._confirmations or self.number("eth_blockNumber") >= block + self._confirmations


class EvmAnchor:
    """Anchors in a contract. Implements `Anchor`; reading needs no key.

    `block` says what is read: `latest`, or `safe` and `finalized` where the chain tells them. Whatever is not as deep as the
    chain is asked for is not told: a chain may still drop it.
    """

    def __init__(self, chain: Chain, at: Address, key: EvmKey | None = None, *, block: str = LATEST) -> None:
        self.chain = chain
        self.place = f"{at.text} on chain {chain.chain_number}"
        self.address = at
        self._key = key
        self._block = block
        if not _is_ours(chain.code(at)):
            raise LedgerError(
                f"the contract at {at.text} is not the one of this version", hint="tidewaiter anchor deploy makes one"
            )

    @classmethod
    def deployed(
        cls, chain: Chain, key: EvmKey, owners: Sequence[Address], threshold: int, anchorers: Sequence[Address]
    ) -> tuple[EvmAnchor, Receipt]:
        """A new contract with these owners, so many of whom change anything, and these anchorers."""
        receipt = chain.sent(
            key, None, _bytes(contract().bytecode) + arguments([tuple(owners), threshold, tuple(anchorers)])
        )
        if receipt.contract is None:
            raise UnavailableError(f"the node at {chain.url} tells of no contract in {receipt.hash}")
        return cls(chain, receipt.contract, key), receipt

    def latest(self, origin: str) -> Anchored | None:
        """The largest anchor of a log."""
        return self._latest(origin, self.chain.settled(self._block))

    def find(self, origin: str, size: int) -> Anchored | None:
        """The anchor of a log at a size."""
        return self._find(origin, size, self.chain.settled(self._block))

    def history(self, origin: str) -> Sequence[Anchored]:
        """All anchors of a log, in order, out of the contract's events; each is compared with its state."""
        block = self.chain.settled(self._block)
        wanted = {
            "address": self.address.text, "fromBlock": "0x0", "toBlock": block,
            "topics": [_hex(keccak256(_ANCHORED.encode())), _hex(origin_hash(origin))],
        }  # fmt: skip
        found = []
        for topics, data, hash_ in self.chain.events(wanted):
            if len(topics) != 3 or len(data) != 2 * WORD:
                raise UnavailableError(f"the node at {self.chain.url} tells events that the contract does not have")
            root, by = words_of(data)
            size = int.from_bytes(topics[2])
            kept = self._find(origin, size, block)
            if kept is None or kept.root != root:
                raise UnavailableError(f"the node at {self.chain.url} tells events that the contract's state denies")
            found.append(Anchored(size, root, Address(by[-ADDRESS_BYTES:]).text, hash_))
        latest = self._latest(origin, block)
        if latest is not None and (not found or found[-1].size != latest.size):
            raise UnavailableError(f"the node at {self.chain.url} does not tell all events", hint="ask a full node")
        return found

    def publish(self, checkpoint: Checkpoint) -> Anchored:
        """The anchor of this checkpoint, once the chain has it as deep as was asked for.

        Raises AnchorRefusedError or UnavailableError.
        """
        made = self._unfit(checkpoint)
        if made is None:
            made = self._written(checkpoint)
        until = time.monotonic() + MINED_WITHIN_SECONDS
        while time.monotonic() < until:
            kept = self.find(checkpoint.origin, checkpoint.size)
            if kept is not None and kept.root == checkpoint.root:
                return made
            time.sleep(LOOKS_EVERY_SECONDS)
        raise UnavailableError(
            f"{checkpoint.size} entries of “{checkpoint.origin}” are anchored, and not yet as deep as was asked for",
            hint="the same again is safe, and waits on",
        )

    def _written(self, checkpoint: Checkpoint) -> Anchored:
        """The anchor that was written by a transaction of ours, or meanwhile by another anchorer."""
        key = self._signing()
        data = contract().call("anchor", origin_hash(checkpoint.origin), checkpoint.size, checkpoint.root)
        try:
            receipt = self.chain.sent(key, self.address, data)
        except RevertedError as error:
            # Another anchorer may have been quicker, with the same checkpoint or another one.
            there = self._unfit(checkpoint)
            if there is not None:
                return there
            raise AnchorRefusedError(_REASONS.get(error.reason, Why.NOT_ALLOWED), error.detail) from error
        kept = self._find(checkpoint.origin, checkpoint.size, LATEST)
        if kept is None or kept.root != checkpoint.root:
            raise UnavailableError(f"the chain does not show what {receipt.hash} wrote", hint="the same again is safe")
        return Anchored(checkpoint.size, checkpoint.root, key.address.text, receipt.hash)

    def vote(self, role: int, who: Address, is_admitted: bool) -> Receipt:  # noqa: FBT001 (the contract's own words)
        """An owner's vote on an anchorer (0) or owner (1). Raises AnchorRefusedError where the contract refuses it."""
        try:
            return self.chain.sent(self._signing(), self.address, contract().call("vote", role, who, is_admitted))
        except RevertedError as error:
            raise AnchorRefusedError(Why.NOT_ALLOWED, error.detail) from error

    def is_anchorer(self, who: Address) -> bool:
        """Whether this account may anchor."""
        return any(self._called(1, LATEST, "is_anchorer", who)[0])

    def is_owner(self, who: Address) -> bool:
        """Whether this account votes."""
        return any(self._called(1, LATEST, "is_owner", who)[0])

    def close(self) -> None:
        """Let go of the connection to the node."""
        self.chain.close()

    def _latest(self, origin: str, block: str) -> Anchored | None:
        size, root = self._called(2, block, "latest", origin_hash(origin))
        return Anchored(int.from_bytes(size), root, where=self.address.text) if any(root) else None

    def _find(self, origin: str, size: int, block: str) -> Anchored | None:
        if not 0 <= size < 2**64:
            return None
        (root,) = self._called(1, block, "root_at", origin_hash(origin), size)
        return Anchored(size, root, where=self.address.text) if any(root) else None

    def _called(self, count: int, block: str, name: str, *values: Argument) -> list[bytes]:
        """So many words that the contract answers a call with; none of what there was before it was made."""
        answer = self.chain.called(self.address, contract().call(name, *values), block)
        if not answer and block != LATEST:
            return [bytes(WORD)] * count
        if len(answer) != count * WORD:
            raise UnavailableError(f"the node at {self.chain.url} answers for the contract as it does not")
        return words_of(answer)

    def _unfit(self, checkpoint: Checkpoint) -> Anchored | None:
        """As `refuse_unfit`, by the newest block: what is not deep yet stands in the way of another one all the same."""
        latest = self._latest(checkpoint.origin, LATEST)
        return refuse_unfit(checkpoint, latest, self._find(checkpoint.origin, checkpoint.size, LATEST))

    def _signing(self) -> EvmKey:
        if self._key is None:
            raise AnchorRefusedError(Why.NOT_ALLOWED, "anchoring needs the key of an anchorer")
        return self._key


def _is_ours(code: bytes) -> bool:
    """Whether code at an address is the contract's; what follows it are the values its constructor set."""
    expected = _bytes(contract().runtime)
    return code[: len(expected)] == expected and len(code) == len(expected) + WORD


def _reason(said: Any) -> str:
    """What the contract said; "" where it said nothing that can be read."""
    try:
        data = _bytes(said)
        length = int.from_bytes(data[4 + WORD : 4 + 2 * WORD])
        return data[4 + 2 * WORD : 4 + 2 * WORD + length].decode() if data[:4] == _ERROR else ""
    except (ValueError, TypeError, AttributeError):
        return ""


def _hex(data: bytes) -> str:
    return "0x" + data.hex()


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))
