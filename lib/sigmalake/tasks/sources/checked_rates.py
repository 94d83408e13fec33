"""Rows of the sources that have no assets, checked: risk-free rates, exchange rates and the calendar.

Each of them is small, and is checked as a whole: copies of a key are told here.
"""

import pyarrow as pa

from sigmalake.config.sources import CalendarSource, ExchangeRateSource, RateSource
from sigmalake.tasks.sources.checking import CheckedRows, Findings, Reason, checked_rows, texts_in
from sigmalake.tasks.sources.duplicates import without_duplicates
from sigmalake.tasks.sources.raw_rows import RawRows
from sigmalake.tasks.sources.returns.checked_returns import RatesOfDates


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


def checked_calendar(raw: RawRows, source: CalendarSource) -> CheckedRows:
    """Dates from a table of dates; no asset."""
    findings = Findings(raw.n_rows)
    findings.add_key(raw, source.columns.date, None)
    return checked_rows(raw, source.columns.date, None, findings, {}, {})
