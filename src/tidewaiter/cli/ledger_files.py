"""Whole logs as files: written into a folder, and verified from a folder, an address or the database alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from msgspec import Struct

from tidewaiter.ledger.leaves import Leaf
from tidewaiter.ledger.policies import Policy
from tidewaiter.ledger.reading import Read, TileReader, verify_log
from tidewaiter.ledger.tiles import tiles_of
from tidewaiter.ledger.verdict import LedgerError
from tidewaiter.ledger.wire import written_base64
from tidewaiter.model.errors import TidewaiterError
from tidewaiter.workflow.recording_logs import Log, RecordLogs, policy_of
from tidewaiter.workflow.recording_opened import RecordStore
from tidewaiter.workflow.recording_opened import problems as wrong_with

CHECKPOINT: Final = "checkpoint"
CLOSING: Final = "epoch_closed"
AT_ONCE: Final = 2_000
FILE_BYTES_MAX: Final = 32 * 1024 * 1024
SECONDS: Final = 30


class UnreachableError(TidewaiterError):
    """What is served at an address could not be read."""

    code = "ledger.unreachable"


class Source(Struct):
    """Logs as they are served: what stands at a path below the address they have in common, and their names."""

    read: Read
    names: list[str]
    entries: int = 0  # of all that were verified


class Evidence(Struct):
    """How the record stood against evidence: what was counted, and what is wrong, in words."""

    counts: dict[str, int]
    problems: list[str]


def in_folder(folder: Path) -> Source:
    """The logs that were exported into a folder."""

    def read(path: str) -> bytes | None:
        file = folder / path
        return file.read_bytes() if file.is_file() else None

    if not (folder / "policy").is_file() and (folder / CHECKPOINT).is_file():
        hint = f"name the folder above it: {folder.resolve().parent}"
        raise LedgerError(f"{folder} is the log of one year, not the folder of all logs", hint=hint)
    return Source(read, sorted(each.parent.name for each in folder.glob(f"*/{CHECKPOINT}")))


def at_address(url: str) -> Source:
    """The logs that are served below an address, by the policy beside them."""
    import httpx

    client = httpx.Client(timeout=SECONDS, follow_redirects=False)

    def read(path: str) -> bytes | None:
        try:
            answer = client.get(f"{url.rstrip('/')}/{path}")
        except httpx.HTTPError as error:
            raise UnreachableError(f"{url} does not answer: {error}", hint="look at the address") from error
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        if answer.status_code != httpx.codes.OK or len(answer.content) > FILE_BYTES_MAX:
            raise UnreachableError(f"{path} is answered with {answer.status_code}", hint="try again later")
        return answer.content

    data = read("policy")
    if data is None:
        hint = "name the address that the logs have in common, as http://localhost:8400/log, without the year"
        raise UnreachableError(f"no policy is served at {url.rstrip('/')}/policy", hint=hint)
    names = [log.key.name.rpartition("/")[2] for log in Policy.parse(data).logs]
    return Source(read, [name for name in names if read(f"{name}/{CHECKPOINT}") is not None])


def in_database(logs: RecordLogs) -> Source:
    """The logs of a store, as they are served."""
    known = {str(log.year): log for log in logs.logs() if log.note}

    def read(path: str) -> bytes | None:
        if path == "policy":
            return policy_of(logs).text
        year, _, rest = path.partition("/")
        log = known.get(year)
        return None if log is None else log.note if rest == CHECKPOINT else logs.file(log, rest)

    return Source(read, list(known))


def problems(source: Source, policy: Policy) -> Iterator[str]:
    """What is wrong with logs: signatures, roots, tiles, entries, and how each goes on from the one before. In words."""
    if not source.names:
        yield "there is no log"
    before: tuple[str, int, bytes] | None = None
    seen: list[str] = []
    for name in source.names:
        note = source.read(f"{name}/{CHECKPOINT}")
        if note is None:
            yield f"{name}: there is no checkpoint"
            continue
        believed = policy.believed(note)
        if believed.checkpoint is None:
            yield f"{name}: {believed.verdict.reason}"
            continue
        if not believed.verdict:
            yield f"{name}: {believed.verdict.reason}"
        origin, size, root = believed.checkpoint.origin, believed.checkpoint.size, believed.checkpoint.root
        source.entries += size
        seen.append(origin)

        def read(path: str, name: str = name) -> bytes | None:
            return source.read(f"{name}/{path}")

        if not (verdict := verify_log(read, size, root)):
            yield f"{name}: {verdict.reason}"
        elif before is not None:
            yield from _not_after(before, read, size)
        else:
            yield from _not_first(read, size)
        before = (origin, size, root)
    yield from _left_out(policy, seen)


def _left_out(policy: Policy, seen: list[str]) -> Iterator[str]:
    """Logs that the policy believes, of the same record and before the last that was seen, which are not there."""
    records = {origin.rpartition("/")[0] for origin in seen}
    for name in sorted(log.key.name for log in policy.logs):
        if name.rpartition("/")[0] in records and name not in seen and name < max(seen):
            yield f"the policy names the log {name}, and it is not here"


def _not_first(read: Read, size: int) -> Iterator[str]:
    """What is wrong with the first of the logs: that it goes on where another one ended, which is not there."""
    try:
        first = Leaf.parse(TileReader(read, size).entry(0)) if size else None
    except LedgerError as error:
        yield error.detail
        return
    if first is not None and first.type == CLOSING:
        yield f"the first log goes on where {first.facts.get('origin')} ended, and that one is not here"


def _not_after(before: tuple[str, int, bytes], read: Read, size: int) -> Iterator[str]:
    """What is wrong with how a log begins: it must say what the one before it came to."""
    origin, old_size, root = before
    try:
        first = Leaf.parse(TileReader(read, size).entry(0))
    except LedgerError as error:
        yield error.detail
        return
    if first.type != CLOSING:
        yield f"the log after {origin} does not begin with how that one was closed"
    elif first.facts != {"origin": origin, "root": written_base64(root), "size": old_size}:
        yield f"the log after {origin} says that it was closed with {first.facts.get('size')} entries and another root"


def write_log(logs: RecordLogs, log: Log, folder: Path) -> int:
    """Write a log's sealed part as files, the checkpoint last; how many were written anew."""
    written = 0
    for tile in tiles_of(log.sealed_size):
        target = folder / tile.path
        if target.is_file():
            continue
        content = logs.file(log, tile.path)
        assert content is not None, tile.path
        _put(target, content)
        written += 1
    _put(folder / CHECKPOINT, log.note)
    return written + 1


