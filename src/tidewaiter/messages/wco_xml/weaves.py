"""Weaves: several elements that make one field, or one that makes several.

Each weave reads the leaves of a group of elements into fields and builds the
same elements from the fields again. The reader compares the two: what a weave
would not write by itself is kept in the extras.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Final

from tidewaiter.messages.wco_xml.values import Fault, decimal_of
from tidewaiter.model.declaration import Document
from tidewaiter.model.money import Money

Leaves = dict[str, str]
Node = tuple[str, Leaves]  # the element's name and its leaves; an attribute is "leaf@attribute"
Fields = dict[str, Any]


class Weave(ABC):
    """One way to read a group of elements. `leaves` are the leaves it takes, `fields` what it fills."""

    leaves: frozenset[str] = frozenset()
    fields: tuple[str, ...] = ()

    def usual(self, nodes: Sequence[Node]) -> Fields | None:
        """What `parse` gives, at once, where the elements are in a frequent shape that `build` gives back; else None."""
        return None

    @abstractmethod
    def parse(self, nodes: Sequence[Node]) -> Fields:
        """The fields that these elements say; those they do not say are left out."""

    @abstractmethod
    def build(self, fields: Mapping[str, Any]) -> list[Node]:
        """The elements that say these fields."""

    @abstractmethod
    def place(self, field: str, index: int) -> str:
        """Where a field lies, below the parent of the elements; `index` from 0 for a list."""

    def inner(self, name: str) -> str:
        """Where a field of a record lies, below its place; "" where the weave tells no closer."""
        return {"type_code": "/TypeCode", "document_id": "/ID"}.get(name, "")


class Classification(Weave):
    """Commodity code and additional codes, by IdentificationTypeCode.

    TSP is the combined nomenclature code (8 digits), TRC the two TARIC digits
    after it; TRA and GN are TARIC and national additional codes (VATZ, X411: GN).
    SRV is a GTIN and SA the seller's number (UN/EDIFACT 7143).
    """

    leaves = frozenset({"ID", "IdentificationTypeCode"})
    fields = ("commodity_code", "additional_codes", "gtin", "sku")

    def usual(self, nodes: Sequence[Node]) -> Fields | None:
        """TSP alone or with TRC."""
        if len(nodes) > 2 or any(len(leaves) != 2 for _, leaves in nodes):
            return None
        code, kind = nodes[0][1]["ID"], nodes[0][1]["IdentificationTypeCode"]
        if kind != "TSP" or not 0 < len(code) <= 8:
            return None
        if len(nodes) == 1:
            return {"commodity_code": code}
        rest, kind = nodes[1][1]["ID"], nodes[1][1]["IdentificationTypeCode"]
        return {"commodity_code": code + rest} if kind == "TRC" and len(code) == 8 else None

    def parse(self, nodes: Sequence[Node]) -> Fields:
        """The code is TSP and TRC joined, else HS."""
        by_type: dict[str, str] = {}
        additional: list[str] = []
        for _, leaves in nodes:
            kind, code = leaves.get("IdentificationTypeCode", ""), leaves.get("ID", "")
            if kind in ("TRA", "GN"):
                additional.append(code)
            elif code:
                by_type.setdefault(kind, code)
        fields: Fields = {}
        base = by_type.get("TSP", "")
        code = base + by_type.get("TRC", "") if len(base) == 8 else base or by_type.get("HS", "")
        if code:
            fields["commodity_code"] = code
        if additional:
            fields["additional_codes"] = tuple(additional)
        if "SRV" in by_type:
            fields["gtin"] = by_type["SRV"]
        if "SA" in by_type:
            fields["sku"] = by_type["SA"]
        return fields

    def build(self, fields: Mapping[str, Any]) -> list[Node]:
        """TSP, TRC, additional codes, SRV, SA, as far as they are there."""
        code: str = fields.get("commodity_code", "")
        pairs = [(code[:8], "TSP")] if code else []
        if len(code) > 8:
            pairs.append((code[8:], "TRC"))
        pairs += [(extra, _additional_type(extra)) for extra in fields.get("additional_codes", ())]
        pairs += [(fields[name], kind) for name, kind in (("gtin", "SRV"), ("sku", "SA")) if fields.get(name)]
        return [("Classification", {"ID": text, "IdentificationTypeCode": kind}) for text, kind in pairs]

    def place(self, field: str, index: int) -> str:
        """By type, or by position for an additional code."""
        kinds = {"commodity_code": "TSP", "gtin": "SRV", "sku": "SA"}
        if field in kinds:
            return f"Classification[IdentificationTypeCode='{kinds[field]}']/ID"
        return f"Classification[IdentificationTypeCode='TRA' or IdentificationTypeCode='GN'][{index + 1}]/ID"


def _additional_type(code: str) -> str:
    return "GN" if code.startswith(("VAT", "X")) else "TRA"


class HarmonizedCode(Weave):
    """The commodity code of an H7 item: Classification of type HS, six digits (EUCDM 18 09 056 000)."""

    leaves = frozenset({"ID", "IdentificationTypeCode"})
    fields = ("commodity_code",)

    def parse(self, nodes: Sequence[Node]) -> Fields:
        """The first code of type HS, else the first that is not blank."""
        codes = [(leaves.get("IdentificationTypeCode", ""), leaves.get("ID", "")) for _, leaves in nodes]
        found = [code for kind, code in codes if kind == "HS" and code] or [code for _, code in codes if code]
        return {"commodity_code": found[0]} if found else {}

    def build(self, fields: Mapping[str, Any]) -> list[Node]:
        """One Classification of type HS."""
        code = fields.get("commodity_code", "")
        return [("Classification", {"ID": code, "IdentificationTypeCode": "HS"})] if code else []

    def place(self, field: str, index: int) -> str:
        """The one there is."""
        return "Classification[IdentificationTypeCode='HS']/ID"


class Origin(Weave):
    """Country of origin (TypeCode 1) and country or group of preferential origin (TypeCode 2)."""

    leaves = frozenset({"CountryCode", "TypeCode"})
    fields = ("origin_country_code", "preferential_origin_code")

    def usual(self, nodes: Sequence[Node]) -> Fields | None:
        """One country of origin."""
        leaves = nodes[0][1]
        if len(nodes) == 1 and leaves.get("TypeCode") == "1" and "CountryCode" in leaves:
            return {"origin_country_code": leaves["CountryCode"]}
        return None

    def parse(self, nodes: Sequence[Node]) -> Fields:
        """The first of each type; without a type it is the country of origin."""
        fields: Fields = {}
        for _, leaves in nodes:
            code = leaves.get("CountryCode", "")
            if code:
                fields.setdefault(self.fields[leaves.get("TypeCode") == "2"], code)
        return fields

    def build(self, fields: Mapping[str, Any]) -> list[Node]:
        """Type 1, then type 2."""
        found = [(fields.get(name, ""), str(number)) for number, name in enumerate(self.fields, start=1)]
        return [("Origin", {"CountryCode": code, "TypeCode": kind}) for code, kind in found if code]

    def place(self, field: str, index: int) -> str:
        """By type."""
        return f"Origin[TypeCode='{1 + (field == self.fields[1])}']/CountryCode"


class Procedure(Weave):
    """Requested and previous procedure in one element, additional procedures in one each."""

    leaves = frozenset({"CurrentCode", "PreviousCode"})
    fields = ("procedure_code", "previous_procedure_code", "additional_procedure_codes")

    def usual(self, nodes: Sequence[Node]) -> Fields | None:
        """A procedure with its previous one, then one additional procedure or none."""
        leaves = nodes[0][1]
        if len(leaves) != 2 or len(nodes) > 2:
            return None
        fields: Fields = {
            "procedure_code": leaves["CurrentCode"],
            "previous_procedure_code": leaves["PreviousCode"],
        }
        if len(nodes) == 2:
            leaves = nodes[1][1]
            if len(leaves) != 1 or "CurrentCode" not in leaves:
                return None
            fields["additional_procedure_codes"] = (leaves["CurrentCode"],)
        return fields

    def parse(self, nodes: Sequence[Node]) -> Fields:
        """The first with a previous code or of two digits is the procedure, the rest are additional."""
        fields: Fields = {}
        additional: list[str] = []
        has_main = False
        for _, leaves in nodes:
            current, previous = leaves.get("CurrentCode", ""), leaves.get("PreviousCode", "")
            if not has_main and (previous or len(current) == 2):
                has_main = True
                fields["procedure_code"], fields["previous_procedure_code"] = current, previous
            elif current:
                additional.append(current)
        if additional:
            fields["additional_procedure_codes"] = tuple(additional)
        return {name: value for name, value in fields.items() if value}

    def build(self, fields: Mapping[str, Any]) -> list[Node]:
        """The procedure, then the additional ones."""
        main = {
            "CurrentCode": fields.get("procedure_code", ""),
            "PreviousCode": fields.get("previous_procedure_code", ""),
        }
        leaves = [{name: code for name, code in main.items() if code}] if any(main.values()) else []
        leaves += [{"CurrentCode": code} for code in fields.get("additional_procedure_codes", ())]
        return [("GovernmentProcedure", entry) for entry in leaves]

    def place(self, field: str, index: int) -> str:
        """The first element, or one after it."""
        if field == "additional_procedure_codes":
            return f"GovernmentProcedure[not(PreviousCode)][{index + 1}]/CurrentCode"
        leaf = "CurrentCode" if field == "procedure_code" else "PreviousCode"
        return f"GovernmentProcedure[PreviousCode]/{leaf}"


class DutyRegime(Weave):
    """The preference claimed: the first DutyRegimeCode among the duties and taxes of an item."""

    leaves = frozenset({"DutyRegimeCode"})
    fields = ("duty_regime_code",)

    def usual(self, nodes: Sequence[Node]) -> Fields | None:
        """In the first element only."""
        if nodes[0][1] and not any(leaves for _, leaves in nodes[1:]):
            return {"duty_regime_code": nodes[0][1]["DutyRegimeCode"]}
        return None

    def parse(self, nodes: Sequence[Node]) -> Fields:
        """The first that is not blank."""
        for _, leaves in nodes:
            code = leaves.get("DutyRegimeCode")
            if code:
                return {"duty_regime_code": code}
        return {}

    def build(self, fields: Mapping[str, Any]) -> list[Node]:
        """In the first DutyTaxFee."""
        code = fields.get("duty_regime_code", "")
        return [("DutyTaxFee", {"DutyRegimeCode": code})] if code else []

    def place(self, field: str, index: int) -> str:
        """In whichever stands first."""
        return "DutyTaxFee/DutyRegimeCode"


class Charges(Weave):
    """Insurance (AK) and discount (BH) among the additions and deductions of the header.

    The codes are those of data element 4/9 in the United Kingdom; others are kept in the extras.
    """

    leaves = frozenset({"ChargesTypeCode", "OtherChargeDeductionAmount", "OtherChargeDeductionAmount@currencyID"})
    fields = ("insurance", "discount")
    codes: Final = {"AK": "insurance", "BH": "discount"}

    def parse(self, nodes: Sequence[Node]) -> Fields:
        """The first amount of each."""
        fields: Fields = {}
        for _, leaves in nodes:
            name = self.codes.get(leaves.get("ChargesTypeCode", ""))
            amount = decimal_of(leaves.get("OtherChargeDeductionAmount", ""))
            currency = leaves.get("OtherChargeDeductionAmount@currencyID")
            if name and currency and not isinstance(amount, Fault):
                fields.setdefault(name, Money(amount, currency))
        return fields

    def build(self, fields: Mapping[str, Any]) -> list[Node]:
        """Insurance, then discount."""
        return [
            (
                "ChargeDeduction",
                {
                    "ChargesTypeCode": code,
                    "OtherChargeDeductionAmount": f"{fields[name].amount:f}",
                    "OtherChargeDeductionAmount@currencyID": fields[name].currency,
                },
            )
            for code, name in self.codes.items()
            if fields.get(name) is not None
        ]

    def place(self, field: str, index: int) -> str:
        """By its code."""
        code = next(code for code, name in self.codes.items() if name == field)
        return f"ChargeDeduction[ChargesTypeCode='{code}']/OtherChargeDeductionAmount"


class Communication(Weave):
    """Telephone (TE) and e-mail (EM) of a party (UN/EDIFACT 3155)."""

    leaves = frozenset({"ID", "TypeCode"})
    fields = ("phone", "email")
    codes: Mapping[str, str] = {"TE": "phone", "EM": "email"}
    others: Mapping[str, str] = {"TEL": "phone"}  # understood too; the sender's own spelling is kept beside

    def parse(self, nodes: Sequence[Node]) -> Fields:
        """The first of each."""
        fields: Fields = {}
        for _, leaves in nodes:
            code = leaves.get("TypeCode", "")
            name = self.codes.get(code) or self.others.get(code)
            if name and leaves.get("ID"):
                fields.setdefault(name, leaves["ID"])
        return fields

    def build(self, fields: Mapping[str, Any]) -> list[Node]:
        """Telephone, then e-mail."""
        found = [(fields.get(name, ""), code) for code, name in self.codes.items()]
        return [("Communication", {"ID": text, "TypeCode": code}) for text, code in found if text]

    def place(self, field: str, index: int) -> str:
        """By its code."""
        code = next(code for code, name in self.codes.items() if name == field)
        return f"Communication[TypeCode='{code}']/ID"


class DanishCommunication(Communication):
    """The same, as Danish customs' own test messages code it: telephone is TEL."""

    codes: Mapping[str, str] = {"TEL": "phone", "EM": "email"}
    others: Mapping[str, str] = {"TE": "phone"}


