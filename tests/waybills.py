"""Air waybills written for the tests: one consolidation of two houses, in XML and in text."""

from __future__ import annotations

MASTER = "999-00000011"


def xfwb(
    *, pieces: str = "5", mass: str = "42.5", unit: str = "KGM", measured: str = "5", type_code: str = "741"
) -> str:
    """A master waybill in XML."""
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<rsm:Waybill xmlns:rsm="iata:waybill:1" xmlns:ram="iata:datamodel:3">
 <rsm:MessageHeaderDocument>
  <ram:ID>{MASTER}_1</ram:ID><ram:Name>Master Air Waybill</ram:Name><ram:TypeCode>{type_code}</ram:TypeCode>
  <ram:IssueDateTime>2026-03-01T08:00:00+01:00</ram:IssueDateTime><ram:PurposeCode>Creation</ram:PurposeCode>
  <ram:VersionID>3.00</ram:VersionID><ram:SenderParty><ram:PrimaryID schemeID="C">FORWARDER</ram:PrimaryID></ram:SenderParty>
 </rsm:MessageHeaderDocument>
 <rsm:BusinessHeaderDocument><ram:ID>{MASTER}</ram:ID></rsm:BusinessHeaderDocument>
 <rsm:MasterConsignment>
  <ram:IncludedTareGrossWeightMeasure unitCode="{unit}">{mass}</ram:IncludedTareGrossWeightMeasure>
  <ram:TotalPieceQuantity>{pieces}</ram:TotalPieceQuantity>
  {_party("ConsignorParty", "Keel Freight Ltd", "8 Dock Road", "Cork", "T12", "IE")}
  {_party("ConsigneeParty", "Tide Cargo Inc", "77 Wharf Street", "Vancouver", "V6B", "CA")}
  <ram:OriginLocation><ram:ID>ORK</ram:ID></ram:OriginLocation>
  <ram:FinalDestinationLocation><ram:ID>YVR</ram:ID></ram:FinalDestinationLocation>
  <ram:SpecifiedLogisticsTransportMovement><ram:ModeCode>4</ram:ModeCode><ram:ID>ZZ100</ram:ID>
   <ram:ArrivalEvent><ram:ScheduledOccurrenceDateTime>2026-03-03T10:00:00</ram:ScheduledOccurrenceDateTime></ram:ArrivalEvent>
  </ram:SpecifiedLogisticsTransportMovement>
  <ram:IncludedCustomsNote><ram:ContentCode>T</ram:ContentCode><ram:Content>IE7654321X</ram:Content>
   <ram:SubjectCode>SHP</ram:SubjectCode><ram:CountryID>IE</ram:CountryID></ram:IncludedCustomsNote>
  <ram:IncludedCustomsNote><ram:ContentCode>MU</ram:ContentCode><ram:Content>dock</ram:Content>
   <ram:SubjectCode>CNE</ram:SubjectCode><ram:CountryID>CA</ram:CountryID></ram:IncludedCustomsNote>
  <ram:IncludedCustomsNote><ram:ContentCode>MD</ram:ContentCode><ram:Content>tide.example</ram:Content>
   <ram:SubjectCode>CNE</ram:SubjectCode><ram:CountryID>CA</ram:CountryID></ram:IncludedCustomsNote>
  <ram:IncludedCustomsNote><ram:ContentCode>QQ</ram:ContentCode><ram:Content>riddle</ram:Content>
   <ram:SubjectCode>CUS</ram:SubjectCode><ram:CountryID>CA</ram:CountryID></ram:IncludedCustomsNote>
  <ram:ApplicableRating>
   <ram:IncludedMasterConsignmentItem>
    <ram:SequenceNumeric>1</ram:SequenceNumeric>
    <ram:GrossWeightMeasure unitCode="{unit}">{mass}</ram:GrossWeightMeasure>
    <ram:PieceQuantity>{pieces}</ram:PieceQuantity>
    <ram:NatureIdentificationTransportCargo>
     <ram:Identification>Consolidation as per
     attached list</ram:Identification></ram:NatureIdentificationTransportCargo>
    <ram:TransportLogisticsPackage><ram:ItemQuantity>{measured}</ram:ItemQuantity></ram:TransportLogisticsPackage>
   </ram:IncludedMasterConsignmentItem>
   <ram:IncludedMasterConsignmentItem><ram:SequenceNumeric>2</ram:SequenceNumeric>
    <ram:GrossVolumeMeasure unitCode="MTQ">0.2</ram:GrossVolumeMeasure></ram:IncludedMasterConsignmentItem>
  </ram:ApplicableRating>
  <ram:SomethingNew kind="odd">kept</ram:SomethingNew>
 </rsm:MasterConsignment>
