from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tidewaiter.model.declaration import Address, Consignment, Declaration, Document, GoodsItem, Party
from tidewaiter.model.errors import ReplayError
from tidewaiter.model.judgement import Lane, Reason, ReasonKind
from tidewaiter.risk.lists import ListEntry, ListIndex, ListKind, PublishedList, StatusIndex, TraderStatus
from tidewaiter.risk.lists.files import ListFileError, read_entries, write_entries
from tidewaiter.risk.lists.ofac import read_sdn
from tidewaiter.risk.lists.watched import watched
from tidewaiter.risk.screening import Manner
from tidewaiter.risk.watch_list import WatchListEntry

ON = date(2026, 7, 1)


def entry(*values: str, entry_id: str = "e1", **more: object) -> ListEntry:
    return ListEntry(entry_id=entry_id, values=values, words="Because.", **more)  # type: ignore[arg-type]


def listed(kind: ListKind, *entries: ListEntry, name: str = "mine", **more: object) -> PublishedList:
    return PublishedList(name=name, kind=kind, title="A list", source="a test", entries=entries, **more)  # type: ignore[arg-type]


def reasons(declaration: Declaration, *lists: PublishedList, on: date = ON) -> list[Reason]:
    return ListIndex(lists, on).reasons(declaration)


def parcel(**more: object) -> Declaration:
    return Declaration(
        consignor=Party(name="Bright Star Trading Co Ltd", party_id="CN12345"),
        consignee=Party(
            name="Anna Sørensen", phone="+45 20 30 40 50", email="anna@example.org",
            address=Address(line="Nørregade 12, st. tv.", postcode="2100", city="København"),
        ),
        goods_items=(GoodsItem(line_no=1, description="Socks"), GoodsItem(line_no=2, description="Replica Rolex watch")),
        consignment=Consignment(transport_documents=(Document(document_id="RR473124829GB"),)),
        **more,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "value", "pointer"),
    [
        (ListKind.PARTIES, "Brightstar Trading", "consignor.name"),
        (ListKind.PARTIES, "CN-12345", "consignor.party_id"),
        (ListKind.PARTIES, "ANNA@example.org", "consignee.email"),
        (ListKind.SELLERS, "Bright Star Trading", "consignor.name"),
        (ListKind.ADDRESSES, "NORREGADE 12, 2100", "consignee.address.line"),
        (ListKind.PHONES, "0045-20304050", "consignee.phone"),
        (ListKind.BRANDS, "rolex", "goods_items[2].description"),
        (ListKind.GOODS, "replica rolex", "goods_items[2].description"),
        (ListKind.S10, "RR473124829GB", "consignment.transport_documents[1].document_id"),
        (ListKind.S10, "RR473124007GB - RR473124979GB", "consignment.transport_documents[1].document_id"),
    ],
)
def test_what_is_listed_is_found_where_it_stands(kind: ListKind, value: str, pointer: str) -> None:
    (found,) = reasons(parcel(), listed(kind, entry(value)))
    assert found.pointer == pointer
    assert found.kind is ReasonKind.LIST
    assert found.reason_id == "list.mine.e1"
    assert found.lane is Lane.YELLOW
    assert "Because." in found.words


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (ListKind.SELLERS, "Anna Sørensen"),  # a receiver is no seller
        (ListKind.ADDRESSES, "Nørregade 13, 2100"),
        (ListKind.PHONES, "+45 20304051"),
        (ListKind.BRANDS, "roles"),
        (ListKind.S10, "RR473124832GB"),
    ],
)
def test_what_is_not_listed_is_not(kind: ListKind, value: str) -> None:
    assert reasons(parcel(), listed(kind, entry(value))) == []


def test_entries_hold_on_their_days_alone() -> None:
    mine = listed(ListKind.BRANDS, entry("rolex", effective_from=date(2026, 7, 1), effective_until=date(2026, 7, 2)))
    found = [bool(reasons(parcel(), mine, on=date(2026, 6, 30 + 0) if n == 0 else date(2026, 7, n))) for n in range(4)]
    assert found == [False, True, True, False]


def test_an_exact_list_finds_the_same_name_alone() -> None:
    exact = {"threshold": Decimal(1)}
    assert reasons(parcel(), listed(ListKind.PARTIES, entry("trading bright-star LTD"), **exact))
    assert not reasons(parcel(), listed(ListKind.PARTIES, entry("Brite Star Trading"), **exact))