class Guarantees(Weave):
    """References of guarantees: ID, or ReferenceID where there is no ID."""

    leaves = frozenset({"ID", "ReferenceID"})
    fields = ("guarantee_ids",)

    def parse(self, nodes: Sequence[Node]) -> Fields:
        """One of each ObligationGuarantee that has one."""
        found = [leaves.get("ID") or leaves.get("ReferenceID", "") for _, leaves in nodes]
        references = tuple(reference for reference in found if reference)
        return {"guarantee_ids": references} if references else {}

    def build(self, fields: Mapping[str, Any]) -> list[Node]:
        """An ObligationGuarantee each."""
        return [("ObligationGuarantee", {"ID": reference}) for reference in fields.get("guarantee_ids", ())]

    def place(self, field: str, index: int) -> str:
        """By position."""
        return f"ObligationGuarantee[{index + 1}]/ID"


class DocumentType(Weave):
    """Category (one character) and type of a document, joined: N and 935 are N935."""

    leaves = frozenset({"CategoryCode", "TypeCode"})
    fields = ("type_code",)

    def usual(self, nodes: Sequence[Node]) -> Fields | None:
        """Both, the category of one character."""
        leaves = nodes[0][1]
        if len(leaves) == 2 and len(leaves["CategoryCode"]) == 1:
            return {"type_code": leaves["CategoryCode"] + leaves["TypeCode"]}
        return None

    def parse(self, nodes: Sequence[Node]) -> Fields:
        """Both joined."""
        code = nodes[0][1].get("CategoryCode", "") + nodes[0][1].get("TypeCode", "") if nodes else ""
        return {"type_code": code} if code else {}

    def build(self, fields: Mapping[str, Any]) -> list[Node]:
        """The first character apart."""
        code = fields.get("type_code", "")
        if not code:
            return []
        leaves = {"CategoryCode": code[:1], "TypeCode": code[1:]}
        return [("", {name: text for name, text in leaves.items() if text})]

    def place(self, field: str, index: int) -> str:
        """The type, beside which the category stands."""
        return "TypeCode"


