"""`tidewaiter risk budget` and `risk estimate`: what was to be looked at beside what can be, and what it says of all."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from tidewaiter.cli import output
from tidewaiter.cli.output import Output, UsageError
from tidewaiter.cli.session import opened_store

USUAL_DAYS = 7


def budget(
    *,
    since: Annotated[
        date | None, Parameter(name="--from", help="The first day (UTC, of receipt); a week ago if left out.")
    ] = None,
    until: Annotated[date | None, Parameter(name="--to", help="The last day; today if left out.")] = None,
    office: Annotated[str, Parameter(help="One office alone.")] = "",
    flights: Annotated[bool, Parameter(negative="", help="Flight by flight, beside the budget of a flight.")] = False,
    output_as: Output = Output(),  # noqa: B008 (frozen)
) -> int:
    """Show what each office with a budget was sent to look at, day by day, beside its budget; 3 where any has more.

    Each parcel counts once: mandatory, else chance, else rules, else score. Chance and what is mandatory are never lowered:
    an office may have more than its budget by these alone.
    """
    from tidewaiter.workflow.budgets import budgets_in_use, loads

    last = until or datetime.now(UTC).date()
    first = since or last - timedelta(USUAL_DAYS - 1)
    _refuse_reversed(first, last)
    with opened_store() as store:
        found, budgets = loads(store, first, last, are_flights_shown=flights), budgets_in_use(store)
    rows: list[dict[str, Any]] = []
    is_over = False
    for each in found:
        if office and each.office_id != office:
            continue
        work = each.work
        is_over |= each.left is not None and each.left < 0
        rows.append(
            {"day": each.day, "office": each.office_id}
            | ({"flight": each.flight or "(none named)"} if flights else {})
            | {
                "parcels": work.parcels,
                "mandatory": work.mandatory,
                "by chance": work.chance,
                "by rules": work.rules,
                "by score": work.score,
                "to look at": work.looked_at,
                "budget": "" if each.budget is None else each.budget,
                "left": "" if each.left is None else each.left,
            }
        )
    output.print_rows(rows, output_as)
    if not rows:
        _say_why_none(office, budgets)
    return output.EXIT_FINDINGS if is_over else output.EXIT_OK


def _say_why_none(office: str, budgets: Collection[str]) -> None:
    """Say why there is no work to be shown, and how to begin."""
    how = "tidewaiter risk policy draft takes a policy with budgets; docs/how-to/select.md shows one"
    if not budgets:
        output.say("note", "no policy in use has a budget: no work is counted beside one", hint=how)
    elif office and office not in budgets:
        output.say("note", f"no policy in use has a budget for {office}", hint=f"there is one for {', '.join(budgets)}")
    else:
        output.say("note", "no office with a budget was sent anything to look at in these days")


def estimate(
    *,
    since: Annotated[date, Parameter(name="--from", help="The first legal day.")],
    until: Annotated[date, Parameter(name="--to", help="The last legal day.")],
    by: Annotated[
        Literal["stream", "sender", "chapter", "day", "all"],
        Parameter(help="What is put together: jurisdiction and dataset, sender, chapter of the first line, day, all."),
    ] = "stream",
    jurisdiction: Annotated[str, Parameter(help="One jurisdiction alone.")] = "",
    output_as: Output = Output(),  # noqa: B008
) -> int:
    """Say how much of all parcels is not in order, from those examined, with an interval of 95 in a hundred.

    Each is weighed by the probability with which it was to be looked at, which its decision keeps. Parcels that were to be
    looked at and have no outcome are told, with what the share would be were all of them in order, or none.
    """
    from tidewaiter.workflow.compliance import By, estimated
    from tidewaiter.workflow.trying import Period

    _refuse_reversed(since, until)
    with opened_store() as store:
        found = estimated(store, Period(since, until, jurisdiction.upper()), By(by))
    rows = [
        {
            by: each.name or "(none named)",
            "parcels": each.parcels,
            "to look at": each.to_look_at,
            "examined": each.examined,
            "not in order": each.irregular,
            "share %": _percent(each.interval.share) if each.examined else "",
            "from %": _percent(each.interval.low),
            "to %": _percent(each.interval.high),
            "no outcome": each.missing,
            "% if those in order": _percent(each.least) if each.to_look_at else "",
            "% if none": _percent(each.most) if each.to_look_at else "",
            "never chosen": each.impossible,
            "examined beside": each.beyond,
        }
        for each in found
    ]
    output.print_rows(rows, output_as)
    return output.EXIT_OK


def _refuse_reversed(first: date, last: date) -> None:
    if last < first:
        raise UsageError(
            f"the last day, {last}, is before the first, {first}", hint="--from the earlier, --to the later"
        )


def _percent(share: float) -> str:
    return f"{share * 100:.2f}"


def allocate(
    *,
    office: Annotated[str, Parameter(help="The office of lodgement.")],
    parcels: Annotated[int, Parameter(help="How many can be looked at.")],
    flight: Annotated[
        str, Parameter(help="The flight (else the master document); all of the office's if left out.")
    ] = "",
    random: Annotated[Decimal, Parameter(help="The share of these that is kept for chance, of 1.")] = Decimal("0.1"),
    since: Annotated[date | None, Parameter(name="--from", help="The first legal day; today if left out.")] = None,
    until: Annotated[date | None, Parameter(name="--to", help="The last; the first if left out.")] = None,
    order_by: Annotated[str, Parameter(help="Order the examinations, as this officer.")] = "",
    words: Annotated[str, Parameter(help="Why.")] = "",
    output_as: Output = Output(),  # noqa: B008
) -> int:
    """Share an exact number of examinations among the parcels of a flight that customs still have in hand.

    Mandatory first, then chance, rules, scores; each with its exact probability. Without --order-by nothing is changed. What
    is ordered is an officer's act: no estimate counts it. 3 where an examination could not be ordered.
    """
    from tidewaiter.workflow.allocating import Wanted, allocated, ordered
    from tidewaiter.workflow.desk import Desk
    from tidewaiter.workflow.trying import Period

    if not 0 <= random <= 1 or parcels < 1:
        raise UsageError("parcels are 1 or more, and a share lies between 0 and 1")
    first = since or datetime.now(UTC).date()
    _refuse_reversed(first, until or first)
    wanted = Wanted(
        period=Period(first, until or first), office_id=office, flight=flight, parcels=parcels, random=random
    )
    with opened_store() as store:
        found = allocated(store, wanted)
        left = ordered(Desk(store), found, order_by, words) if order_by else {}
    if not found:
        whose = f"of flight {flight} at {office}" if flight else f"at {office}"
        told = f"no parcel {whose} of the legal days {first} to {until or first} is in the hands of customs"
        output.err().print(told, markup=False)
    rows = [
        {
            "declaration": each.declaration_id,
            "state": each.state.value,
            "by": each.chosen.share.value or "(not)",
            "probability": f"{float(each.chosen.propensity):.4f}",
            "not ordered": left.get(each.declaration_id, ""),
        }
        for each in found
    ]
    output.print_rows(rows, output_as)
    return output.EXIT_FINDINGS if left else output.EXIT_OK