def test_an_allowed_party_lifts_what_other_lists_say_of_it_until_its_day() -> None:
    sanctions = listed(ListKind.PARTIES, entry("Bright Star Trading"), name="sanctions")
    brands = listed(ListKind.BRANDS, entry("rolex"), name="brands")
    allowed = listed(
        ListKind.ALLOWED,
        entry("CN12345", effective_until=date(2026, 7, 1)),
        name="cleared",
        lifts=("sanctions", "brands"),
    )
    party, brand = reasons(parcel(), sanctions, brands, allowed)
    assert party.is_lifted
    assert "Lifted: allowed until 2026-07-01" in party.words
    assert not brand.is_lifted  # no party gave that reason
    after = reasons(parcel(), sanctions, brands, allowed, on=date(2026, 7, 2))
    assert not any(reason.is_lifted for reason in after)


def test_a_version_is_named_by_its_bytes() -> None:
    mine = listed(ListKind.BRANDS, entry("rolex"))
    again = PublishedList.from_content(mine.content)
    assert again == mine
    assert again.digest == mine.digest
    with pytest.raises(ReplayError):
        PublishedList.from_content(b"{}")


# --- files ---------------------------------------------------------------------------------------------------

GOOD = (
    'id,values,words,lane,from,until,source\ne1,"Bright, Star|CN12345",Seized twice.,red,2026-01-01,2026-12-31,case 7\n'
)


def test_a_file_is_read_and_written_the_same() -> None:
    (found,) = read_entries(GOOD, ListKind.PARTIES)
    assert found.values == ("Bright, Star", "CN12345")
    assert found.lane is Lane.RED
    assert read_entries(write_entries((found,)), ListKind.PARTIES) == (found,)


@given(
    st.lists(
        st.builds(
            ListEntry,
            entry_id=st.text("abc123", min_size=1, max_size=6),
            values=st.lists(
                st.text("abc XYZ,\"'äø", min_size=1, max_size=9).filter(lambda t: t.strip().isalpha()).map(str.strip),
                min_size=1,
                max_size=3,
            ).map(tuple),
            words=st.text('ab c,"\n', min_size=1, max_size=9).map(str.strip).filter(bool),
            lane=st.sampled_from([None, *Lane]),
            effective_from=st.none() | st.dates(),
        ),
        min_size=1,
        unique_by=lambda each: each.entry_id,
    )
)
def test_whatever_is_listed_comes_back_from_its_file(entries: list[ListEntry]) -> None:
    ordered = tuple(sorted(entries, key=lambda each: each.entry_id))
    assert read_entries(write_entries(ordered), ListKind.GOODS) == ordered


@pytest.mark.parametrize(
    ("kind", "text", "line", "column", "words"),
    [
        (ListKind.PARTIES, "id,values\n", 1, "words", "no column"),
        (ListKind.PARTIES, "id,values,words,colour\n", 1, "colour", "no column"),
        (ListKind.PARTIES, "id,values,words\n", 1, "", "no entry"),
        (ListKind.PARTIES, "id,values,words\na,,W\n", 2, "values", "empty"),
        (ListKind.PARTIES, "id,values,words\na,X,W\na,Y,W\n", 3, "id", "stands above"),
        (ListKind.PARTIES, "id,values,words\n=1+1,X,W\n", 2, "id", "letter"),
        (ListKind.PARTIES, "id,values,words,until\na,X,W,31.12.2026\n", 2, "until", "no day"),
        (ListKind.PARTIES, "id,values,words,from,until\na,X,W,2026-02-01,2026-01-01\n", 2, "until", "before it begins"),
        (ListKind.PARTIES, "id,values,words,lane\na,X,W,purple\n", 2, "lane", "no such lane"),
        (ListKind.PARTIES, "id,values,words\na,X,W,too,many\n", 2, "values", "more cells"),
        (ListKind.S10, "id,values,words\na,RR473124828GB,W\n", 2, "values", "no postal item"),
        (ListKind.S10, "id,values,words\na,RR473124979GB-RR473124007GB,W\n", 2, "values", "not behind"),
        (ListKind.ADDRESSES, "id,values,words\na,Somewhere,W\n", 2, "values", "postcode"),
        (ListKind.PHONES, "id,values,words\na,12,W\n", 2, "values", "few digits"),
        (ListKind.GOODS, "id,values,words\na,--,W\n", 2, "values", "no letter"),
    ],
)
def test_a_wrong_line_is_told_with_its_place_and_nothing_is_taken(
    kind: ListKind, text: str, line: int, column: str, words: str
) -> None:
    with pytest.raises(ListFileError) as caught:
        read_entries(text, kind)
    assert any(each.line == line and each.column == column and words in str(each) for each in caught.value.problems), (
        caught.value.problems
    )


def test_every_wrong_line_is_told() -> None:
    with pytest.raises(ListFileError) as caught:
        read_entries("id,values,words\na,,W\nb,X,\nc,Y,W\n", ListKind.PARTIES)
    assert [each.line for each in caught.value.problems] == [2, 3]