class Location(Weave):
    """Qualifier of a place and the identifier that goes with it (EUCDM 16 15 046 000)."""

    by_qualifier: Final = {
        "U": "Name",
        "V": "CustomsOffice/identification",
        "X": "EconomicOperator/identification",
        "Y": "authorisationReferenceNumber",
    }
    leaves = frozenset({"IdentificationType", *by_qualifier.values()})
    fields = ("qualifier_code", "location_id")

    def parse(self, nodes: Sequence[Node]) -> Fields:
        """The identifier by the qualifier, else the first there is."""
        leaves = nodes[0][1] if nodes else {}
        fields: Fields = {}
        qualifier = leaves.get("IdentificationType", "")
        if qualifier:
            fields["qualifier_code"] = qualifier
        places = (self.by_qualifier.get(qualifier, "Name"), *self.by_qualifier.values())
        found = [leaves[place] for place in places if leaves.get(place)]
        if found:
            fields["location_id"] = found[0]
        return fields

    def build(self, fields: Mapping[str, Any]) -> list[Node]:
        """The qualifier, and the identifier where it belongs."""
        qualifier, identifier = fields.get("qualifier_code", ""), fields.get("location_id", "")
        leaves = {"IdentificationType": qualifier, self.by_qualifier.get(qualifier, "Name"): identifier}
        leaves = {name: text for name, text in leaves.items() if text}
        return [("", leaves)] if leaves else []

    def place(self, field: str, index: int) -> str:
        """Name stands for the identifier: the qualifier is not known here."""
        return "IdentificationType" if field == "qualifier_code" else "Name"


