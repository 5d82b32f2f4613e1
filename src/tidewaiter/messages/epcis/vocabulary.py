"""Words and names in events: the bare words of CBV 2.0, URIs, and names with a prefix, each brought to one writing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from tidewaiter.model.event_words import VOCABULARY

BIZ_STEPS: Final = frozenset(
    [
        "accepting",
        "arriving",
        "assembling",
        "collecting",
        "commissioning",
        "consigning",
        "creating_class_instance",
        "cycle_counting",
        "decommissioning",
        "departing",
        "destroying",
        "disassembling",
        "dispensing",
        "encoding",
        "entering_exiting",
        "holding",
        "inspecting",
        "installing",
        "killing",
        "loading",
        "other",
        "packing",
        "picking",
        "receiving",
        "removing",
        "repackaging",
        "repairing",
        "replacing",
        "reserving",
        "retail_selling",
        "sampling",
        "sensor_reporting",
        "shipping",
        "staging_outbound",
        "stock_taking",
        "stocking",
        "storing",
        "transporting",
        "unloading",
        "unpacking",
        "void_shipping",
    ]
)
DISPOSITIONS: Final = frozenset(
    [
        "active",
        "available",
        "completeness_inferred",
        "completeness_verified",
        "conformant",
        "container_closed",
        "container_open",
        "damaged",
        "destroyed",
        "dispensed",
        "disposed",
        "encoded",
        "expired",
        "in_progress",
        "in_transit",
        "inactive",
        "mismatch_class",
        "mismatch_instance",
        "mismatch_quantity",
        "needs_replacement",
        "no_pedigree_match",
        "non_conformant",
        "non_sellable_other",
        "partially_dispensed",
        "recalled",
        "reserved",
        "retail_sold",
        "returned",
        "sellable_accessible",
        "sellable_not_accessible",
        "stolen",
        "unavailable",
        "unknown",
    ]
)
TRANSACTION_TYPES: Final = frozenset(
    [
        "bol",
        "cert",
        "desadv",
        "inv",
        "pedigree",
        "po",
        "poc",
        "prodorder",
        "recadv",
        "rma",
        "testprd",
        "testres",
        "upevt",
    ]
)
SOURCE_TYPES: Final = frozenset(("location", "owning_party", "possessing_party"))
ERROR_REASONS: Final = frozenset(("did_not_occur", "incorrect_data"))
ALERTS: Final = frozenset(("ALARM_CONDITION", "ERROR_CONDITION"))
COMPONENTS: Final = frozenset(
    [
        "altitude",
        "axial_distance",
        "azimuth",
        "easting",
        "elevation_angle",
        "height",
        "latitude",
        "longitude",
        "northing",
        "polar_angle",
        "spherical_radius",
        "x",
        "y",
        "z",
    ]
)
MEASUREMENTS: Final = frozenset(
    [
        "AbsoluteHumidity",
        "AbsorbedDose",
        "AbsorbedDoseRate",
        "Acceleration",
        "Altitude",
        "AmountOfSubstance",
        "AmountOfSubstancePerUnitVolume",
        "Angle",
        "AngularAcceleration",
        "AngularMomentum",
        "AngularVelocity",
        "Area",
        "Capacitance",
        "Conductance",
        "Conductivity",
        "Count",
        "Density",
        "Dimensionless",
        "DoseEquivalent",
        "DoseEquivalentRate",
        "DynamicViscosity",
        "ElectricCharge",
        "ElectricCurrent",
        "ElectricCurrentDensity",
        "ElectricFieldStrength",
        "Energy",
        "Exposure",
        "Force",
        "Frequency",
        "Illuminance",
        "Inductance",
        "Irradiance",
        "KinematicViscosity",
        "Length",
        "LinearMomentum",
        "Luminance",
        "LuminousFlux",
        "LuminousIntensity",
        "MagneticFlux",
        "MagneticFluxDensity",
        "MagneticVectorPotential",
        "Mass",
        "MassConcentration",
        "MassFlowRate",
        "MassPerAreaTime",
        "MemoryCapacity",
        "MolalityOfSolute",
        "MolarEnergy",
        "MolarMass",
        "MolarVolume",
        "Power",
        "Pressure",
        "RadiantFlux",
        "RadiantIntensity",
        "Radioactivity",
        "RelativeHumidity",
        "Resistance",
        "Resistivity",
        "SolidAngle",
        "SpecificVolume",
        "Speed",
        "SurfaceDensity",
        "SurfaceTension",
        "Temperature",
        "Time",
        "Torque",
        "Voltage",
        "Volume",
        "VolumeFlowRate",
        "VolumeFraction",
        "VolumetricFlux",
        "Wavenumber",
    ]
)

STANDARD_PREFIXES: Final = {
    "epcis": "https://ref.gs1.org/epcis/",
    "cbv": "https://ref.gs1.org/cbv/",
    "cbvmda": "urn:epcglobal:cbv:mda:",
    "gs1": "https://gs1.org/voc/",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "owl": "http://www.w3.org/2002/07/owl#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "dcterms": "http://purl.org/dc/terms/",
    "tidewaiter": VOCABULARY,
}
"""What the standard's own context says of prefixes, and ours, which every answer names; others are said in the document."""

CONTEXT: Final = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"

# How a word of CBV is written as a URI: by URN since CBV 1, by web address since CBV 2.
_AS_URI: Final = re.compile(
    r"(?:urn:epcglobal:cbv:(?P<urn>[a-z]+):|https?://(?:ref|ns)\.gs1\.org/cbv/(?P<web>[A-Za-z]+)-|cbv:(?P<compact>[A-Za-z]+)-"
    r"|(?:https?://(?:www\.)?gs1\.org/voc/(?:SensorAlertType-|MeasurementType-)?|gs1:(?:SensorAlertType-|MeasurementType-)?))"
    r"(?P<word>[A-Za-z_]+)"
)
_URI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S+")


def word(text: str, words: frozenset[str], prefixes: Mapping[str, str] = STANDARD_PREFIXES) -> str:
    """A word of a list in its bare form, another one as a full URI; "" where it is neither."""
    if text in words:
        return text
    match = _AS_URI.fullmatch(text)
    if match and match["word"] in words:
        return match["word"]
    return expanded(text, prefixes) if is_uri(text) else ""


def is_uri(text: str) -> bool:
    """Whether it has the form of a URI: a scheme, a colon, and no blank."""
    return _URI.fullmatch(text) is not None


def expanded(name: str, prefixes: Mapping[str, str]) -> str:
    """A name written out where its prefix is known; as it stands where it is not."""
    prefix, colon, rest = name.partition(":")
    return prefixes[prefix] + rest if colon and prefix in prefixes and not rest.startswith("//") else name


def prefixes_of(context: Any) -> dict[str, str]:
    """The prefixes that an `@context` says, over those of the standard: of inline objects alone, as nothing is fetched."""
    found = dict(STANDARD_PREFIXES)
    for each in context if isinstance(context, list) else [context]:
        if isinstance(each, dict):
            for prefix, meaning in each.items():
                uri = meaning.get("@id") if isinstance(meaning, dict) else meaning
                if isinstance(uri, str) and not prefix.startswith("@") and is_uri(uri):
                    found[prefix] = expanded(uri, found)
    return found


def written_out(value: Any, prefixes: Mapping[str, str]) -> Any:
    """A value of an extension with all names in it written out."""
    if isinstance(value, dict):
        return {expanded(name, prefixes): written_out(each, prefixes) for name, each in value.items()}
    if isinstance(value, list):
        return [written_out(each, prefixes) for each in value]
    return value
