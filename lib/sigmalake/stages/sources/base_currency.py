"""The model's base currency: which rates each date needs, and which dates have rows that lack one."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import reduce

from pyspark.sql import Column, DataFrame

from sigmalake.config.model import Config
from sigmalake.config.sources import Dated
from sigmalake.engines.spark.sources.checking import Half, where
from sigmalake.engines.spark.sources.exchange_rates import converted, exchange_frame, rate_history
from sigmalake.engines.spark.sources.fingerprint import FilePrint, Prints, by_date, currencies_by_date, fingerprint
from sigmalake.lake.dates import as_ranges
from sigmalake.tasks.sources.exchange_rates import Exchange, return_exchanges, spots


def in_base_currency(
    config: Config,
    rates: DataFrame,
    groups: Sequence[Mapping[str, Half]],
    by_file: Mapping[str, list[FilePrint]],
    prints: Mapping[str, Prints],
    calendar: list[date],
    cap_rates: Mapping[date, date],
) -> tuple[list[dict[str, Half]], dict[str, Prints]]:
    """The packed halves in the base currency, and their prints with the rows that lack a rate among the rejected ones.

    Prints are of local rows, so that a restated rate makes no file to be read again. Only dates on which some row's currency
    has no rate are counted anew.

    Args:
        config: names the base currency and the columns.
        rates: checked rows of the exchange rates.
        groups: halves that rest on one frame each.
        by_file: prints of the local rows, with their currencies.
        prints: the same by date.
        calendar: of the model.
        cap_rates: see `cap_rate_dates`.
    """
    s = config.sources
    columns = {"returns": s.return_columns.currency, "caps" if s.caps else "exposures": s.cap_currency}
    columns = {half: column for half, column in columns.items() if column is not None}
    seen = {half: currencies_by_date(by_file[half]) for half in columns}
    found = _exchanges(config, rates, seen, calendar, cap_rates)
    table = exchange_frame(rates.sparkSession, found.values())
    exchanged = [converted(group, table, columns) for group in groups]
    lost = {
        half: {day for day, named in of_half.items() if day in found and found[day].lacks(named, caps=half != "returns")}
        for half, of_half in seen.items()
    }
    counted = dict(prints)
    for group in exchanged:
        days = set().union(*(lost.get(half, set()) for half in group))
        if days:
            counted |= _counted_anew(group, counted, days)
    return exchanged, counted


def cap_rate_dates(
    config: Config, calendar: Sequence[date], dates: Iterable[date | None], rate_dates: Sequence[date]
) -> dict[date, date]:
    """Of the dates that caps are given for, those whose rates convert them; nothing where all caps are in one currency.

    Caps beside the return that they explain were known the date before, at whose rate they are converted; those of the calendar's
    first date, or of one before it, at the newest rates from before them.

    Args:
        config: says which caps are local.
        calendar: of the model.
        dates: of the caps.
        rate_dates: which have a rate, ascending.
    """
    named = [day for day in dates if day is not None] if config.sources.cap_currency is not None else []
    if config.sources.exposure_source.exposures_dated is Dated.END_OF_PERIOD:
        return {day: day for day in named}
    before = {day: _newest_before(day, calendar) or _newest_before(day, rate_dates) for day in named}
    return {day: earlier for day, earlier in before.items() if earlier is not None}


def _newest_before(day: date, dates: Sequence[date]) -> date | None:
    position = bisect_left(dates, day)
    return dates[position - 1] if position else None


def _exchanges(
    config: Config,
    rates: DataFrame,
    seen: Mapping[str, Mapping[date, set[str]]],
    calendar: list[date],
    cap_rates: Mapping[date, date],
) -> dict[date, Exchange]:
    """What the rows of each date are converted by; nothing for dates whose rows no panel row holds."""
    source = config.sources.exchange_rates
    if source is None:
        return {}
    of_caps = {day: cap_rates[day] for half, days in seen.items() if half != "returns" for day in days if day in cap_rates}
    currencies = {name for days in seen.values() for names in days.values() for name in names}
    history = rate_history(rates, source.base, sorted({*calendar, *of_caps.values()}), currencies)
    own = [history.dates.index(day) for day in calendar]
    steps = history._replace(dates=calendar, rates=history.rates[own], interest=history.interest[own])
    interest = source.columns.interest_rate is not None
    found = {e.day: e for e in return_exchanges(steps, source.base, hedged=source.hedged, interest=interest)}
    if config.sources.exposure_source.exposures_dated is Dated.END_OF_PERIOD:
        del found[calendar[0]]  # no exposures explain its returns
    by_day, own_only = spots(history), {source.base: 1.0}
    for day in (day for half, days in seen.items() if half != "returns" for day in days):
        spot = by_day[of_caps[day]] if day in of_caps else own_only
        found[day] = found.get(day, Exchange(day))._replace(spot=spot)
    return found


def _counted_anew(halves: Mapping[str, Half], prints: Mapping[str, Prints], days: set[date]) -> dict[str, Prints]:
    names = list(halves)
    known = [day for half in names for day in prints[half] if day is not None]
    day = halves[names[0]].columns["date"]
    wanted = reduce(Column.__or__, (day.between(r.first, r.last) for r in as_ranges(days, known)))
    found = fingerprint(where(halves, wanted))
    return {half: {**prints[half], **by_date(found[half])} for half in names}
