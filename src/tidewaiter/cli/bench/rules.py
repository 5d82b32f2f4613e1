"""`bench rules`: targeting rules on single parcels and in batches, beside ZEN and CEL on the same rules in the same run.

Singles are timed one by one by the clock, each declaration decoded just before, as a live one is, and at once again, when
the processor's caches hold what it needs; batches by processor time of this process,
on columns that stand ready, as they do in a segment of evidence. Other engines get dictionaries that stand ready, and
fewer parcels, as they are slower; every engine must find the same hits, or the run says so.
"""

from __future__ import annotations

import gc
import importlib
import json
import time
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from tidewaiter.cli.bench import rule_sets
from tidewaiter.model.declaration import Declaration
from tidewaiter.model.errors import TidewaiterError
from tidewaiter.risk.rules import Engine, Record, compile_rules

ROUNDS = 3
SINGLES = 20_000  # parcels one by one, a round
OTHERS_SECONDS = 5.0  # for another engine's parcels, about


class Row(Struct, frozen=True, kw_only=True):
    """One engine on one rule set. Microseconds a parcel, 50th and 99th percentile; parcels a second; hits a parcel."""

    rules: int
    engine: str
    parcels: int
    p50_us: float
    p99_us: float
    a_second: float
    hits_a_parcel: float
    words: str = ""


class ForeignDisagreesError(TidewaiterError):
    """Another engine found other hits than ours on the same rules and parcels."""

    code = "bench.disagree"


def run(rule_counts: Sequence[int], count: int) -> list[Row]:
    """Measure each number of rules on `count` parcels of one line."""
    records = rule_sets.records(min(count, SINGLES))
    rows: list[Row] = []
    for number in rule_counts:
        made = rule_sets.made_rules(number)
        start = time.perf_counter()
        engine = compile_rules(rule_sets.rule_set(made), rule_sets.CONTEXT)
        compiled = time.perf_counter() - start
        words = f"{len(engine.tests)} tests on {len(engine.tables)} columns, compiled in {compiled:.1f} s"
        rows += [*_singly(engine, records, words), *_in_batches(engine, records, count)]
        for name, build in (("ZEN", _zen), ("CEL", _cel)):
            rows.append(_foreign(name, build, made, engine, records))
    return rows


def _singly(engine: Engine, records: Sequence[Record], words: str) -> list[Row]:
    times: list[int] = []
    again: list[int] = []
    clock = time.perf_counter_ns
    kept = [msgspec.msgpack.encode(record.declaration) for record in records]
    decoder = msgspec.msgpack.Decoder(Declaration)
    for record in records:  # once before, so that what is remembered is warm
        engine.evaluate(record)
    gc.collect()
    gc.freeze()
    hits = 0
    for record, body in zip(records, kept, strict=True):
        live = replace(record, declaration=decoder.decode(body))
        start = clock()
        outcome = engine.evaluate(live)
        between = clock()
        engine.evaluate(live)
        again.append(clock() - between)
        times.append(between - start)
        hits += len(outcome.hits)
    gc.unfreeze()
    return [
        _row(engine, "tidewaiter, just decoded", times, hits, words),
        _row(engine, "tidewaiter, again", again, hits, ""),
    ]


def _in_batches(engine: Engine, records: Sequence[Record], count: int) -> list[Row]:
    try:
        batch = importlib.import_module("tidewaiter.risk.rules.batch")
    except ImportError:
        return [
            _absent(len(engine.rules), "tidewaiter, batch", "NumPy is not installed: pip install tidewaiter[batch]")
        ]
    repeated = [records[number % len(records)] for number in range(count)]
    encoded = batch.encode(engine, repeated)
    batch.evaluate_batch(engine, encoded)  # compiles the loops
    seconds = []
    for _ in range(ROUNDS):
        start = time.process_time()
        outcome = batch.evaluate_batch(engine, encoded)
        seconds.append(time.process_time() - start)
    words = "loops compiled by Numba" if batch.is_compiled() else "NumPy alone; Numba is not installed"
    return [
        Row(
            rules=len(engine.rules),
            engine="tidewaiter, batch",
            parcels=count,
            p50_us=0.0,
            p99_us=0.0,
            a_second=count / min(seconds),
            hits_a_parcel=len(outcome.hits) / count,
            words=words,
        )
    ]


