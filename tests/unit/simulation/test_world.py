"""The simulated world: the same for the same seed, at the rates of its parameters, and fit for the house."""

from __future__ import annotations

from collections import Counter
from datetime import date
from functools import cache

import pytest
from msgspec.structs import replace

from tidewaiter.model.finding import Severity
from tidewaiter.regimes import load_regime
from tidewaiter.risk import draw, load_knowledge
from tidewaiter.simulation.actors import actors
from tidewaiter.simulation.chance import Chance
from tidewaiter.simulation.identities import People, spoilt
from tidewaiter.simulation.parameters import Kind, shipped
from tidewaiter.simulation.summary import Summary
from tidewaiter.simulation.world import Parcel, Size, World
from tidewaiter.workflow.evaluate import Circumstances, evaluate

PARCELS = 20_000
PINNED_DRAWS = [250, 910, 858, 761, 663]
PINNED_DIGEST = "ef15a3b3ae25f5f6af9519553df868d9c8b3637ca6d17678c1210bd2fd62317a"


def made(size: Size, *, is_noisy: bool = True) -> list[tuple[date, Parcel]]:
    world = World(size, shipped(), is_noisy=is_noisy)
    return [(day, parcel) for day, parcels in world.days() for parcel in parcels]


@cache
def year() -> list[tuple[date, Parcel]]:
    return made(Size(3, 52, PARCELS))


def digest_of(parcels: list[tuple[date, Parcel]]) -> str:
    summary = Summary()
    for _, parcel in parcels:
        summary.add(0, parcel)
    return summary.parcels_digest


def test_a_stream_of_draws_is_pinned() -> None:
    chance = Chance(1, "parcel", 1)
    assert [chance.below(1000) for _ in range(5)] == PINNED_DRAWS


def test_the_same_seed_gives_the_same_bytes_everywhere() -> None:
    """When this changes, results that were published on the world no longer hold: raise VERSION with it."""
    assert digest_of(made(Size(1, 26, 2_000))) == PINNED_DIGEST


def test_another_seed_gives_another_world() -> None:
    assert digest_of(made(Size(1, 2, 200))) != digest_of(made(Size(2, 2, 200)))


def test_as_many_parcels_as_asked_for_each_with_its_own_number() -> None:
    ids = [parcel.declaration.functional_reference_id for _, parcel in year()]
    labels = {parcel.declaration.consignment.transport_documents[0].document_id for _, parcel in year()}
    assert len(ids) == len(set(ids)) == len(labels) == PARCELS


@pytest.mark.parametrize("channel", ["express", "economy"])
def test_what_is_wrong_is_as_much_as_the_parameters_say(channel: str) -> None:
    there = [parcel for _, parcel in year() if parcel.channel == channel]
    share = shipped().channels[channel].violative / 1_000_000
    # Four standard errors, doubled in variance: the parcels of one split order are not independent.
    margin = 4 * (2 * share * (1 - share) / len(there)) ** 0.5
    assert abs(sum(parcel.truth is not None for parcel in there) / len(there) - share) < margin


def test_each_scheme_has_its_share() -> None:
    wrong = Counter(parcel.truth.scheme for _, parcel in year() if parcel.truth)
    schemes = shipped().schemes
    old = {kind: scheme.share for kind, scheme in schemes.items() if not scheme.from_week}
    for kind, share in old.items():
        expected = sum(wrong[each] for each in old) * share / sum(old.values())
        spread = 3 if kind is Kind.SPLITTING else 1
        assert abs(wrong[kind] - expected) < 5 * (spread * expected) ** 0.5, kind
    assert set(wrong) == set(Kind)


def test_a_new_scheme_begins_when_it_should() -> None:
    for kind in (Kind.NEW_IMPORTERS, Kind.BORROWED_IOSS):
        weeks = [parcel.truth.week for _, parcel in year() if parcel.truth and parcel.truth.scheme is kind]
        assert shipped().schemes[kind].from_week <= min(weeks) < shipped().schemes[kind].from_week + 4


def test_values_and_countries_follow_the_priors() -> None:
    amounts = [parcel.declaration.invoice_amount.amount for _, parcel in year() if parcel.declaration.invoice_amount]
    origins = Counter(
        parcel.declaration.consignor.address.country_code
        for _, parcel in year()
        if parcel.declaration.consignor and parcel.declaration.consignor.address
    )
    assert 7 < sum(amounts) / len(amounts) < 9
    assert max(amounts) <= 150
    assert 0.87 < origins["CN"] / PARCELS < 0.94


def test_actors_begin_adapt_and_end() -> None:
    found = actors(3, shipped(), 52)
    for kind in Kind:
        lives = [actor for actor in found if actor.kind is kind]
        assert any(actor.begins > 0 for actor in lives)
        assert any(actor.ends < 51 for actor in lives)
        assert any(actor.phase(min(actor.ends, 51)) > 0 for actor in lives)
    for _, parcel in year():
        if parcel.truth and parcel.truth.scheme is not Kind.SPLITTING:
            actor = next(a for a in found if a.actor_id == parcel.truth.actor)
            assert actor.begins <= parcel.truth.week <= actor.ends


