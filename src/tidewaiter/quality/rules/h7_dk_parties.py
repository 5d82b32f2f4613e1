"""Danish customs' rules for low-value declarations (H7): importer, declarant, representative, exporter."""

from __future__ import annotations

from collections.abc import Sequence

from tidewaiter.model.declaration import Declaration, Party
from tidewaiter.model.finding import Severity
from tidewaiter.model.identifiers import Eori
from tidewaiter.quality.registry import Context, Seen, rule
from tidewaiter.quality.rules.h7_dk import PRIVATE_PERSON, SCOPE, codes, danish

_GONE = "No number is built like this, so none is registered."


def _wrong_number(party: Party | None, pointer: str) -> Sequence[Seen]:
    """Where a number is built so that it cannot be registered. Check digits are looked at elsewhere."""
    if party is None or not party.party_id or (problem := Eori.shape_problem(party.party_id)) is None:
        return ()
    return [Seen(f"{pointer}.party_id", party.party_id, f"{_GONE} As an EORI number {problem}.")]


@danish("DK2001", vr=38, replaces=("identifier.eori",), about=("importer",), by_outline=True)
def importer_number(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """The importer's number must be an EORI number, or DK09999981 for a private person.

    Whether a well-built number is registered is not looked up here.
    """
    return _wrong_number(declaration.importer, "importer")


@danish("DK2005", vr=39, replaces=("identifier.eori",), about=("declarant",), by_outline=True)
def declarant_number(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """The declarant's number must be an EORI number. Whether a well-built one is registered is not looked up here."""
    return _wrong_number(declaration.declarant, "declarant")


@danish("DK2006", vr=40, replaces=("identifier.eori",), about=("representative",), by_outline=True)
def representative_number(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """The representative's number must be an EORI number. Whether a well-built one is registered is not looked up here."""
    return _wrong_number(declaration.representative, "representative")


@rule(
    "DK-CVR",
    Severity.WARNING,
    source="Danish Business Authority: every CVR number satisfies modulus 11; published test case H7 Standard, rejection",
    scope=SCOPE,
    replaces=("identifier.eori",),
    by_outline=True,
)
def danish_check_digit(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """A Danish number whose check digit does not agree was never issued: expect DK2001, DK2005 or DK2006 from Denmark.

    A warning only, as the register itself is not asked.
    """
    seen = []
    for name in ("declarant", "representative", "importer"):
        party: Party | None = getattr(declaration, name)
        text = party.party_id if party is not None else ""
        if text[:2] == "DK" and not Eori.shape_problem(text) and (problem := Eori.check_digit_problem(text)):
            seen.append(Seen(f"{name}.party_id", text, f"In this Danish number {problem}."))
    return seen


@danish("DK1040", vr=62, about=("importer",), by_outline=True)
def importer_country(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """The importer's address is in Denmark."""
    code = _country(declaration.importer)
    return [Seen("importer.address.country_code", code, "This must be DK.")] if code not in ("", "DK") else ()


@danish("DK1085", vr=158, about=("importer",), by_outline=True)
def importer_country_needs_number(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """The importer's country is given only together with a valid number of the importer."""
    importer = declaration.importer
    if importer is None or not (code := _country(importer)) or Eori.shape_problem(importer.party_id) is None:
        return ()
    return [Seen("importer.address.country_code", code, "A country is given, but no valid number of the importer.")]


@danish("DK-VR59", vr=59, about=("importer",), by_outline=True)
def importer_number_or_name(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """An importer with an EORI number is not also named: leave out name and address."""
    return _number_and_name(declaration.importer, "importer")


@danish("DK-VR58", vr=58, about=("declarant",), by_outline=True)
def declarant_number_or_name(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """A declarant with an EORI number is not also named: leave out name and address."""
    return _number_and_name(declaration.declarant, "declarant")


def _number_and_name(party: Party | None, pointer: str) -> Sequence[Seen]:
    if party is None or party.party_id in ("", PRIVATE_PERSON) or not (party.name or _has_address(party)):
        return ()
    if Eori.shape_problem(party.party_id) is not None:
        return ()
    lacking = "name" if party.name else "address"
    return [Seen(f"{pointer}.{lacking}", party.name, "With an EORI number, name and address must be left out.")]


@danish("DK1041", vr=63, about=("importer",), by_outline=True)
def private_importer_named(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """A private importer (DK09999981) is named: give name and address."""
    return _unnamed(declaration.importer, "importer")


@danish("DK1044", vr=64, about=("declarant",), by_outline=True)
def private_declarant_named(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """A private declarant (DK09999981) is named: give name and address."""
    return _unnamed(declaration.declarant, "declarant")


def _unnamed(party: Party | None, pointer: str) -> Sequence[Seen]:
    if party is None or party.party_id != PRIVATE_PERSON or (party.name and _has_address(party)):
        return ()
    lacking = "address" if party.name else "name"
    return [Seen(f"{pointer}.{lacking}", "", f"With {PRIVATE_PERSON} both name and address must be given.")]


@danish("DK-VR51", vr=51, about=("declarant",), by_outline=True)
def declarant_country(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """The declarant's address is in a member state of the European Union."""
    code = _country(declaration.declarant)
    if not code or code in codes("eu_member_states"):
        return ()
    return [Seen("declarant.address.country_code", code, "This is not a member state of the European Union.")]


@danish("DK-VR53", vr=53, about=("declarant",))
def declarant_contact(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """A contact person of the declarant can be reached: give telephone and e-mail with the name."""
    return _unreachable(declaration, "declarant")


@danish("DK-VR55", vr=55, about=("representative",))
def representative_contact(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """A contact person of the representative can be reached: give telephone and e-mail with the name."""
    return _unreachable(declaration, "representative")


def _unreachable(declaration: Declaration, name: str) -> Sequence[Seen]:
    party: Party | None = getattr(declaration, name)
    if party is None or not party.contact_name or (party.phone and party.email):
        return ()
    lacking = "email" if party.phone else "phone"
    return [Seen(f"{name}.{lacking}", "", "A contact person needs both a telephone number and an e-mail address.")]


@danish("DK1009", vr=9, about=("representative",), by_outline=True)
def representative_is_declarant(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """Nobody represents themselves: representative and declarant have different numbers."""
    declarant, representative = declaration.declarant, declaration.representative
    if declarant is None or representative is None or not representative.party_id:
        return ()
    if representative.party_id != declarant.party_id:
        return ()
    words = "The representative has the declarant's number."
    return [Seen("representative.party_id", representative.party_id, words, "Leave out the representative.")]


@danish("DK1004", vr=4, about=("representative",))
def representation(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """Representation is 2 (direct) or 3 (indirect)."""
    party = declaration.representative
    if party is None or party.status_code in codes("representative_status"):
        return ()
    return [Seen("representative.status_code", party.status_code, "Representation must be 2 (direct) or 3 (indirect).")]


@danish("DK11051", vr=70, replaces=("code.country",), by_outline=True)
def exporter_country(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """The exporter's country must exist in the list of countries that Danish customs apply."""
    known = codes("countries")
    return [
        Seen(
            pointer,
            code,
            "This country does not exist in the Danish list.",
            "Serbia is XS there." if code == "RS" else "",
        )
        for pointer, code in _exporter_countries(declaration)
        if code not in known
    ]


@danish("DK-VR50", vr=50, by_outline=True)
def exporter_in_third_country(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """The exporter is outside the European Union, except for goods of special territories (declaration type CO)."""
    if declaration.type_code.startswith("CO") and declaration.type_code != "COR":
        return ()
    members = codes("eu_member_states")
    return [
        Seen(pointer, code, "This is a member state of the European Union, not a third country.")
        for pointer, code in _exporter_countries(declaration)
        if code in members
    ]


def _exporter_countries(declaration: Declaration) -> list[tuple[str, str]]:
    found = []
    if code := _country(declaration.consignor):
        found.append(("consignor.address.country_code", code))
    if code := _country(declaration.exporter):
        found.append(("exporter.address.country_code", code))
    for place, item in enumerate(declaration.goods_items, 1):
        if item.consignor is not None and (code := _country(item.consignor)):
            found.append((f"goods_items[{place}].consignor.address.country_code", code))
    return found


def _country(party: Party | None) -> str:
    return party.address.country_code if party is not None and party.address is not None else ""


def _has_address(party: Party) -> bool:
    """True where there is more of an address than its country, which may stand beside a number."""
    address = party.address
    return address is not None and bool(address.line or address.city or address.postcode)