def _foreign(
    name: str,
    build: Callable[[Sequence[rule_sets.Made]], Callable[[dict[str, Any]], int]],
    made: Sequence[rule_sets.Made],
    engine: Engine,
    records: Sequence[Record],
) -> Row:
    try:
        evaluate = build(made)
    except ImportError as error:
        return _absent(len(made), name, f"{error.name} is not installed: pip install tidewaiter[bench]")
    times: list[int] = []
    hits = ours = 0
    until = time.perf_counter() + OTHERS_SECONDS
    for record in records:
        given = rule_sets.plain(record)
        start = time.perf_counter_ns()
        hits += evaluate(given)
        times.append(time.perf_counter_ns() - start)
        ours += len(engine.evaluate(record).hits)
        if time.perf_counter() > until:
            break
    if hits != ours:
        raise ForeignDisagreesError(f"{name} found {hits} hits where ours are {ours}, on {len(times)} parcels")
    return _row(engine, name, times, hits, "the same hits")


def _zen(made: Sequence[rule_sets.Made]) -> Callable[[dict[str, Any]], int]:
    zen = importlib.import_module("zen")
    expressions = [
        {"id": each.rule_id, "key": f"rule{number}", "value": rule_sets.written(each, rule_sets.in_zen, ("and", "or"))}
        for number, each in enumerate(made)
    ]
    nodes = [
        {"id": "in", "type": "inputNode", "name": "in"},
        {"id": "rules", "type": "expressionNode", "name": "rules", "content": {"expressions": expressions}},
        {"id": "out", "type": "outputNode", "name": "out"},
    ]
    edges = [
        {"id": "1", "type": "edge", "sourceId": "in", "targetId": "rules"},
        {"id": "2", "type": "edge", "sourceId": "rules", "targetId": "out"},
    ]
    content = {"contentType": "application/vnd.gorules.decision", "nodes": nodes, "edges": edges}
    decision = zen.ZenEngine().create_decision(json.dumps(content))

    def evaluate(given: dict[str, Any]) -> int:
        found = decision.evaluate(given)["result"]
        return sum(value is True for key, value in found.items() if key.startswith("rule"))

    return evaluate


def _cel(made: Sequence[rule_sets.Made]) -> Callable[[dict[str, Any]], int]:
    cel = importlib.import_module("cel_expr_python.cel")
    names = rule_sets.plain(rule_sets.records(1)[0])
    environment = cel.NewEnv(variables=dict.fromkeys(names, cel.Type.DYN))
    programs = [environment.compile(rule_sets.written(each, rule_sets.in_cel)) for each in made]

    def evaluate(given: dict[str, Any]) -> int:
        activation = environment.Activation(given)
        return sum(program.eval(activation).value() is True for program in programs)

    return evaluate


def _row(engine: Engine, name: str, times: list[int], hits: int, words: str) -> Row:
    ordered = sorted(times)
    return Row(
        rules=len(engine.rules),
        engine=name,
        parcels=len(times),
        p50_us=ordered[len(ordered) // 2] / 1_000,
        p99_us=ordered[len(ordered) * 99 // 100] / 1_000,
        a_second=len(times) * 1e9 / sum(times),
        hits_a_parcel=hits / len(times),
        words=words,
    )


def _absent(rules: int, name: str, words: str) -> Row:
    return Row(
        rules=rules, engine=name, parcels=0, p50_us=0.0, p99_us=0.0, a_second=0.0, hits_a_parcel=0.0, words=words
    )


def rows(found: Sequence[Row]) -> list[dict[str, Any]]:
    """The report as a table's rows."""
    return [
        {
            "rules": f"{each.rules:,}",
            "engine": each.engine,
            "parcels": f"{each.parcels:,}" if each.parcels else "",
            "p50 µs": f"{each.p50_us:.1f}" if each.p50_us else "",
            "p99 µs": f"{each.p99_us:.1f}" if each.p99_us else "",
            "parcels a second": f"{each.a_second:,.0f}" if each.parcels else "",
            "hits a parcel": f"{each.hits_a_parcel:.3f}" if each.parcels else "",
            "": each.words,
        }
        for each in found
    ]
