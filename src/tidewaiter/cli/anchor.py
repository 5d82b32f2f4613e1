"""`tidewaiter anchor`: final checkpoints of the record, kept where the network cannot rewrite them."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter

from tidewaiter.cli import output
from tidewaiter.cli.output import Output, UsageError
from tidewaiter.ledger.checkpoints import Checkpoint
from tidewaiter.ledger.policies import Policy
from tidewaiter.ledger.verdict import LedgerError
from tidewaiter.network.adapters.anchors import Anchor, compared, publish_final
from tidewaiter.network.adapters.log_reading import served

if TYPE_CHECKING:
    from tidewaiter.network.adapters.evm import EvmAnchor
    from tidewaiter.network.adapters.evm_wire import EvmKey

app = App(name="anchor")

Block = Literal["latest", "safe", "finalized"]
Log = Annotated[str, Parameter(help="Folder or address of the log, where `checkpoint` and `tile` are.")]
PolicyFile = Annotated[Path, Parameter(help="The policy that says whose word makes a checkpoint final.")]
Rpc = Annotated[str, Parameter(help="Address of a node of the chain, asked by JSON-RPC: one of your own.")]
At = Annotated[str, Parameter(help="Address of the contract.")]
KeyFile = Annotated[Path, Parameter(help="File with the key of your account (`anchor key`).")]
Confirmations = Annotated[int, Parameter(help="Blocks that have to stand on the one that holds it.")]
ChainNumber = Annotated[
    int | None, Parameter(help="Number of the chain (EIP-155; 1 is Ethereum's main net): a node of another is refused.")
]


@Parameter(name="*")
@dataclass(frozen=True)
class Where:
    """Where anchors are kept: in a file, or in a contract on a chain."""

    file: Annotated[Path | None, Parameter(help="A file of anchors.")] = None
    rpc: Annotated[str, Parameter(help="Address of a node of the chain, asked by JSON-RPC: one of your own.")] = ""
    contract: Annotated[str, Parameter(help="Address of the contract.")] = ""
    key_file: Annotated[Path | None, Parameter(help="File with the key of an anchorer (`anchor key`).")] = None
    block: Annotated[Block, Parameter(help="Which block of the chain is read.")] = "latest"
    chain: ChainNumber = None
    confirmations: Annotated[int, Parameter(help="Blocks that have to stand on the one that holds an anchor.")] = 0

    @contextmanager
    def opened(self) -> Iterator[Anchor]:
        """The anchor, until it is left. Raises UsageError where it is not said which."""
        if (self.file is None) == (not self.rpc) or bool(self.rpc) != bool(self.contract):
            raise UsageError("anchors are in a file or on a chain", hint="--file FILE, or --rpc URL --contract ADDRESS")
        if self.confirmations < 0:
            raise UsageError("there cannot be fewer than 0 blocks on one", hint="--confirmations 0 or more")
        if self.file is not None:
            if self.chain is not None or self.key_file is not None or self.confirmations or self.block != "latest":
                raise UsageError(
                    "a file has no chain, blocks or keys", hint="leave them out, or give --rpc and --contract"
                )
            from tidewaiter.network.adapters.anchor_file import FileAnchor

            with closing(FileAnchor(self.file)) as kept:
                yield kept
            return
        key = _key(self.key_file) if self.key_file else None
        with _contract(Node(self.rpc, self.chain, self.confirmations), self.contract, key, self.block) as anchor:
            yield anchor


@dataclass(frozen=True)
class Node:
    """A node of a chain: where it is asked, the number its chain has to have, and how deep is deep enough."""

    rpc: str
    number: int | None
    confirmations: int


@app.command
def publish(log: Log, *, policy: PolicyFile, where: Where = Where(), output_as: Output = Output()) -> int:  # noqa: B008
    """Anchor the log's checkpoint, once the policy finds it final and the log grew from what is anchored already."""
    believing = Policy.parse(policy.read_bytes())
    with served(log) as read, where.opened() as anchor:
        anchored = publish_final(anchor, _checkpoint(read("checkpoint"), log), believing, read)
        place = anchor.place
    shown = {
        "size": anchored.size, "root": anchored.root.hex(), "by": anchored.by, "where": anchored.where, "kept in": place,
    }  # fmt: skip
    output.print_one(shown, output_as, title="anchored")
    return output.EXIT_OK


@app.command
def verify(log: Log, *, policy: PolicyFile, where: Where = Where(), output_as: Output = Output()) -> int:  # noqa: B008
    """Hold a log against its anchors: every anchored root has to be the log's root at that size.

    The exit code is 3 where one is not, or where nothing is anchored.
    """
    if where.file is not None and not where.file.exists():
        raise UsageError(f"there is no file of anchors at {where.file}", hint="`anchor publish` makes it")
    believing = Policy.parse(policy.read_bytes())
    with served(log) as read, where.opened() as anchor:
        believed = believing.believed(_checkpoint(read("checkpoint"), log))
        if not believed.verdict or believed.checkpoint is None:
            raise LedgerError(f"the log's checkpoint is not to be believed: {believed.verdict.reason}")
        checkpoint: Checkpoint = believed.checkpoint
        found, place = list(compared(anchor, checkpoint, read)), anchor.place
    rows = [
        {
            "size": each.anchored.size, "root": each.anchored.root.hex(), "by": each.anchored.by,
            "where": each.anchored.where, "agrees": bool(each.verdict), "reason": each.verdict.reason,
        }
        for each in found
    ]  # fmt: skip
    output.print_rows(rows, output_as, title=f"{checkpoint.origin}, {checkpoint.size} entries; {place}")
    if not rows:
        output.say("finding", f"nothing of “{checkpoint.origin}” is anchored in {place}")
    return output.EXIT_OK if rows and all(each.verdict for each in found) else output.EXIT_FINDINGS


