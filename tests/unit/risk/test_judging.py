"""The first judgement: reasons with their words, and a lane that is the highest not lifted."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from tidewaiter.model.declaration import Address, Declaration, Document, GoodsItem, Party
from tidewaiter.model.errors import ReplayError
from tidewaiter.model.finding import Finding, Severity
from tidewaiter.model.judgement import Draw, Judgement, Lane, ReasonKind
from tidewaiter.risk import RiskKnowledge, WatchListEntry, draw, judge, load_knowledge

DAY = date(2026, 7, 1)
NOT_DRAWN = draw(b"seed", "seed-1", "key", Decimal(0))
DRAWN = draw(b"seed", "seed-1", "key", Decimal(1))


def item(description: str = "Cotton T-shirt", code: str = "610910", **more: object) -> GoodsItem:
    return GoodsItem(line_no=1, description=description, commodity_code=code, **more)  # type: ignore[arg-type]


def judged(
    declaration: Declaration,
    jurisdiction: str = "GB",
    watch_list: tuple[WatchListEntry, ...] = (),
    draw: Draw = NOT_DRAWN,
    findings: tuple[Finding, ...] = (),
) -> Judgement:
    knowledge = load_knowledge(jurisdiction, DAY, watch_list=watch_list)
    return judge(declaration, knowledge, draw, findings)


@pytest.mark.parametrize(
    ("jurisdiction", "description", "code", "reason_id", "lane"),
    [
        ("GB", "Flick knife, black", "821193", "GB.weapons.flick_knives", Lane.RED),
        ("GB", "Two butterfly knives", "", "GB.weapons.offensive_weapons", Lane.RED),
        ("GB", "弹簧刀", "", "GB.weapons.flick_knives", Lane.RED),
        ("GB", "Pfefferspray 50 ml", "", "GB.weapons.stun_guns_and_sprays", Lane.RED),
        ("GB", "Decorative item", "9302000000", "GB.weapons.firearms", Lane.RED),
        ("GB", "Crocodile leather wallet", "420231", "GB.wildlife.cites_species", Lane.YELLOW),
        ("GB", "Bracelet", "050800", "GB.wildlife.cites_species", Lane.YELLOW),
        ("GB", "Beef jerky 500 g", "210690", "GB.animals_plants_food.animal_products", Lane.YELLOW),
        ("GB", "Tomato seeds heirloom", "120991", "GB.animals_plants_food.plants", Lane.YELLOW),
        ("GB", "Counterfeit banknotes", "", "GB.society.counterfeit_currency", Lane.RED),
        ("DK", "Peberspray", "", "DK.weapons.sprays_and_stun_guns", Lane.RED),
        ("DK", "Fyrværkeri", "360410", "DK.weapons.fireworks", Lane.RED),
        ("DK", "Sildenafil 100 mg", "300490", "DK.medicines.medicines", Lane.YELLOW),
        ("DK", "R22 refrigerant can", "290371", "EU.environment.ozone_depleting", Lane.YELLOW),
        ("DK", "Old vase", "970610", "EU.society.cultural_goods", Lane.YELLOW),
        ("EU", "Elfenbein Figur", "", "EU.wildlife.cites_species", Lane.YELLOW),
    ],
)
def test_controlled_goods_are_found(jurisdiction: str, description: str, code: str, reason_id: str, lane: Lane) -> None:
    result = judged(Declaration(goods_items=(item(description, code),)), jurisdiction)
    assert reason_id in [reason.reason_id for reason in result.reasons]
    assert result.lane is lane


@pytest.mark.parametrize(
    "description",
    [
        "Ivory dress with lace",
        "Toy pistol, water",
        "Butterfly knife comb trainer",
        "Faux crocodile leather bag",
        "Dog fur brush",
        "Rubber o ring seal skin pack",
        "LED firework light",
        "Artificial bonsai tree",
        "Khaki trousers",
        "",
    ],
)
def test_everyday_goods_are_left_alone(description: str) -> None:
    for jurisdiction in ("GB", "DK"):
        result = judged(Declaration(goods_items=(item(description, "392690"),)), jurisdiction)
        assert (result.lane, result.reasons) == (Lane.GREEN, ())


@pytest.mark.parametrize(
    ("document", "is_lifted"),
    [
        (Document(type_code="C400", document_id="CITES-1"), True),
        (Document(type_code="C400"), False),  # a permit without its number is none
        (Document(type_code="Y900"), True),  # a waiver needs no number
        (Document(type_code="N851", document_id="1"), False),
    ],
)
@pytest.mark.parametrize("place", ["line", "whole"])
def test_a_permit_lifts_a_restriction(*, document: Document, is_lifted: bool, place: str) -> None:
    on_line, on_whole = ((document,), ()) if place == "line" else ((), (document,))
    declaration = Declaration(goods_items=(item("Python leather belt", documents=on_line),), documents=on_whole)
    result = judged(declaration)
    (reason,) = result.reasons
    assert reason.is_lifted is is_lifted
    assert result.lane is (Lane.GREEN if is_lifted else Lane.YELLOW)
    assert reason.permit_code == (document.type_code if is_lifted else "C400")


def test_a_reason_says_where_and_what() -> None:
    declaration = Declaration(goods_items=(item(), item("One flick knife")))
    (reason,) = judged(declaration).reasons
    assert reason.pointer == "goods_items[2].description"
    assert reason.value == "One flick knife"
    assert '"flick knife"' in reason.words
    assert reason.kind is ReasonKind.PROHIBITED


WATCHED = WatchListEntry(
    entry_id="W-1",
    words="Sent prohibited goods before.",
    names=("Ωmega Trading",),
    identifiers=("DE 123-456", "seller@example.org"),
    addresses=(Address(line="12, Harbour St.", postcode="AB1 2CD", country_code="GB"),),
)


@pytest.mark.parametrize(
    ("party", "field", "matched"),
    [
        (Party(name="TRADING ΩMEGA, Ltd."), "name", "trading ωmega"),
        (Party(party_id="de123456"), "party_id", "de123456"),
        (Party(email="SELLER@example.org"), "email", "sellerexampleorg"),
        (
            Party(address=Address(line="12 Harbour St", postcode="ab12cd", country_code="gb")),
            "address.line",
            "12 harbour st ab12cd GB",
        ),
    ],
)
@pytest.mark.parametrize("role", ["consignor", "seller", "marketplace"])
def test_a_watched_party_is_found(party: Party, field: str, matched: str, role: str) -> None:
    result = judged(Declaration(**{role: party}), watch_list=(WATCHED,))
    (reason,) = result.reasons
    assert (reason.reason_id, reason.pointer, result.lane) == ("watch_list.W-1", f"{role}.{field}", Lane.RED)
    assert f"(matched: {matched})" in reason.words


@pytest.mark.parametrize(
    "party",
    [
        Party(name="Omega Trading and Sons"),
        Party(party_id="DE123457"),
        Party(address=Address(line="12 Harbour St", country_code="GB")),
        Party(name="Ltd"),
        Party(),
    ],
)
def test_others_are_not(party: Party) -> None:
    assert judged(Declaration(seller=party), watch_list=(WATCHED,)).reasons == ()


def test_an_entry_is_one_reason_per_party_and_holds_on_its_days() -> None:
    party = Party(name="Ωmega trading", party_id="DE123456")
    assert len(judged(Declaration(seller=party), watch_list=(WATCHED,)).reasons) == 1
    ended = WatchListEntry(entry_id="W-2", words="", names=("Ωmega",), effective_until=date(2026, 6, 30))
    assert judged(Declaration(seller=Party(name="ΩMEGA")), watch_list=(ended,)).lane is Lane.GREEN


def test_poor_data_raises_to_blue_and_only_where_the_policy_says() -> None:
    vague = Finding("description.vague", Severity.WARNING, "goods_items[1].description", "too vague", "gift")
    other = Finding("identifier.eori", Severity.WARNING, "declarant.party_id", "odd")
    error = Finding("description.vague", Severity.ERROR, "", "never mind")
    result = judged(Declaration(), findings=(vague, other, error))
    (reason,) = result.reasons
    assert (reason.reason_id, reason.lane, result.lane) == ("quality.description.vague", Lane.BLUE, Lane.BLUE)


def test_chance_is_a_reason_of_its_own() -> None:
    result = judged(Declaration(), draw=DRAWN)
    assert [reason.reason_id for reason in result.reasons] == ["random"]
    assert result.draw is DRAWN
    assert result.lane is load_knowledge("GB", DAY).policy.selection_lane


def test_knowledge_can_be_kept_and_loaded_again() -> None:
    knowledge = load_knowledge("DK", DAY, watch_list=[WATCHED], watch_list_version="7")
    again = RiskKnowledge.from_content(knowledge.content)
    assert again == knowledge
    assert (again.digest, again.content) == (knowledge.digest, knowledge.content)
    declaration = Declaration(seller=Party(name="Ωmega Trading"), goods_items=(item("Peberspray"),))
    assert judge(declaration, again, NOT_DRAWN, ()) == judge(declaration, knowledge, NOT_DRAWN, ())
    assert judge(declaration, knowledge, NOT_DRAWN, ()).lists_digest == knowledge.digest
    with pytest.raises(ReplayError):
        RiskKnowledge.from_content(b"{}")


def test_any_change_of_knowledge_changes_its_digest() -> None:
    digests = {
        load_knowledge("DK", DAY).digest,
        load_knowledge("DK", date(2026, 7, 2)).digest,
        load_knowledge("GB", DAY).digest,
        load_knowledge("DK", DAY, watch_list=[WATCHED]).digest,
    }
    assert len(digests) == 4