class Documents(Weave):
    """Supporting documents (EUCDM 12 03) and additional references (12 04: types that begin with Y), in that order."""

    leaves = frozenset({"ID", "TypeCode"})
    fields = ("documents",)

    def parse(self, nodes: Sequence[Node]) -> Fields:
        """One document for each element that says something of it."""
        documents = tuple(
            Document(type_code=leaves.get("TypeCode", ""), document_id=leaves.get("ID", ""))
            for _, leaves in nodes
            if leaves
        )
        return {"documents": documents} if documents else {}

    def build(self, fields: Mapping[str, Any]) -> list[Node]:
        """Supporting documents first."""
        documents: Sequence[Document] = fields.get("documents", ())
        nodes = [(self._name(document), self._leaves(document)) for document in documents]
        return sorted(nodes, key=lambda node: node[0] == "AdditionalReference")

    def place(self, field: str, index: int) -> str:
        """By position among both."""
        return f"*[self::SupportingDocument or self::AdditionalReference][{index + 1}]"

    @staticmethod
    def _name(document: Document) -> str:
        return "AdditionalReference" if document.type_code.startswith("Y") else "SupportingDocument"

    @staticmethod
    def _leaves(document: Document) -> Leaves:
        pairs = {"ID": document.document_id, "TypeCode": document.type_code}
        return {name: text for name, text in pairs.items() if text}


WEAVES: Final[dict[str, Weave]] = {
    "classification": Classification(),
    "classification_hs": HarmonizedCode(),
    "origin": Origin(),
    "procedure": Procedure(),
    "duty_regime": DutyRegime(),
    "charges": Charges(),
    "communication": Communication(),
    "communication_dk": DanishCommunication(),
    "guarantees": Guarantees(),
    "document_type": DocumentType(),
    "location": Location(),
    "documents": Documents(),
}
