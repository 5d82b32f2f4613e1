"""The life of a model: registered by one, on trial, approved by another, superseded, retired; every step is kept."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import msgspec
import psycopg
import pytest
from msgspec.structs import replace

from tidewaiter.model.errors import ConflictError, NotFoundError, TransitionError
from tidewaiter.risk import PartKind
from tidewaiter.risk.rules import rules_of
from tidewaiter.risk.scoring import Chain, Level, ModelError, Recipe, ScoreModel, digest_of, model_bytes
from tidewaiter.risk.scoring.card import Card
from tidewaiter.risk.scoring.model import Tree
from tidewaiter.store import PostgresStore
from tidewaiter.store.migrate import migrations
from tidewaiter.store.parts import change_parts
from tidewaiter.workflow.model_records import Act, ModelLifeError, ModelState, ModelStep, Move
from tidewaiter.workflow.models import Model, Models, Who
from tidewaiter.workflow.rule_set_records import SamePersonError
from tidewaiter.workflow.targeting import Change

AT = datetime(2026, 11, 20, tzinfo=UTC)
ANN, BO = Who("ann", "a test"), Who("bo", "as good as its card says")
RULES = 'rule s\n    title: T\n    words: W\n    lane: red\n    when:\n        score("u") > 0.5\n'


def content(base: int) -> bytes:
    chain = Chain("goods", (Level((("commodity_code", 4),)),))
    tree = Tree((0,), (base,), (-1,), (-2,), (-1, 1))
    table = {"6109": (base, 9)}
    return model_bytes(ScoreModel(Recipe("bad", (chain,)), base, ((table,),), (tree,), ((-1, 1), (1, 2))))


@pytest.fixture
def models(store: PostgresStore) -> Models:
    return Models(store, lambda: AT)


def in_use(store: PostgresStore) -> list[tuple[str, bool]]:
    return [
        (each.part.digest, each.part.is_shadow) for each in store.parts.in_use() if each.part.kind is PartKind.MODEL
    ]


def test_one_registers_and_another_approves(store: PostgresStore, models: Models) -> None:
    first = models.register(Model(name="u", content=content(1)), ANN)
    assert (first.state, first.is_on_trial, in_use(store)) == (ModelState.REGISTERED, False, [])
    tried = models.take(first.version_id, ModelStep.TRY, ANN)
    assert tried.is_on_trial
    assert in_use(store) == [(first.digest, True)]
    with pytest.raises(SamePersonError):
        models.take(first.version_id, ModelStep.APPROVE, Who(" Ann "))
    deciding = models.take(first.version_id, ModelStep.APPROVE, BO)
    assert (deciding.state, deciding.is_on_trial) == (ModelState.DECIDING, False)
    assert in_use(store) == [(first.digest, False)]
    steps = [(each.step, each.actor) for each in store.models.events(first.version_id)]
    assert steps == [(ModelStep.REGISTER, "ann"), (ModelStep.TRY, "ann"), (ModelStep.APPROVE, "bo")]
    assert models.model(deciding) == msgspec.json.decode(content(1), type=ScoreModel)


def test_another_takes_its_place_and_goes_on_trial_alone(store: PostgresStore, models: Models) -> None:
    first, second, third = (models.register(Model(name="u", content=content(n)), ANN).version_id for n in (1, 2, 3))
    other = models.register(Model(name="u", content=content(4), jurisdiction_code="DK"), ANN).version_id
    models.take(other, ModelStep.APPROVE, BO)
    models.take(first, ModelStep.APPROVE, BO)
    models.take(second, ModelStep.TRY, ANN)
    models.take(third, ModelStep.TRY, ANN)  # ends the trial of the second
    assert [models.one(n).is_on_trial for n in (first, second, third)] == [False, False, True]
    models.take(second, ModelStep.APPROVE, BO)
    assert [models.one(n).state for n in (first, second, third, other)] == [
        ModelState.RETIRED, ModelState.DECIDING, ModelState.REGISTERED, ModelState.DECIDING,
    ]  # fmt: skip
    assert [each.step for each in store.models.events(first)][-1] is ModelStep.SUPERSEDE
    models.take(third, ModelStep.REFUSE, BO)
    models.take(second, ModelStep.RETIRE, ANN)
    assert in_use(store) == [(models.one(other).digest, False)]
    for number, step in ((third, ModelStep.APPROVE), (second, ModelStep.RETIRE), (second, ModelStep.TRY),
                         (other, ModelStep.END_TRIAL), (other, ModelStep.SUPERSEDE), (other, ModelStep.REGISTER)):  # fmt: skip
        with pytest.raises(ModelLifeError):
            models.take(number, step, BO)
    with pytest.raises(ModelLifeError, match="is deciding: to go on trial it would have to be registered") as refused:
        models.take(other, ModelStep.TRY, BO)
    assert refused.value.hint == "what can be done with it now: retire"
    with pytest.raises(ModelLifeError, match="is retired: to be retired it would have to be deciding") as refused:
        models.take(second, ModelStep.RETIRE, BO)
    assert "register the model again" in refused.value.hint


def test_what_rules_name_stays(store: PostgresStore, models: Models) -> None:
    first = models.register(Model(name="u", content=content(1)), ANN).version_id
    models.take(first, ModelStep.APPROVE, BO)
    rules = rules_of(RULES)
    store.keep_knowledge({rules.digest: ("rules", rules.text.encode())})
    store.parts.change((Change(kind=PartKind.RULES, name="r", digest=rules.digest),), actor="ann", words="", at=AT)
    with pytest.raises(TransitionError, match="rules in use name"):
        models.take(first, ModelStep.RETIRE, ANN)
    assert models.one(first).state is ModelState.DECIDING
    second = models.register(Model(name="u", content=content(2)), ANN).version_id
    models.take(second, ModelStep.TRY, ANN)
    models.take(first, ModelStep.RETIRE, ANN)  # the one on trial still gives the score
    with pytest.raises(TransitionError, match="rules in use name"):
        models.take(second, ModelStep.END_TRIAL, ANN)
    with pytest.raises(TransitionError, match="rules in use name"):
        models.take(second, ModelStep.REFUSE, BO)


def test_rules_published_while_a_model_is_retired_keep_it(store: PostgresStore, models: Models) -> None:
    """Whoever retires it looks at the rules only once nobody else changes what is in use."""
    number = models.register(Model(name="u", content=content(1)), ANN).version_id
    models.take(number, ModelStep.APPROVE, BO)
    rules = rules_of(RULES)
    store.keep_knowledge({rules.digest: ("rules", rules.text.encode())})
    published = Change(kind=PartKind.RULES, name="r", digest=rules.digest)
    with ThreadPoolExecutor(1) as pool:
        with store._connections.lend() as connection, connection.transaction():
            change_parts(connection, (published,), ("ann", "", AT))
            retiring = pool.submit(models.take, number, ModelStep.RETIRE, ANN)
            with pytest.raises(TimeoutError):
                retiring.result(timeout=0.5)  # it waits for the rules
        with pytest.raises(TransitionError, match="rules in use name"):
            retiring.result(timeout=60)
    assert models.one(number).state is ModelState.DECIDING


def test_two_who_act_at_once_do_not_both_have_their_way(store: PostgresStore, models: Models) -> None:
    seen = models.register(Model(name="u", content=content(1)), ANN)
    models.take(seen.version_id, ModelStep.REFUSE, BO)
    late = Move(seen, ModelState.DECIDING, False, ModelStep.APPROVE)
    change = Change(kind=PartKind.MODEL, name="u", digest=seen.digest)
    with pytest.raises(ConflictError, match="stands otherwise"):
        store.models.move([late], [change], Act("bo", "", AT))
    assert in_use(store) == []  # nothing half done


def test_of_two_models_approved_at_once_the_second_is_refused_in_words(store: PostgresStore, models: Models) -> None:
    """Each officer saw that nothing decides yet: the second is told, and what decides is the first."""
    first, second = (models.register(Model(name="u", content=content(n)), ANN) for n in (1, 2))
    models.take(first.version_id, ModelStep.APPROVE, BO)
    late = Move(second, ModelState.DECIDING, False, ModelStep.APPROVE)
    change = Change(kind=PartKind.MODEL, name="u", digest=second.digest)
    with pytest.raises(ConflictError, match="another took the place"):
        store.models.move([late], [change], Act("cy", "", AT))
    assert in_use(store) == [(first.digest, False)]
    assert [each.step for each in store.models.events(second.version_id)] == [ModelStep.REGISTER]


def test_cards_are_those_of_the_model(store: PostgresStore, models: Models) -> None:
    own = digest_of(msgspec.json.decode(content(1), type=ScoreModel))
    card = Card(own, "d" * 64, 500, "0.1", ("goods",), 0.7, (0.6, 0.8), 0.5, ("A limit.",))
    kept = models.register(Model(name="u", content=content(1), card=msgspec.json.encode(card)), ANN)
    assert models.card(kept) == card
    bare = models.register(Model(name="u", content=content(1)), ANN)
    assert models.card(bare) is None
    for wrong, words in ((replace(card, model_digest="0" * 64), "is of the model"), ({}, "not a model card")):
        with pytest.raises(ModelError, match=words):
            models.register(Model(name="u", content=content(1), card=msgspec.json.encode(wrong)), ANN)
    with pytest.raises(ModelError, match="no jurisdiction"):
        models.register(Model(name="u", content=content(1), jurisdiction_code="dk"), ANN)
    with pytest.raises(ModelLifeError, match="nobody is named"):
        models.register(Model(name="u", content=content(1)), Who("  "))
    with pytest.raises(NotFoundError):
        models.one(99)


def test_models_in_use_before_there_was_a_register_are_in_it(store: PostgresStore, models: Models) -> None:
    """The migration takes over what decides and what is on trial, with who put it there."""
    digests = []
    for number, is_shadow in ((1, False), (2, True)):
        digest = digest_of(msgspec.json.decode(content(number), type=ScoreModel))
        store.keep_knowledge({digest: (PartKind.MODEL, content(number))})
        change = Change(kind=PartKind.MODEL, name="u", digest=digest, is_shadow=is_shadow)
        store.parts.change((change,), actor="ann", words="long ago", at=AT)
        digests.append(digest)
    (sql,) = [each.sql for each in migrations() if each.number == 27]
    with psycopg.connect(store.url, autocommit=True) as connection:
        connection.execute(sql[sql.index("INSERT INTO model_version") :].encode())
    trial, deciding = models.all()
    assert (deciding.digest, deciding.state, deciding.is_on_trial) == (digests[0], ModelState.DECIDING, False)
    assert (trial.digest, trial.state, trial.is_on_trial) == (digests[1], ModelState.REGISTERED, True)
    assert (trial.registered_by, trial.words, models.card(trial)) == ("ann", "long ago", None)
    models.take(trial.version_id, ModelStep.APPROVE, BO)
    assert in_use(store) == [(digests[1], False)]