def refuse_file(folder: Path) -> None:
    """Raises LedgerError where a folder is a file, or lies below one."""
    for each in (folder, *folder.parents):
        if each.exists() and not each.is_dir():
            raise LedgerError(f"{each} is a file, and no folder to write into", hint="name another folder")


def _put(target: Path, content: bytes) -> None:
    """Write a file so that whoever reads meanwhile has it whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{target.name}.new")
    beside.write_bytes(content)
    beside.replace(target)


def held_against_evidence(store: RecordStore, on_progress: Callable[[int], None]) -> Evidence:
    """Every entry against what is kept, and every decision against the entries."""
    found = Evidence({"opened": 0, "decisions without an entry": 0}, [])
    seen = 0
    for log in store.logs.logs():
        index = 0
        while entries := store.logs.after(log.origin_id, index, AT_ONCE):
            for each in entries:
                if words := wrong_with(store, each):
                    found.problems.append(words)
            seen, index = seen + len(entries), entries[-1].index + 1
            on_progress(seen)
        if log.sealed_size > log.size:
            found.problems.append(f"{log.origin}: {log.sealed_size - log.size} entries that were sealed are gone")
    found.counts["opened"] = seen
    missing = store.logs.missing()
    found.counts["decisions without an entry"] = len(missing)
    found.problems += missing
    found.problems += store.logs.otherwise()
    return found
