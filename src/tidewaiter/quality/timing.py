"""A filing held against the law's deadlines: was it there in time, and does it hold what it must by then.

A deadline is counted back from the expected loading, departure or arrival. Where only a day of it is stated, the moment
lies somewhere within that day: what is too late at any hour of it is late, what is in time at any hour is in time, and
the rest cannot be told. Days of arrival are those of the administration's clocks; a day of departure is one anywhere on
earth. Where the length of a journey decides between two time limits and is not known, both must agree: what came four
hours before arrival was there before any flight of less than four hours departed.

Source: WCO Framework of Standards on Cross-Border E-Commerce, standards 1 to 3; the time limits themselves are law.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from typing import Final, NamedTuple

from msgspec import Struct

from tidewaiter.model.declaration import Consignment, Declaration
from tidewaiter.model.finding import Finding, Severity
from tidewaiter.model.timing import Deadline, FilingMoment
from tidewaiter.quality.rules.required import absent, is_whole, label
from tidewaiter.regimes.law import Anchor, TimeLimit
from tidewaiter.regimes.transport import transport_mode

TOO_LATE: Final = "timing.too_late"
NOT_CHECKED: Final = "timing.not_checked"
MINIMUM: Final = "timing.minimum_data"
STILL_DUE: Final = "timing.data_due"

SOURCE: Final = (
    "The law of the jurisdiction: time limits by mode of transport; WCO Framework of Standards, standards 1 to 3"
)
MEANINGS: Final = {
    TOO_LATE: "Safety and security data must be with customs some time before the goods are loaded or arrive. The time "
    "depends on the mode of transport; the finding names the article and by how much it was missed.",
    MINIMUM: "By each moment of a journey (before loading, before arrival, at arrival) the law asks for a minimum of "
    "data. What it asks for by a moment that has come is missing.",
    STILL_DUE: "Data that are asked for by a later moment of the journey are not there yet. Add them until then.",
    NOT_CHECKED: "Whether the data came in time cannot be told, for the moment of loading, departure or arrival is not "
    "stated, or only as a day. Nothing is held against the sender.",
}
SEVERITIES: Final = {
    TOO_LATE: "as the law states: warning or error",
    MINIMUM: "as the law states: warning or error",
    STILL_DUE: "info",
    NOT_CHECKED: "info",
}

_ANCHORS: Final[dict[Anchor, str]] = {
    "loading": "consignment.loading_at",
    "departure": "consignment.departure_at",
    "arrival": "consignment.arrival_at",
}
_MODE: Final = "consignment.border_transport.mode_code"
_FIRST_ZONE, _LAST_ZONE = timezone(timedelta(hours=14)), timezone(timedelta(hours=-12))  # where a day begins and ends
_WORDS: Final = {
    FilingMoment.PRE_LOADING: "before loading",
    FilingMoment.PRE_ARRIVAL: "before arrival",
    FilingMoment.AT_ARRIVAL: "at arrival",
}


class Span(NamedTuple):
    """Between which moments (UTC) something lies, None where nothing says; `pointer` is where it is, or would be, stated."""

    earliest: datetime | None
    latest: datetime | None
    pointer: str
    stated: str = ""

    def before(self, minutes: int) -> Span:
        """The span so much earlier."""
        lead = timedelta(minutes=minutes)
        return self._replace(earliest=_minus(self.earliest, lead), latest=_minus(self.latest, lead))


class Timing(Struct, frozen=True):
    """What came of it: a deadline for each moment of the journey that the law has one for, and the findings."""

    deadlines: tuple[Deadline, ...]
    findings: tuple[Finding, ...]


NOTHING_TIMED: Final = Timing((), ())


class Verdict(NamedTuple):
    """One time limit, when it runs out, and whether it was met: None where that cannot be told."""

    limit: TimeLimit
    due: Span
    is_met: bool | None


def timed(declaration: Declaration, limits: Sequence[TimeLimit], lodged_at: datetime, clocks: tzinfo) -> Timing:
    """A declaration that came at `lodged_at` (aware) held against time limits in the order they are tried.

    `clocks` is the zone of the administration. Never raises for bad data. Without limits, a dataset that has some says
    once that the mode of transport is missing; where even that is stated there is nothing to check.
    """
    if not limits:
        return Timing((), () if transport_mode(declaration) else (_no_mode(),))
    anchors = _anchors(declaration.consignment, clocks)
    deadlines: list[Deadline] = []
    findings: list[Finding] = []
    open_at: list[Verdict] = []
    for first, of_moment in _by_moment(limits):
        verdicts = [_verdict(limit, anchors, lodged_at) for limit in _candidates(of_moment, anchors)]
        if not verdicts:
            continue
        told = _told(verdicts)
        deadline = _deadline(told, lodged_at)
        deadlines.append(deadline)
        if told.is_met is False:
            findings.append(_too_late(told, deadline, clocks))
        elif told.is_met is None:
            open_at.append(told)
        findings += _minimum(declaration, told, is_due=first or told.is_met is False, clocks=clocks)
    if open_at:
        findings.append(_not_checked(open_at))
    return Timing(tuple(deadlines), tuple(findings))


def rows() -> list[dict[str, str]]:
    """These findings as rows of the reference, as `quality.report` has them."""
    return [
        {
            "rule": rule_id,
            "severity": SEVERITIES[rule_id],
            "scope": "where the law has time limits",
            "words": words,
            "source": SOURCE,
        }
        for rule_id, words in MEANINGS.items()
    ]


def _by_moment(limits: Sequence[TimeLimit]) -> Iterator[tuple[bool, list[TimeLimit]]]:
    """The limits of each moment of the journey, and whether it is the first."""
    is_first = True
    for moment in FilingMoment:
        found = [limit for limit in limits if limit.moment is moment]
        if found:
            yield is_first, found
            is_first = False


def _anchors(consignment: Consignment, clocks: tzinfo) -> dict[Anchor, Span]:
    departure = _span("departure", consignment.departure_at, consignment.departure_on)
    arrival = _span("arrival", consignment.arrival_at, consignment.arrival_on, clocks)
    loading = _span("loading", consignment.loading_at, None)
    if loading.latest is None and departure.latest is not None:
        # Whenever it is, goods are loaded before they depart.
        loading = departure._replace(earliest=None)
    return {"loading": loading, "departure": departure, "arrival": arrival}


def _span(name: Anchor, at: datetime | None, on: date | None, clocks: tzinfo | None = None) -> Span:
    pointer = _ANCHORS[name]
    if at is not None and at.tzinfo is not None and date.min < at.date() < date.max:
        moment = at.astimezone(UTC)
        return Span(moment, moment, pointer, at.isoformat())
    if on is None or not date.min < on < date.max:
        return Span(None, None, pointer)
    first, last = (clocks, clocks) if clocks is not None else (_FIRST_ZONE, _LAST_ZONE)
    try:
        begins = datetime.combine(on, time.min, first).astimezone(UTC)
        ends = datetime.combine(on + timedelta(days=1), time.min, last).astimezone(UTC)
    except OverflowError:
        return Span(None, None, pointer)
    return Span(begins, ends, pointer.removesuffix("_at") + "_on", on.isoformat())


def _candidates(limits: Iterable[TimeLimit], anchors: dict[Anchor, Span]) -> Iterator[TimeLimit]:
    """Those that may be the one that applies: all up to the first that surely does."""
    minutes = _journey(anchors)
    for limit in limits:
        applies = _fits(limit, minutes)
        if applies is not False:
            yield limit
        if applies:
            return


def _journey(anchors: dict[Anchor, Span]) -> float | None:
    """Minutes from departure to arrival; None where one of the moments is not stated to the hour."""
    departure, arrival = anchors["departure"], anchors["arrival"]
    if departure.earliest is None or arrival.earliest is None:
        return None
    if departure.earliest != departure.latest or arrival.earliest != arrival.latest:
        return None
    return (arrival.earliest - departure.earliest) / timedelta(minutes=1)


def _fits(limit: TimeLimit, minutes: float | None) -> bool | None:
    under, least = limit.journey_under_minutes, limit.journey_from_minutes
    if under is None and least is None:
        return True
    if minutes is None:
        return None
    return (under is None or minutes < under) and (least is None or minutes >= least)


def _verdict(limit: TimeLimit, anchors: dict[Anchor, Span], lodged_at: datetime) -> Verdict:
    due = _counted_from(limit, anchors).before(limit.lead_minutes)
    is_met = None
    if due.latest is not None and lodged_at > due.latest:
        is_met = False
    elif due.earliest is not None and lodged_at <= due.earliest:
        is_met = True
    return Verdict(limit, due, is_met)


def _counted_from(limit: TimeLimit, anchors: dict[Anchor, Span]) -> Span:
    """When what the limit is counted from lies; of a short journey it is known how long before arrival it began at most."""
    anchor, arrival = anchors[limit.counted_from], anchors["arrival"]
    length = limit.journey_under_minutes
    if limit.counted_from != "departure" or length is None or anchor.latest is not None or arrival.latest is None:
        return anchor
    return anchor._replace(earliest=arrival.before(length).earliest, latest=arrival.latest)


def _told(verdicts: Sequence[Verdict]) -> Verdict:
    """The one to tell of: met where all are, at the first to run out; missed where all are, at the last."""
    said = {verdict.is_met for verdict in verdicts}
    if said == {True}:
        return min(verdicts, key=lambda each: (each.due.earliest or _END, each.due.latest or _END))
    if said == {False}:
        return max(verdicts, key=lambda each: each.due.latest or _BEGINNING)
    open_ = next((each for each in verdicts if each.is_met is None), verdicts[0])
    return open_._replace(is_met=None)


def _deadline(told: Verdict, lodged_at: datetime) -> Deadline:
    limit, due = told.limit, told.due
    is_exact = due.earliest == due.latest
    late = lodged_at - due.latest if told.is_met is False and due.latest is not None else timedelta()
    due_at = due.latest if told.is_met is False else due.earliest if told.is_met or is_exact else None
    return Deadline(
        measure_id=limit.measure_id,
        moment=limit.moment,
        words=limit.words,
        article=limit.article,
        lodged_at=lodged_at,
        due_at=due_at,
        is_met=told.is_met,
        late_by_seconds=late // timedelta(seconds=1),
        is_confirmed=limit.is_confirmed,
    )


def _too_late(told: Verdict, deadline: Deadline, clocks: tzinfo) -> Finding:
    limit, due = told.limit, told.due
    is_exact = due.earliest == due.latest
    at_least = "" if is_exact else "at least "
    hint = "It counts as filed at the moment it was received; file the next one earlier."
    if not limit.is_confirmed:
        hint += " This time limit is not confirmed by the text of the law."
    latest = f"{_shown(due.latest, clocks)}" if due.latest else ""
    return Finding(
        TOO_LATE,
        limit.severity,
        due.pointer,
        f"It was filed {at_least}{deadline.late_by} too late: it had to be there {limit.words}, by "
        f"{latest} ({limit.article}).",
        due.stated,
        hint,
    )


def _minimum(declaration: Declaration, told: Verdict, *, is_due: bool, clocks: tzinfo) -> list[Finding]:
    """What is asked for by this moment and not there: at its severity where the moment has come, else that it is due."""
    limit = told.limit
    if not limit.required or not is_whole(declaration):
        return []
    missing = absent(declaration, limit.required)
    if not missing:
        return []
    source = limit.required_article or limit.article
    listed = "; ".join(label(pointer) for pointer in missing)
    if is_due:
        words = f"The minimum of data {_WORDS[limit.moment]} is not complete ({source}). Missing: {listed}."
        return [
            Finding(MINIMUM, limit.required_severity, missing[0], words, hint="Send an amendment with what is missing.")
        ]
    until = f", by {_shown(told.due.earliest, clocks)}" if told.due.earliest is not None else ""
    words = f"Still to be given {limit.words}{until} ({source}): {listed}."
    return [Finding(STILL_DUE, Severity.INFO, missing[0], words)]


def _not_checked(verdicts: Sequence[Verdict]) -> Finding:
    limits = "; ".join(f"{each.limit.words} ({each.limit.article})" for each in verdicts)
    first = verdicts[0].due
    wanted = " and ".join(dict.fromkeys(_wanted(each) for each in verdicts))
    return Finding(
        NOT_CHECKED,
        Severity.INFO,
        first.pointer,
        f"Whether it was filed in time cannot be told: it had to be there {limits}.",
        first.stated,
        f"State the moment of {wanted}, with its hour and time zone.",
    )


def _wanted(verdict: Verdict) -> str:
    """What would tell: the moment that it is counted from, and of journeys whose length decides, both ends."""
    limit = verdict.limit
    by_length = limit.journey_under_minutes is not None or limit.journey_from_minutes is not None
    return "departure and arrival" if by_length else limit.counted_from


def _no_mode() -> Finding:
    words = "Whether it was filed in time cannot be told: the time limits depend on the mode of transport."
    return Finding(NOT_CHECKED, Severity.INFO, _MODE, words, hint="State the mode of transport at the border.")


def _shown(moment: datetime | None, clocks: tzinfo) -> str:
    if moment is None:
        return ""
    try:
        local = moment.astimezone(clocks)
    except OverflowError:
        local = moment
    return f"{local:%Y-%m-%d %H:%M} {local.tzname()}"


def _minus(moment: datetime | None, lead: timedelta) -> datetime | None:
    try:
        return None if moment is None else moment - lead
    except OverflowError:
        return None


_BEGINNING: Final = datetime.min.replace(tzinfo=UTC)
_END: Final = datetime.max.replace(tzinfo=UTC)
