"""The small parts behind the pages and the interface: filters, sessions, texts, raw bytes, the trace."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import get_args

import pytest
from jinja2.defaults import DEFAULT_FILTERS

import tidewaiter.web
from tidewaiter.model.assessment import Assessment, Charge, ChargeKind, Citation, Collection, Step
from tidewaiter.model.decision import Category, HoldKind, NoticeKind, State
from tidewaiter.model.errors import ConflictError, NotFoundError, TidewaiterError
from tidewaiter.model.finding import Severity
from tidewaiter.model.judgement import Lane, ReasonKind
from tidewaiter.model.money import Money
from tidewaiter.quotes.basket import Trade
from tidewaiter.quotes.comparing import Aspect
from tidewaiter.quotes.quote import Entry
from tidewaiter.regimes.documents import Moment, Role
from tidewaiter.revenue.returns import Bearing, Outcome
from tidewaiter.web import page, problem, sessions, words
from tidewaiter.web.desk import trace
from tidewaiter.web.desk.login import here
from tidewaiter.web.desk.raw import SHOWN_BYTES_MAX, Raw
from tidewaiter.web.guardhouse import _check_host
from tidewaiter.web.listing import Given
from tidewaiter.web.pace import asker
from tidewaiter.web.problem import KINDS, WebError
from tidewaiter.web.settings import LOOPBACK_HOSTS, SettingsError, WebSettings, hash_password

TEMPLATES = Path(tidewaiter.web.__file__).parent / "templates"
SETTINGS = WebSettings(secret=b"k" * 32, officers={"anna": hash_password("tide and time")})


def test_no_filter_of_ours_hides_one_of_the_templates_language() -> None:
    assert not {
        name for name, ours in page.environment().filters.items() if DEFAULT_FILTERS.get(name, ours) is not ours
    }


class TestFilters:
    def test_an_empty_address_narrows_nothing(self) -> None:
        wanted = Given.from_query({"state": "", "unknown": "x"}).wanted()
        assert wanted.state is None
        assert wanted.text == ""
        assert wanted.limit == 50

    def test_every_field_reaches_the_store(self) -> None:
        given = Given.from_query(
            {
                "text": " MP-1 ", "state": "released", "lane": "red", "category": "3", "jurisdiction": "gb",
                "commodity": "6109 10", "message": "7", "sender": "2", "received_from": "2026-01-31",
                "received_to": "2026-02-01", "before": "99",
            }
        )  # fmt: skip
        wanted = given.wanted(10)
        assert (wanted.text, wanted.state, wanted.lane, wanted.category) == (
            "MP-1",
            State.RELEASED,
            Lane.RED,
            Category("3"),
        )
        assert (wanted.jurisdiction_code, wanted.commodity_prefix) == ("GB", "610910")
        assert (wanted.message_id, wanted.sender_id, wanted.before_id, wanted.limit) == (7, 2, 99, 10)
        assert (wanted.received_from, wanted.received_to) == (date(2026, 1, 31), date(2026, 2, 1))

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("state", "gone"), ("lane", "pink"), ("message", "-1"), ("message", "9" * 30), ("sender", "٣"),
            ("received_from", "31.12."), ("text", "a\x00b"), ("text", "x" * 300), ("commodity", "61%"), ("before", "1e3"),
        ],
    )  # fmt: skip
    def test_what_cannot_be_is_refused_with_its_place(self, field: str, value: str) -> None:
        with pytest.raises(WebError) as refused:
            Given.from_query({field: value}).wanted()
        assert refused.value.code == "request.invalid"
        assert refused.value.place == f"query: {field}"
        assert refused.value.hint


class TestSessions:
    def test_a_session_lasts_a_shift(self) -> None:
        cookie = sessions.issue(SETTINGS, "anna", 1_000_000)
        inside = sessions.read(SETTINGS, cookie, 1_000_000 + SETTINGS.session_seconds - 1)
        assert inside is not None
        assert inside.name == "anna"
        assert inside.is_officer
        assert sessions.read(SETTINGS, cookie, 1_000_000 + SETTINGS.session_seconds + 1) is None

    @pytest.mark.parametrize(
        "spoil", [lambda c: c[:-1] + "x", lambda c: "x" + c, lambda c: "", lambda c: c.split(".")[0]]
    )
    def test_a_forged_cookie_is_nobody(self, spoil: object) -> None:
        cookie = sessions.issue(SETTINGS, "anna", 1_000_000)
        assert callable(spoil)
        assert sessions.read(SETTINGS, spoil(cookie), 1_000_001) is None

    def test_a_session_of_another_server_or_of_someone_who_left_is_nobody(self) -> None:
        cookie = sessions.issue(SETTINGS, "anna", 1_000_000)
        assert sessions.read(WebSettings(secret=b"o" * 32, officers=SETTINGS.officers), cookie, 1_000_001) is None
        assert sessions.read(WebSettings(secret=SETTINGS.secret, officers={}), cookie, 1_000_001) is None

    def test_a_session_is_not_a_form_token(self) -> None:
        nonce = sessions.new_nonce()
        token = sessions.form_token(SETTINGS, nonce)
        assert sessions.form_token_is_right(SETTINGS, nonce, token)
        assert not sessions.form_token_is_right(SETTINGS, nonce + "x", token)
        assert not sessions.form_token_is_right(SETTINGS, "", sessions.form_token(SETTINGS, ""))

    @pytest.mark.parametrize(
        ("name", "password", "is_right"),
        [
            ("anna", "tide and time", True),
            ("anna", "tide", False),
            ("ben", "tide and time", False),
            ("anna", "", False),
        ],
    )
    def test_passwords(self, name: str, password: str, *, is_right: bool) -> None:
        assert sessions.password_is_right(SETTINGS, name, password) is is_right

    def test_after_five_wrong_passwords_a_name_waits(self) -> None:
        throttle = sessions.Throttle()
        for second in range(5):
            assert throttle.wait_seconds("anna", second) == 0
            throttle.failed("anna", second)
        assert throttle.wait_seconds("anna", 5) > 0
        assert throttle.wait_seconds("ben", 5) == 0
        assert throttle.wait_seconds("anna", 60) == 0
        throttle.succeeded("anna")
        assert throttle.wait_seconds("anna", 5) == 0


class TestSettings:
    def test_without_officers_the_pages_are_local(self) -> None:
        settings = WebSettings.from_environment({})
        assert settings.is_local
        assert len(settings.secret) == 32
        assert settings.hosts == LOOPBACK_HOSTS

    def test_a_password_makes_an_officer_and_is_not_kept_in_clear(self) -> None:
        settings = WebSettings.from_environment({"TIDEWAITER_PAGES_PASSWORD": "tide and time"})
        assert not settings.is_local
        assert settings.officers["officer"].startswith("$argon2id$")

    def test_officers_come_from_a_file(self, tmp_path: Path) -> None:
        file = tmp_path / "officers"
        file.write_text(f"# who may sign in\nanna:{SETTINGS.officers['anna']}\n")
        settings = WebSettings.from_environment({"TIDEWAITER_PAGES_OFFICERS": str(file)})
        assert set(settings.officers) == {"anna"}

    @pytest.mark.parametrize("text", ["anna", "anna:secret", ":$argon2id$x"])
    def test_a_malformed_file_is_refused_with_its_line(self, tmp_path: Path, text: str) -> None:
        file = tmp_path / "officers"
        file.write_text(text)
        with pytest.raises(SettingsError, match="line 1"):
            WebSettings.from_environment({"TIDEWAITER_PAGES_OFFICERS": str(file)})

    def test_a_missing_file_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(SettingsError, match="No such file"):
            WebSettings.from_environment({"TIDEWAITER_PAGES_OFFICERS": str(tmp_path / "none")})

    def test_proxies_are_addresses_or_networks(self) -> None:
        variable = "TIDEWAITER_PAGES_PROXIES"
        assert WebSettings.from_environment({}).proxies == ()
        found = WebSettings.from_environment({variable: "127.0.0.1, fd00::/8"})
        assert found.proxies == ("127.0.0.1", "fd00::/8")
        for wrong in ("*", "proxy.example", "10.0.0.1/8"):
            with pytest.raises(SettingsError, match=variable):
                WebSettings.from_environment({variable: wrong})


def test_a_household_is_one_asker() -> None:
    for one, other in (
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::2%eth0"),
    ):
        assert asker(one) == asker(other)
    for one, other in (
        ("192.0.2.1", "192.0.2.2"),
        ("2001:db8:0:1::1", "2001:db8:0:2::1"),
        ("testclient", ""),
    ):
        assert asker(one) != asker(other)


class TestDoors:
    @pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8000", "localhost:1", "[::1]:8000", "LOCALHOST"])
    def test_loopback_names_are_answered(self, host: str) -> None:
        _check_host(host, LOOPBACK_HOSTS)

    @pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "[::2]:80", "localhost.evil:80"])
    def test_other_names_are_refused(self, host: str) -> None:
        with pytest.raises(WebError, match="host"):
            _check_host(host, LOOPBACK_HOSTS)

    @pytest.mark.parametrize(
        ("address", "goes_to"),
        [
            ("/parcels?lane=red", "/parcels?lane=red"), ("", "/"), ("//evil.example", "/"), ("https://evil.example", "/"),
            ("/\\evil.example", "/"), ("javascript:alert(1)", "/"),
        ],
    )  # fmt: skip
    def test_after_signing_in_one_stays_here(self, address: str, goes_to: str) -> None:
        assert here(address) == goes_to


class TestProblems:
    @pytest.mark.parametrize(("code", "kind"), KINDS.items())
    def test_every_kind_has_a_title_and_a_status(self, code: str, kind: problem.Kind) -> None:
        assert kind.title
        assert 400 <= kind.status < 600
        assert re.fullmatch(r"[a-z_.]+", code)

    def test_ours_keep_their_words(self) -> None:
        said = problem.of(NotFoundError("no message 7 is kept", hint="look at the list"))
        assert (said.status, said.code, said.detail, said.hint) == (
            404,
            "not_found",
            "no message 7 is kept",
            "look at the list",
        )
        assert problem.of(ConflictError("used before")).status == 409

    def test_what_is_our_fault_says_nothing_of_the_inside(self) -> None:
        for error in (RuntimeError("password=hunter2"), TidewaiterError("host=db user=x")):
            said = problem.of(error)
            assert said.status == 500
            assert "hunter2" not in said.detail
            assert "host=" not in said.detail


class TestRaw:
    def test_bytes_are_shown_and_nothing_hides(self) -> None:
        raw = Raw.of("a\u202eb\u200bc\x00\n<script>".encode() + b"\xff")
        assert raw.text == "a⟦U+202E⟧b⟦U+200B⟧c⟦U+0000⟧\n<script>\ufffd"
        assert not raw.is_cut

    def test_much_is_cut(self) -> None:
        raw = Raw.of(b"x" * (SHOWN_BYTES_MAX + 1))
        assert raw.is_cut
        assert len(raw.text) == SHOWN_BYTES_MAX
        assert raw.size == SHOWN_BYTES_MAX + 1


class TestTrace:
    def test_measures_are_numbered_as_they_are_met(self) -> None:
        arranged = trace.arrange(_assessment())
        assert [(source.number, source.measure_id) for source in arranged.sources] == [
            (1, "rates"),
            (2, "vat"),
            (3, "share"),
        ]
        assert arranged.values[0].source == 1
        assert arranged.charges[0].source == 2
        assert [step.source for step in arranged.charges[0].steps] == [3, 0]
        assert arranged.sources[1].citation == Citation("VAT Act")
        assert arranged.sources[2].citation is None


class TestValues:
    @pytest.mark.parametrize(
        ("amount", "shown"),
        [
            ("1234.50", "1,234.50\u00a0GBP"),
            ("0", "0.00\u00a0GBP"),
            ("7.3", "7.30\u00a0GBP"),
            ("-1000000.005", "-1,000,000.005\u00a0GBP"),
        ],
    )
    def test_no_digit_of_an_amount_is_lost(self, amount: str, shown: str) -> None:
        assert page.money(Money(Decimal(amount), "GBP")) == shown

    @pytest.mark.parametrize(("amount", "shown"), [("0", "0\u00a0JPY"), ("1200", "1,200\u00a0JPY")])
    def test_a_currency_without_a_smaller_unit_has_no_decimals(self, amount: str, shown: str) -> None:
        assert page.money(Money(Decimal(amount), "JPY")) == shown

    @pytest.mark.parametrize(
        ("size", "shown"),
        [(0, "0 bytes"), (999, "999 bytes"), (1024, "1.0 KiB"), (1024**3, "1.0 GiB"), (10**15, "909.5 TiB")],
    )
    def test_sizes(self, size: int, shown: str) -> None:
        assert page.size(size) == shown

    def test_a_query_leaves_out_what_is_empty(self) -> None:
        assert page.query({"a": "", "b": "x y", "c": None, "d": 0}) == "?b=x+y&d=0"


class TestWords:
    @pytest.mark.parametrize(
        ("group", "kinds"),
        [
            ("lane", Lane), ("lane_meaning", Lane), ("state", State), ("state_meaning", State), ("category", Category),
            ("notice", NoticeKind), ("hold", HoldKind), ("hold_public", HoldKind), ("severity", Severity),
            ("charge", ChargeKind), ("collection", Collection), ("reason", ReasonKind),
            ("quote_trade", Trade), ("quote_entry", Entry), ("quote_entry_words", Entry),
            ("return_outcome", Outcome), ("return_bearing", Bearing),
        ],
    )  # fmt: skip
    def test_every_code_has_a_word(self, group: str, kinds: type[Enum]) -> None:
        assert [kind.value for kind in kinds if f"{group}.{kind.value}" not in words.texts()] == []

    def test_every_role_moment_and_aspect_of_a_quote_has_a_word(self) -> None:
        keys = [f"role.{role}" for role in get_args(Role)]
        keys += [f"when.{moment.replace(' ', '_')}" for moment in get_args(Moment)]
        keys += [f"aspect.{aspect.name.lower()}" for aspect in Aspect]
        assert [key for key in keys if key not in words.texts()] == []

    def test_composed_keys_are_seen_and_nothing_else(self) -> None:
        source = 't("nav." ~ name) | word("lane") + word(each, "notice") + f"done.by_{x}" + f"{a}.b" + "left.over"'
        assert set(composed(source)) == {"nav.", "lane.", "notice.", "done.by_"}

    def test_every_text_a_template_asks_for_is_there(self) -> None:
        known = words.texts()
        missing = [key for key in asked() if key not in known and f"{key}.one" not in known]
        assert missing == []

    def test_no_text_is_left_over(self) -> None:
        source = "\n".join(file.read_text() for file in [*TEMPLATES.glob("*.html"), *TEMPLATES.parent.rglob("*.py")])
        used = set(re.findall(r"[\"']([a-z_]+\.[a-z_]+)[\"']", source))
        left = [
            key for key in words.texts()
            if key not in used and key.rpartition(".")[0] not in used and not key.startswith((*composed(source), "subject."))  # page.about
        ]  # fmt: skip
        assert left == []


def composed(source: str) -> tuple[str, ...]:
    """How the keys begin that templates and code put together: `"lane." ~ x`, `x | word("lane")`, `f"lane.{x}"`."""
    groups = re.findall(r"\bword\((?:[\w.]+, )?\"([a-z_]+)\"\)", source)
    beginnings = re.findall(r"\"([a-z_]+\.[a-z_]*)\" ~", source) + re.findall(r"\bf\"([a-z_]+\.[a-z_]*)\{", source)
    return (*(f"{group}." for group in groups), *beginnings)


def asked() -> Iterator[str]:
    """The keys that templates ask for by name."""
    for file in TEMPLATES.glob("*.html"):
        yield from re.findall(r"\bt\(\"([a-z_.0-9]+)\"(?=[,)])", file.read_text())


def _assessment() -> Assessment:
    def gbp(amount: str) -> Money:
        return Money(Decimal(amount), "GBP")

    charge = Charge(
        kind=ChargeKind.TAX,
        type_code="B00",
        line_no=1,
        base=gbp("50"),
        rate="20 %",
        unrounded=Decimal("10"),
        rounding="down to 0.01",
        result=gbp("10.00"),
        collection=Collection.BORDER,
        measure_id="vat",
        steps=(Step("freight, share of line 1", "2.00 GBP", "share"), Step("price", "48.00 GBP")),
    )
    return Assessment(
        jurisdiction_code="GB",
        legal_day=date(2026, 7, 14),
        regime_digest="0" * 64,
        scheme="low value",
        intrinsic_value=gbp("48"),
        customs_value=gbp("50"),
        steps=(Step("converted", "48.00 GBP", "rates"),),
        charges=(charge,),
        due=gbp("10.00"),
        collected_at_sale=gbp("0"),
        citations={"vat": Citation("VAT Act"), "rates": Citation("Monthly rates")},
    )