</rsm:Waybill>"""


def xfzb(number: str = "KEEL1", *, pieces: str = "2", mass: str = "20", master: str = MASTER) -> str:
    """A house waybill in XML, its namespaces those of another version."""
    return f"""<HouseWaybill xmlns="iata:housewaybill:2"><MessageHeaderDocument><TypeCode>703</TypeCode>
 <PurposeCode>Creation</PurposeCode><VersionID>9.00</VersionID></MessageHeaderDocument>
 <BusinessHeaderDocument><ID>{number}</ID></BusinessHeaderDocument>
 <MasterConsignment><TransportContractDocument><ID>{master}</ID></TransportContractDocument>
 <IncludedHouseConsignment><ID>{number}</ID>
 <IncludedTareGrossWeightMeasure unitCode="KGM">{mass}</IncludedTareGrossWeightMeasure>
 <TotalPieceQuantity>{pieces}</TotalPieceQuantity><SummaryDescription>Steel bicycle pedals</SummaryDescription>
 {_party("ConsignorParty", "Pedal Works", "3 Mill Lane", "Cork", "T12", "IE", "")}
 {_party("ConsigneeParty", "Ann Rider", "5 Hill Street", "Vancouver", "V6B", "CA", "")}
 <FinalDestinationLocation><ID>YVR</ID></FinalDestinationLocation></IncludedHouseConsignment></MasterConsignment></HouseWaybill>"""


def xfhl(*houses: tuple[str, str, str], pieces: str = "5", mass: str = "42.5") -> str:
    """A house manifest in XML: number, pieces and kilograms of each house."""
    listed = "".join(
        f"""<ram:IncludedHouseConsignment><ram:SequenceNumeric>{at}</ram:SequenceNumeric>
  <ram:GrossWeightMeasure unitCode="KGM">{kg}</ram:GrossWeightMeasure><ram:TotalPieceQuantity>{count}</ram:TotalPieceQuantity>
  <ram:SummaryDescription>Bicycle parts</ram:SummaryDescription>
  <ram:TransportContractDocument><ram:ID>{number}</ram:ID></ram:TransportContractDocument></ram:IncludedHouseConsignment>"""
        for at, (number, count, kg) in enumerate(houses, start=1)
    )
    return f"""<rsm:HouseManifest xmlns:rsm="iata:housemanifest:1" xmlns:ram="iata:datamodel:3">
 <rsm:MessageHeaderDocument><ram:ID>{MASTER}_L</ram:ID><ram:TypeCode>785</ram:TypeCode>
 <ram:PurposeCode>Creation</ram:PurposeCode></rsm:MessageHeaderDocument><rsm:MasterConsignment>
 <ram:IncludedTareGrossWeightMeasure unitCode="KGM">{mass}</ram:IncludedTareGrossWeightMeasure>
 <ram:TotalPieceQuantity>{pieces}</ram:TotalPieceQuantity>
 <ram:TransportContractDocument><ram:ID>{MASTER}</ram:ID></ram:TransportContractDocument>
 <ram:FinalDestinationLocation><ram:ID>YVR</ram:ID></ram:FinalDestinationLocation>{listed}</rsm:MasterConsignment></rsm:HouseManifest>"""


FWB = """FWB/16
999-00000044ORKYVR/T3L22MC0.2
FLT/ZZ100/02
SHP/A77
/KEEL FREIGHT LTD
/8 DOCK ROAD
/CORK
/IE/T12/TE/35321000000
CNE
/TIDE CARGO INC
/77 WHARF STREET
/VANCOUVER/BC
/CA/V6B
RTD/1/P3/L22/CQ/W22/R2/T44
/NG/COTTON BED LINEN
/2/NG/WOVEN
/3/ND//CMT40-30-20/3
/4/NH/630231
SPH/EAP
OCI/IE/SHP/T/IE7654321X
//ISS/RA/IE 00001-01
///SM/XRY
/CA/CNE/CP/ANN RIDER
"""

FHL = """FHL/4
MBI/999-00000011ORKYVR/T5K42.5
HBS/KEEL2/ORKYVR/3/K22.5/3/BICYCLE SADDLES
TXT/LEATHER SADDLES
/FOR BICYCLES
HTS/871495
SHP/SADDLE WORKS
/3 MILL LANE
/CORK
/IE/T12
CNE/BOB RIDER
/6 HILL STREET
/VANCOUVER/BC
/CA/V6B
"""

FHL_NAMED = """FHL/5
MBI/999-00000011ORKYVR/T5K42.5
HBS/KEEL3/ORKYVR/3/K22.5/3/BICYCLE SADDLES
SHP
NAM/SADDLE WORKS
/OF CORK
ADR/3 MILL LANE
/UNIT 4
LOC/CORK/CO
/IE/T12/TE/35321111111
CNE
NAM/BOB RIDER
ADR/6 HILL STREET
LOC/VANCOUVER/BC
/CA/V6B
"""

FHL_LIST = """FHL/4
MBI/999-00000011ORKYVR/T5K42.5
HBS/KEEL1/ORKYVR/2/K20//PEDALS
HBS/KEEL2/ORKYVR/3/K22.5//SADDLES
"""

FFM = """FFM/8
1/ZZ100/02MAR/ORK/EIABC
YVR
999-00000011ORKYVR/T5K42.5MC0.3/CONSOLIDATION
ULD/AKE12345ZZ
999-00000044ORKYVR/T3L22MC0.2/BED LINEN
/EAP
LAST
"""


def _party(element: str, name: str, street: str, city: str, postcode: str, country: str, prefix: str = "ram:") -> str:
    values = {"PostcodeCode": postcode, "StreetName": street, "CityName": city, "CountryID": country}
    address = "".join(f"<{prefix}{tag}>{value}</{prefix}{tag}>" for tag, value in values.items())
    return (
        f"<{prefix}{element}><{prefix}Name>{name}</{prefix}Name>"
        f"<{prefix}PostalStructuredAddress>{address}</{prefix}PostalStructuredAddress></{prefix}{element}>"
    )