@app.command
def key(file: Annotated[Path, Parameter(help="File to be made; only its owner can read it.")]) -> int:
    """Make a new key of an account on an EVM chain and print its address."""
    EvmKey, _ = _evm()
    made = secrets.token_bytes(32)
    address = EvmKey(made).address.text
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as written:
            written.write(made.hex() + "\n")
    except FileExistsError:
        raise UsageError(
            f"{file} is there already", hint="name a new file; a key that is lost cannot be had again"
        ) from None
    output.out().print(address, markup=False)
    return output.EXIT_OK


@app.command
def deploy(
    *,
    rpc: Rpc,
    key_file: KeyFile,
    owner: Annotated[tuple[str, ...], Parameter(help="Address of an owner; once for each.")],
    threshold: Annotated[int, Parameter(help="How many owners together change who anchors and who owns.")],
    anchorer: Annotated[tuple[str, ...], Parameter(help="Address of an anchorer; once for each.")] = (),
    chain: ChainNumber = None,
    confirmations: Confirmations = 0,
    output_as: Output = Output(),  # noqa: B008
) -> int:
    """Put the contract of anchors on a chain, with owners who say who may anchor."""
    _, EvmAnchor = _evm()
    from tidewaiter.network.adapters.evm import Chain
    from tidewaiter.network.adapters.evm_wire import Address

    if not 1 <= threshold <= len(owner):
        raise UsageError(f"{threshold} of {len(owner)} owners cannot decide", hint="--threshold from 1 to their number")
    owners, anchorers = map(Address.parse, owner), map(Address.parse, anchorer)
    with closing(Chain(rpc, confirmations=confirmations, number=chain)) as asked:
        made, receipt = EvmAnchor.deployed(asked, _key(key_file), tuple(owners), threshold, tuple(anchorers))
        number = asked.chain_number
    shown = {"contract": made.address.text, "chain": number, "transaction": receipt.hash, "gas": receipt.gas_used}
    output.print_one(shown, output_as, title="deployed")
    return output.EXIT_OK


@app.command
def vote(
    what: Annotated[Literal["admit", "dismiss"], Parameter(help="What you are for.")],
    role: Annotated[Literal["anchorer", "owner"], Parameter(help="As what.")],
    who: Annotated[str, Parameter(help="Address of the account.")],
    *,
    rpc: Rpc,
    contract: At,
    key_file: KeyFile,
    chain: ChainNumber = None,
    confirmations: Confirmations = 0,
) -> int:
    """Vote, as an owner of the contract, on who may anchor or who owns; the quorum's last vote carries it out."""
    _evm()
    from tidewaiter.network.adapters.evm import ANCHORER, OWNER
    from tidewaiter.network.adapters.evm_wire import Address

    address, number = Address.parse(who), ANCHORER if role == "anchorer" else OWNER
    with _contract(Node(rpc, chain, confirmations), contract, _key(key_file), "latest") as anchor:
        anchor.vote(number, address, what == "admit")
        is_in = anchor.is_anchorer(address) if role == "anchorer" else anchor.is_owner(address)
    done = is_in == (what == "admit")
    output.out().print(f"{address.text}: {'done' if done else 'your vote counts; others have to follow'}", markup=False)
    return output.EXIT_OK


@contextmanager
def _contract(node: Node, at: str, key_: EvmKey | None, block: str) -> Iterator[EvmAnchor]:
    _, EvmAnchor = _evm()
    from tidewaiter.network.adapters.evm import Chain
    from tidewaiter.network.adapters.evm_wire import Address

    with closing(Chain(node.rpc, confirmations=node.confirmations, number=node.number)) as chain:
        yield EvmAnchor(chain, Address.parse(at), key_, block=block)


def _evm() -> tuple[type[EvmKey], type[EvmAnchor]]:
    try:
        from tidewaiter.network.adapters.evm import EvmAnchor
        from tidewaiter.network.adapters.evm_wire import EvmKey
    except ImportError as error:
        raise UsageError(f"chains need the extra `evm`: {error}", hint="pip install 'tidewaiter[evm]'") from None
    return EvmKey, EvmAnchor


def _key(file: Path) -> EvmKey:
    """The key in a file. Raises UsageError where others than its owner can read it."""
    EvmKey, _ = _evm()
    if stat.S_IMODE(file.stat().st_mode) & (stat.S_IRWXG | stat.S_IRWXO):
        raise UsageError(f"others than its owner can read {file}", hint=f"chmod 600 {file}")
    return EvmKey.parse(file.read_text())


def _checkpoint(note: bytes | None, log: str) -> bytes:
    if note is None:
        raise UsageError(f"there is no checkpoint at {log}", hint="name the folder or address in which `checkpoint` is")
    return note
