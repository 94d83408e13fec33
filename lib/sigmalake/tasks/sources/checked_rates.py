"""Rows of the sources that have no assets, checked: risk-free rates, exchange rates, returns of given factors, the calendar.

Each of them is small, and is checked as a whole: copies of a key are told here.
"""

from collections.abc import Mapping
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sigmalake.config.sources import CalendarSource, ExchangeRateSource, FactorReturnSource, RateSource
from sigmalake.tasks.sources.checking import CheckedRows, Findings, Reason, checked_rows, texts_in
from sigmalake.tasks.sources.duplicates import duplicates, without_duplicates
from sigmalake.tasks.sources.raw_rows import RawRows, to_floats
from sigmalake.tasks.sources.returns.checked_returns import RatesOfDates, in_fractions


def checked_rates(raw: RawRows, source: RateSource) -> CheckedRows:
    """Risk-free rates from their own source: also `rate`; no asset."""
    columns = source.columns
    findings = Findings(raw.n_rows)
    findings.add_key(raw, columns.date, None)
    findings.add_number(columns.rate, raw.numbers(columns.rate), raw.column(columns.rate), required=True)
    payload, hashed = {"rate": raw.numbers(columns.rate).array}, {columns.rate: raw.number_words(columns.rate)}
    return without_duplicates(checked_rows(raw, columns.date, None, findings, payload, hashed), ["date"])


def rates_of_dates(checked: CheckedRows) -> RatesOfDates:
    """The usable rates by date."""
    usable = checked.only(checked.usable)
    rows = pa.table({"day": usable.days, "rate": usable.rows.column("rate")}).sort_by("day")
    return RatesOfDates(rows.column("day").to_numpy(), rows.column("rate").to_numpy())


def checked_exchange_rates(raw: RawRows, source: ExchangeRateSource) -> CheckedRows:
    """Exchange rates: also `currency`, `rate`, `interest_rate`, the last null where it is missing; no asset."""
    c = source.columns
    findings = Findings(raw.n_rows)
    findings.add_key(raw, c.date, None)
    findings.add_text(raw, c.currency)
    numbers, shown = raw.numbers(c.rate), raw.column(c.rate)
    findings.add_number(c.rate, numbers, shown, required=True)
    findings.add(c.rate, Reason.NOT_POSITIVE, numbers.values <= 0, shown)
    of_base = texts_in(raw.texts(c.currency), [source.base])
    findings.add(c.rate, Reason.NOT_ONE, of_base & (numbers.values > 0) & (numbers.values != 1.0), shown)
    hashed = {c.currency: raw.text_words(c.currency), c.rate: raw.number_words(c.rate)}
    interest = pa.nulls(raw.n_rows, pa.float64())
    if c.interest_rate:
        findings.add_number(c.interest_rate, raw.numbers(c.interest_rate), raw.column(c.interest_rate), required=False)
        interest, hashed[c.interest_rate] = raw.numbers(c.interest_rate).array, raw.number_words(c.interest_rate)
    payload = {"currency": raw.texts(c.currency).values, "rate": numbers.array, "interest_rate": interest}
    checked = checked_rows(raw, c.date, None, findings, payload, hashed)
    return without_duplicates(checked, ["date", "currency"], shown="currency")


def checked_factor_returns(raw: RawRows, source: FactorReturnSource) -> CheckedRows:
    """Returns of given factors: also `factor` and `value`, a fraction, null where it is missing or was known too late; no asset."""
    c = source.columns
    findings = Findings(raw.n_rows)
    findings.add_key(raw, c.date, None)
    findings.add_text(raw, c.factor)
    numbers = in_fractions(raw.numbers(c.value), source.returns_in)
    findings.add_number(c.value, numbers, raw.column(c.value), required=False)
    hashed = {c.factor: raw.text_words(c.factor), c.value: raw.number_words(c.value)}
    late = np.zeros(raw.n_rows, dtype=bool)
    if c.known_at is not None:
        known, shown = raw.dates(c.known_at), raw.column(c.known_at)
        findings.add(c.known_at, Reason.MISSING, known.missing, shown)
        findings.add(c.known_at, Reason.NOT_A_DATE, known.unreadable, shown)
        late, hashed[c.known_at] = known.days > raw.dates(c.date).days, raw.date_words(c.known_at)
    payload = {"factor": raw.texts(c.factor).values, "value": pa.array(np.where(late, np.nan, numbers.values), from_pandas=True)}
    checked = checked_rows(raw, c.date, None, findings, payload, hashed)
    return checked.with_problems(duplicates(checked, ["date", "factor"], within=~late).problems(checked.column("factor")))


def returns_by_factor(checked: CheckedRows) -> Mapping[str, Mapping[date, float]]:
    """The returns of given factors that were known by the close of their dates, by factor and date."""
    rows = checked.rows.filter(pc.and_(checked.rows.column("usable"), checked.rows.column("value").is_valid()))
    found: dict[str, dict[date, float]] = {}
    keys = zip(rows.column("factor").to_pylist(), rows.column("date").to_pylist(), strict=True)
    for (factor, day), value in zip(keys, to_floats(rows.column("value")).tolist(), strict=True):
        found.setdefault(factor, {})[day] = value
    return found


def checked_calendar(raw: RawRows, source: CalendarSource) -> CheckedRows:
    """Dates from a table of dates; no asset."""
    findings = Findings(raw.n_rows)
    findings.add_key(raw, source.columns.date, None)
    return checked_rows(raw, source.columns.date, None, findings, {}, {})