def test_a_split_order_is_over_the_threshold_and_its_parcels_below() -> None:
    orders: dict[str, list[Parcel]] = {}
    for _, parcel in year():
        if parcel.truth and parcel.truth.scheme is Kind.SPLITTING:
            orders.setdefault(parcel.truth.order, []).append(parcel)
    whole = [parcels for parcels in orders.values() if len(parcels) > 1]
    assert len(whole) > 20
    for parcels in whole:
        amounts = [p.declaration.invoice_amount.amount for p in parcels if p.declaration.invoice_amount]
        assert sum(amounts) > 150 > max(amounts)
        assert all(
            p.truth and p.truth.evaded_cents > 0 for p in parcels if p.declaration.goods_items[0].hs_code == "640419"
        )


def test_drug_senders_of_a_ring_share_their_address_when_names_change() -> None:
    rings: dict[str, set[tuple[str, str]]] = {}
    for _, parcel in made(Size(3, 52, PARCELS), is_noisy=False):
        sender = parcel.declaration.consignor
        if parcel.truth and parcel.truth.scheme is Kind.LINKED_DRUG_SENDERS and sender and sender.address:
            rings.setdefault(parcel.truth.actor, set()).add((sender.name, sender.address.line))
    assert any(len({name for name, _ in pairs}) > 1 for pairs in rings.values())
    assert all(len({line for _, line in pairs}) == 1 for pairs in rings.values())


def test_undervaluation_evades_and_says_how_much() -> None:
    undervalued = [p.truth for _, p in year() if p.truth and p.truth.scheme is Kind.UNDERVALUATION]
    assert all(truth.evaded_cents > 0 for truth in undervalued)


def test_noise_spoils_an_identity_and_keeps_the_person() -> None:
    parameters = shipped()
    always = replace(
        parameters,
        noise=replace(parameters.noise, transliteration=1_000_000, typo=0, initial=0, address_variant=0, phone_form=0),
    )
    person = replace(People(1, parameters).person(7), name="Søren Ågaard", phone="+4512345678")
    seen = {spoilt(person, Chance(1, n), always).name for n in range(20)}
    assert seen == {"Soren Aagaard", "Soeren Agaard"}
    assert {spoilt(person, Chance(1, n), always).phone for n in range(5)} == {"+4512345678"}


def test_the_house_finds_no_error_in_a_sample() -> None:
    """What schemes do is wrong and yet well-formed: 2,000 parcels, each decided by the law of its own month."""
    given: dict[date, Circumstances] = {}
    sample = year()[:: PARCELS // 2_000]
    errors = []
    for day, parcel in sample:
        month = day.replace(day=1)
        if month not in given:
            knowledge = load_knowledge("DK", month)
            drawn = draw(b"\x01" * 32, "seed", "key", knowledge.policy.selection_share)
            given[month] = Circumstances(
                legal_day=month, regime=load_regime("DK", month), knowledge=knowledge, draw=drawn
            )
        evaluation = evaluate(parcel.declaration, given[month])
        errors += [f.rule_id for f in evaluation.findings if f.severity is Severity.ERROR]
    assert len(sample) == 2_000
    assert not errors


def test_the_scale_tells_what_is_inside_whatever_the_words_say() -> None:
    """Where the carrier weighed and the actor has not adapted, misdescribed goods are lighter by their papers than on the scale."""
    unsaid: dict[bool, list[int]] = {True: [], False: []}
    for _, parcel in year():
        if parcel.truth is not None and (parcel.truth.scheme is not Kind.MISDESCRIPTION or parcel.truth.phase):
            continue
        gross = parcel.declaration.consignment.gross_mass_kg or 0
        net = sum(item.net_mass_kg or 0 for item in parcel.declaration.goods_items)
        assert gross >= net
        unsaid[parcel.truth is not None].append(int((gross - net) * 1000))
    assert len(unsaid[True]) > 50
    heavy = {is_wrong: sum(each > 500 for each in masses) / len(masses) for is_wrong, masses in unsaid.items()}
    assert heavy[True] > 0.1
    assert heavy[True] > 10 * heavy[False]


def test_without_a_scale_nothing_shows() -> None:
    """The sender writes both masses then, and they agree as far as packaging goes."""
    weighing = replace(shipped().weighing, weighed=0, careless=0)
    world = World(Size(3, 4, 4_000), replace(shipped(), weighing=weighing), is_noisy=False)
    most = 3 * weighing.packaging[1] + 2 * 20
    for _, parcels in world.days():
        for parcel in parcels:
            gross = parcel.declaration.consignment.gross_mass_kg or 0
            net = sum(item.net_mass_kg or 0 for item in parcel.declaration.goods_items)
            assert 0 < (gross - net) * 1000 <= most