def test_a_line_that_was_cut_is_not_taken_for_an_entry_without_end() -> None:
    with pytest.raises(ListFileError) as caught:
        read_entries("id,values,words,until\na,X,W,2027-01-01\nb,Y,W\n", ListKind.PARTIES)
    (problem,) = caught.value.problems
    assert (problem.line, problem.column) == (3, "until")
    assert "fewer cells" in problem.words


def test_ofacs_files_are_read() -> None:
    sdn = (
        '36,"AEROCARIBBEAN AIRLINES",-0- ,"CUBA",-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- \n'
        '173,"ANGLO, Carib","individual","CUBA",-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,"DOB 1950"\n\x1a'
    )
    alt = '36,12,"aka","AERO-CARIBBEAN",-0- \n'
    one, other = read_sdn(sdn, alt)
    assert one.values == ("AEROCARIBBEAN AIRLINES", "AERO-CARIBBEAN")
    assert other.values == ("Carib ANGLO",)
    assert one.words == "Named by OFAC: entity, programme CUBA."
    with pytest.raises(ListFileError) as caught:
        read_sdn(sdn.replace('"CUBA",-0- ,', '"CUBA",', 1), alt)
    assert caught.value.problems[0].line == 1


def test_a_list_published_before_there_were_manners_keeps_its_digest_and_finds_what_it_found() -> None:
    content = (
        b'{"name":"offenders","kind":"parties","title":"Offenders","source":"ours",'
        b'"entries":[{"entry_id":"e1","values":["Bright Star Trading"],"words":"Seized."}]}'
    )
    old = PublishedList.from_content(content)
    assert old.content == content
    assert (old.screened, old.alike_from) == (Manner.FIRST, 0.83)
    (found,) = reasons(parcel(), old)
    assert found.words == ("Offenders: alike to 1.00 with “Bright Star Trading”: “bright”, “star”, “trading”. Seized.")
    new = replace(old, manner=Manner.RARITY)
    assert (new.alike_from, new.digest == old.digest) == (0.78, False)
    assert PublishedList.from_content(new.content) == new


IDENTITIES = (
    "seller: Bright Star Trading",
    "identifier: anna@example.org",
    "address: Nørregade 12, 2100",
    "phone: 20304050",
)


@pytest.mark.parametrize(
    ("value", "pointer"),
    [
        (IDENTITIES[0], "consignor.name"),
        (IDENTITIES[1], "consignee.email"),
        (IDENTITIES[2], "consignee.address.line"),
        (IDENTITIES[3], "consignee.phone"),
        ("name: Anna Sorensen", "consignee.name"),
    ],
)
def test_each_identity_is_held_against_what_it_is_of(value: str, pointer: str) -> None:
    (found,) = reasons(parcel(), listed(ListKind.IDENTITIES, entry(value)))
    assert found.pointer == pointer


def test_an_entry_of_several_identities_is_one_reason_and_a_seller_is_no_receiver() -> None:
    assert len(reasons(parcel(), listed(ListKind.IDENTITIES, entry(*IDENTITIES)))) == 1
    assert reasons(parcel(), listed(ListKind.IDENTITIES, entry("seller: Anna Sørensen"))) == []
    assert reasons(parcel(), listed(ListKind.IDENTITIES, entry("phone: 20304051", "address: Nørregade 13, 2100"))) == []


@pytest.mark.parametrize(
    ("kind", "line", "words"),
    [
        (ListKind.IDENTITIES, "e1,Bright Star,Because.,,,,,,", "say what it is"),
        (ListKind.IDENTITIES, "e1,phone: 12,Because.,,,,,,", "too few digits"),
        (ListKind.AEO, "e1,Bright Star Trading,Granted.,,,2027-12-31,,AEOC,", "it is no identifier"),
        (ListKind.AEO, "e1,GB123456789000,Granted.,,,,,AEOC,", "it is empty"),
        (ListKind.AEO, "e1,GB123456789000,Granted.,,,2027-12-31,,,", "it is no status"),
        (ListKind.AEO, "e1,GB123456789000,Granted.,,,2027-12-31,,a e o,", "it is no status"),
        (ListKind.AEO, "e1,GB123456789000,Granted.,,,2027-12-31,,AEOC,A courier", "it is no sender's number"),
        (ListKind.AEO, "e1,GB123456789000,Granted.,,,2027-12-31,,AEOC,0", "it is no sender's number"),
        (ListKind.PARTIES, "e1,Bright Star,Because.,,,,,AEOC,", "have none"),
        (ListKind.PARTIES, "e1,Bright Star,Because.,,,,,,3", "have none"),
    ],
)
def test_what_cannot_be_such_an_entry_is_told(kind: ListKind, line: str, words: str) -> None:
    with pytest.raises(ListFileError, match=words):
        read_entries(f"id,values,words,lane,from,until,source,status,senders\n{line}\n", kind)


