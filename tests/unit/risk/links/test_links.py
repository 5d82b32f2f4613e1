"""Keys, expansion, alarm and features of links."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewaiter.model.declaration import Address, Consignment, Declaration, Document, Party
from tidewaiter.model.errors import ReplayError
from tidewaiter.model.judgement import Lane, ReasonKind
from tidewaiter.risk.links import Alarm, Alarmed, LinkKey, LinkKind, Neighbours, expand, known_bad_neighbours, link_keys
from tidewaiter.risk.links.alarm import in_force
from tidewaiter.risk.links.expanding import DEGREE_MAX, step_worth

SALT = b"salt"
DAY = date(2026, 11, 20)


def declaration(phone: str = "", line: str = "", email: str = "", number: str = "", code: str = "GB") -> Declaration:
    home = Address(line=line, postcode="SW1A 1AA", city="London", country_code="GB") if line else None
    return Declaration(
        jurisdiction_code=code, consignee=Party(name="A buyer", phone=phone, email=email, address=home),
        consignment=Consignment(transport_documents=(Document(document_id=number),) if number else ()),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("one", "other", "kinds"),
    [
        (declaration(phone="+44 20 1111 1111"), declaration(phone="020-1111-1111"), {LinkKind.PHONE}),
        (declaration(phone="020 1111 1111"), declaration(phone="020 1111 1112"), set()),
        (declaration(line="12 High Street"), declaration(line="12, HIGH STR."), {LinkKind.ADDRESS}),
        (declaration(email="A@x.org "), declaration(email="a@X.org"), {LinkKind.EMAIL}),
        (declaration(number="AB 1"), declaration(number="ab1"), {LinkKind.PARCEL}),
        (declaration(phone="020 1111 1111"), declaration(phone="020 1111 1111", code="DK"), set()),
        (declaration(), declaration(), set()),
    ],
)
def test_what_two_parcels_share(one: Declaration, other: Declaration, kinds: set[LinkKind]) -> None:
    shared = set(link_keys(one, SALT)) & set(link_keys(other, SALT))
    assert {key.kind for key in shared} == kinds


def ordered(device: str = "", network: str = "", marketplace: str = "HARBOUR") -> Declaration:
    return Declaration(
        jurisdiction_code="GB",
        marketplace=Party(party_id=marketplace),
        device_id=device,
        network_address=network,
    )


@pytest.mark.parametrize(
    ("one", "other", "kinds"),
    [
        (ordered("d-77"), ordered(" d-77"), {LinkKind.DEVICE}),
        (ordered("d-77"), ordered("d-78"), set()),
        (ordered("d-77"), ordered("d-77", marketplace="PIER"), set()),
        (ordered(network="8.8.8.8"), ordered(network="::ffff:8.8.8.8"), {LinkKind.NETWORK}),
        (ordered(network="2001:4860:4860:1::1"), ordered(network="2001:4860:4860:1::2"), {LinkKind.NETWORK}),
        (ordered(network="2001:4860:4860:1::1"), ordered(network="2001:4860:4860:2::1"), set()),
        (ordered(network="192.168.0.1"), ordered(network="192.168.0.1"), set()),
        (ordered(network="not told"), ordered(network="not told"), set()),
    ],
)
def test_what_two_orders_share(one: Declaration, other: Declaration, kinds: set[LinkKind]) -> None:
    assert {key.kind for key in set(link_keys(one, SALT)) & set(link_keys(other, SALT))} == kinds


def test_keys_of_another_salt_are_others() -> None:
    one = declaration(phone="020 1111 1111")
    assert not set(link_keys(one, SALT)) & set(link_keys(one, b"other"))


def test_a_sender_and_a_receiver_with_one_phone_are_tied() -> None:
    receiver = declaration(phone="020 1111 1111")
    sender = Declaration(jurisdiction_code="GB", consignor=Party(phone="+44 20 1111 1111"))
    assert set(link_keys(receiver, SALT)) & set(link_keys(sender, SALT))


@pytest.mark.parametrize(
    ("kind", "degree", "worth"),
    [
        (LinkKind.PHONE, 1, 0),
        (LinkKind.PHONE, 2, 90),
        (LinkKind.PHONE, 9, 45),
        (LinkKind.CONSIGNOR, 2, 60),
        (LinkKind.PHONE, DEGREE_MAX + 1, 0),
        (LinkKind.PARCEL, 2, 0),
    ],
)
def test_what_a_step_is_worth(kind: LinkKind, degree: int, worth: int) -> None:
    assert step_worth(kind, degree) == worth


def graph(keys: Mapping[int, Sequence[LinkKey]]) -> Neighbours:
    def sharing(wanted: Sequence[LinkKey]) -> Mapping[LinkKey, Sequence[int]]:
        return {key: [number for number, own in sorted(keys.items()) if key in own] for key in wanted}

    return Neighbours(lambda numbers: {number: keys.get(number, ()) for number in numbers}, sharing)


def test_a_way_of_two_steps_is_told_and_is_worth_less() -> None:
    phone, home = LinkKey(LinkKind.PHONE, 1), LinkKey(LinkKind.ADDRESS, 2)
    found = expand(1, graph({1: [phone], 2: [phone, home], 3: [home], 4: []}))
    assert [(each.declaration_id, each.strength) for each in found] == [(2, 90), (3, 63)]
    assert found[1].words("SW{}".format) == "same address of the receiver as SW2, which has the same phone as SW1"


def test_a_key_that_very_many_share_is_not_followed() -> None:
    depot = LinkKey(LinkKind.ADDRESS, 1)
    assert expand(0, graph({number: [depot] for number in range(DEGREE_MAX + 1)})) == ()
    assert len(expand(0, graph({number: [depot] for number in range(DEGREE_MAX)}))) == DEGREE_MAX - 1


@given(
    st.dictionaries(
        st.integers(0, 30),
        st.lists(
            st.builds(
                LinkKey, st.sampled_from([LinkKind.PHONE, LinkKind.ADDRESS, LinkKind.PARCEL]), st.integers(0, 12)
            ),
            max_size=4,
            unique=True,
        ),
        min_size=1,
    ),
    st.integers(1, 3),
    st.integers(1, 8),
)
def test_expansion_is_symmetric_and_bounded(keys: dict[int, list[LinkKey]], depth: int, limit: int) -> None:
    neighbours = graph(keys)
    for start in keys:
        for linked in expand(start, neighbours, depth=1):
            assert start in {back.declaration_id for back in expand(linked.declaration_id, neighbours, depth=1)}
        found = expand(start, neighbours, depth=depth, limit=limit)
        assert len(found) <= limit
        assert len({each.declaration_id for each in found} | {start}) == len(found) + 1
        for each in found:
            assert 1 <= len(each.path) <= depth
            assert each.path[0].from_id == start
            assert 0 <= each.strength <= 90


def test_the_alarm_points_at_what_shares_a_key_until_it_ends() -> None:
    seized = declaration(phone="020 1111 1111", email="a@x.org")
    entries = [Alarmed(key, 7, "MRN1", DAY, date(2027, 1, 1)) for key in link_keys(seized, SALT)]
    alarm = Alarm(salt=SALT.hex(), alarmed=in_force(entries, DAY))
    again = Alarm.from_content(alarm.content)
    assert again == alarm
    (reason,) = again.reasons(declaration(phone="+44 20 1111 1111"), DAY)
    assert (reason.reason_id, reason.kind, reason.lane) == ("link.7", ReasonKind.LINK, Lane.RED)
    assert reason.words == "Linked to MRN1, seized on 2026-11-20: same phone as MRN1."
    assert alarm.reasons(declaration(phone="+44 20 1111 1111"), date(2027, 1, 2)) == ()
    assert alarm.reasons(declaration(phone="020 9999 9999"), DAY) == ()
    assert in_force(entries, date(2027, 1, 2)) == ()
    with pytest.raises(ReplayError):
        Alarm.from_content(b"{}")


def test_features_count_the_bad_once_by_kind() -> None:
    phone, home = LinkKey(LinkKind.PHONE, 1), LinkKey(LinkKind.ADDRESS, 2)
    depot = LinkKey(LinkKind.ADDRESS, 3)
    sharing = {phone: [1, 2, 3], home: [1, 2], depot: range(DEGREE_MAX + 1)}
    found = known_bad_neighbours(1, [phone, home, depot], sharing, {1, 2, 4})
    assert {name: count for name, count in found.items() if count} == {
        "link.bad_by_phone": 1,
        "link.bad_by_address": 1,
    }
