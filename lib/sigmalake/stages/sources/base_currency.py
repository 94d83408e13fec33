"""The model's base currency: which rates each date needs, and which dates have rows that lack one."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from sigmalake.config.model import Config
from sigmalake.config.sources import Dated
from sigmalake.tasks.sources.checking import CheckedRows
from sigmalake.tasks.sources.exchange_rates import Exchange, rate_history, return_exchanges, spots
from sigmalake.tasks.sources.fingerprints import FileFingerprint, currencies_by_date


class Exchanged(NamedTuple):
    """What rows are converted by."""

    exchanges: dict[date, Exchange]
    lacking: dict[str, set[date]]  # by side, the dates on which the currency of some row has no rate


def exchanges_of(
    config: Config,
    rates: CheckedRows,
    by_file: Mapping[str, list[FileFingerprint]],
    calendar: list[date],
    cap_rates: Mapping[date, date],
) -> Exchanged:
    """What the returns and caps of each date are converted by.

    Args:
        config: names the base currency and the columns.
        rates: the exchange rates.
        by_file: fingerprints of the local rows by side, with their currencies.
        calendar: of the model.
        cap_rates: see `cap_rate_dates`.
    """
    s = config.sources
    columns = {"returns": s.return_columns.currency, "caps" if s.caps else "exposures": s.cap_currency}
    seen = {side: currencies_by_date(by_file[side]) for side, column in columns.items() if column is not None}
    found = _exchanges(config, rates, seen, calendar, cap_rates)
    lacking = {
        side: {day for day, named in of_side.items() if day in found and found[day].lacks(named, caps=side != "returns")}
        for side, of_side in seen.items()
    }
    return Exchanged(found, lacking)


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
    rates: CheckedRows,
    seen: Mapping[str, Mapping[date, set[str]]],
    calendar: list[date],
    cap_rates: Mapping[date, date],
) -> dict[date, Exchange]:
    """What the rows of each date are converted by; nothing for dates whose rows no panel row holds."""
    source = config.sources.exchange_rates
    if source is None:
        return {}
    of_caps = {day: cap_rates[day] for side, days in seen.items() if side != "returns" for day in days if day in cap_rates}
    currencies = {name for days in seen.values() for names in days.values() for name in names}
    history = rate_history(rates, source.base, sorted({*calendar, *of_caps.values()}), currencies)
    own = [history.dates.index(day) for day in calendar]
    steps = history._replace(dates=calendar, rates=history.rates[own], interest=history.interest[own])
    interest = source.columns.interest_rate is not None
    found = {e.day: e for e in return_exchanges(steps, source.base, hedged=source.hedged, interest=interest)}
    if config.sources.exposure_source.exposures_dated is Dated.END_OF_PERIOD:
        del found[calendar[0]]  # no exposures explain its returns
    by_day, own_only = spots(history), {source.base: 1.0}
    for day in (day for side, days in seen.items() if side != "returns" for day in days):
        spot = by_day[of_caps[day]] if day in of_caps else own_only
        found[day] = found.get(day, Exchange(day))._replace(spot=spot)
    return found