SENDER = 3


def operators(*rows: tuple[str, str, str]) -> StatusIndex:
    lines = "".join(
        f"{number},{number},Granted.,2026-01-01,{until},{status},7|{SENDER}\n" for number, until, status in rows
    )
    entries = read_entries(f"id,values,words,from,until,status,senders\n{lines}", ListKind.AEO)
    assert read_entries(write_entries(entries), ListKind.AEO) == entries
    return StatusIndex([listed(ListKind.AEO, *entries, name="aeo")], ON)


def test_a_traders_status_is_what_the_list_tells_while_it_is_in_force() -> None:
    known = operators(("GB123456789000", "2027-12-31", "AEOF"), ("GB999999999000", "2026-06-30", "AEOC"))
    holder, other = Party(name="A", party_id="GB 123456789000"), Party(name="A", party_id="GB111111111000")

    def counted(declaration: Declaration) -> str:
        return known.status(declaration, SENDER).counted

    assert counted(Declaration(declarant=holder)) == "AEOF"
    assert counted(Declaration(declarant=holder, importer=other)) == ""  # the importer's is asked, not the agent's
    assert counted(Declaration(declarant=other, importer=holder)) == "AEOF"
    assert counted(Declaration(declarant=Party(name="GB123456789000"))) == ""
    assert counted(Declaration(declarant=Party(party_id="GB999999999000"))) == ""  # over
    lines = (GoodsItem(line_no=1, importer=holder), GoodsItem(line_no=2, importer=other))
    assert counted(Declaration(importer=holder, goods_items=lines)) == ""
    assert counted(Declaration(importer=holder, goods_items=lines[:1])) == "AEOF"
    assert counted(Declaration()) == ""


@pytest.mark.parametrize("sender_id", [None, 4, 73])
def test_a_status_counts_in_nothing_that_a_stranger_hands_in(sender_id: int | None) -> None:
    known = operators(("GB123456789000", "2027-12-31", "AEOF"))
    holder, other = Party(name="A", party_id="GB123456789000"), Party(name="A", party_id="GB111111111000")
    assert known.status(Declaration(declarant=holder), sender_id) == TraderStatus(unvouched="AEOF")
    assert known.status(Declaration(importer=other, declarant=holder), sender_id) == TraderStatus()
    assert known.status(Declaration(declarant=holder), 7) == TraderStatus("AEOF")


def test_a_status_without_senders_counts_for_nobody_and_another_entry_may_name_them() -> None:
    rows = "id,values,words,until,status,senders\n"
    silent = read_entries(f"{rows}e1,CN12345,Granted.,2027-12-31,AEOC,\n", ListKind.AEO)
    told = read_entries(f"{rows}e2,CN12345,Granted.,2027-12-31,AEOF,5\n", ListKind.AEO)
    declaration = Declaration(declarant=Party(party_id="CN12345"))
    known = StatusIndex([listed(ListKind.AEO, *silent, name="a")], ON)
    assert known.status(declaration, 5) == TraderStatus(unvouched="AEOC")
    known = StatusIndex([listed(ListKind.AEO, *silent, *told, name="a")], ON)
    assert known.status(declaration, 5) == TraderStatus("AEOF")


def test_a_list_of_operators_hits_nobody() -> None:
    entries = read_entries("id,values,words,until,status\ne1,CN12345,Granted.,2027-12-31,AEOC\n", ListKind.AEO)
    assert reasons(parcel(), listed(ListKind.AEO, *entries)) == []


WATCHED = (
    WatchListEntry(entry_id="w1", words="Seized.", names=("Trading Bright Star",), lane=Lane.RED),
    WatchListEntry(entry_id="w2", words="Asked for.", identifiers=("ANNA@example.org",), lane=Lane.BLUE),
    WatchListEntry(
        entry_id="w3", words="A home.",
        addresses=(Address(line="Nørregade 12, st. tv.", postcode="2100", city="København", country_code="DK"),),
    ),
    WatchListEntry(entry_id="w4", words="No postcode.", addresses=(Address(line="Nørregade 12", city="X"),)),
)  # fmt: skip


def test_what_is_watched_is_found_by_a_list_in_its_place() -> None:
    made = watched("watched", WATCHED)
    assert [each.entry_id for each in made.entries] == ["w1", "w2", "w3"]
    found = reasons(parcel(), made)
    assert sorted((each.reason_id, each.lane) for each in found) == [
        ("list.watched.w1", Lane.RED),
        ("list.watched.w2", Lane.BLUE),
        ("list.watched.w3", Lane.RED),
    ]
    near = replace(parcel(), consignor=Party(name="Bright Star Tradng"))
    assert [each.reason_id for each in reasons(near, made)] == ["list.watched.w2", "list.watched.w3"]  # exactly
