"""Rows of returns and of caps, checked."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from sigmalake.config.columns import PriceColumns, ReturnColumns
from sigmalake.config.model import Config
from sigmalake.config.sources import CapSource, ReturnUnit
from sigmalake.numerics.types import Floats, Ints
from sigmalake.tasks.sources.checking import CheckedRows, Findings, Reason, checked_rows
from sigmalake.tasks.sources.raw_rows import NO_DAY, Numbers, RawRows
from sigmalake.tasks.sources.returns.paired_prices import NOTE, RETURN, add_price_findings
from sigmalake.tasks.sources.row_hash import ColumnWords


class RatesOfDates(NamedTuple):
    """Risk-free rates by date, from a source of their own."""

    days: Ints  # since 1970, ascending
    rates: Floats  # fraction per period

    def on(self, days: Ints) -> Floats:
        """The rate of each day, NaN where there is none."""
        if len(self.days) == 0:
            return np.full(len(days), np.nan)
        at = np.minimum(np.searchsorted(self.days, days), len(self.days) - 1)
        return np.where(self.days[at] == days, self.rates[at], np.nan)


def checked_returns(raw: RawRows, config: Config, rates: RatesOfDates | None = None) -> CheckedRows:
    """Returns: also `ret`, in excess of the risk-free rate where one is given; null where the return is missing.

    Of prices, which stand beside the returns that `PairPrices` made of them, also `return_note` and `is_average`.

    Of local returns also `currency`, and `local_ret` and `risk_free`, from which `ret` is made anew in the base currency. A
    return below -1 cannot be, whatever is taken off it later: nobody loses more than all.

    Args:
        raw: rows of the returns' source.
        config: names its columns.
        rates: of a source of their own; None: there is none.
    """
    columns = config.sources.return_source.columns
    findings = Findings(raw.n_rows)
    findings.add_key(raw, columns.date, columns.asset_id)
    if isinstance(columns, ReturnColumns) and columns.price is not None:
        numbers, hashed = made_returns(findings, raw, columns)
        noted = {"return_note": raw.column(NOTE), "is_average": pa.array(raw.numbers(columns.price).values < 0)}
    else:
        numbers = in_fractions(raw.numbers(columns.ret), config.sources.return_source.returns_in)
        add_return(findings, columns.ret, numbers, raw.column(columns.ret))
        hashed, noted = {columns.ret: raw.number_words(columns.ret)}, {}
    risk_free = np.zeros(raw.n_rows)
    if columns.rate:
        given = raw.numbers(columns.rate)
        findings.add_number(columns.rate, given, raw.column(columns.rate), required=True)
        risk_free, hashed[columns.rate] = given.values, raw.number_words(columns.rate)
    if rates is not None:
        days = raw.dates(columns.date).days
        risk_free = rates.on(days)
        findings.add(columns.date, Reason.NO_RATE, (days != NO_DAY) & np.isnan(risk_free), raw.column(columns.date))
    excess = numbers.values - risk_free if columns.rate or rates is not None else numbers.values
    payload = {"ret": pa.array(excess, from_pandas=True), **noted}
    if columns.currency:
        findings.add_text(raw, columns.currency)
        payload |= {"currency": raw.texts(columns.currency).values, "local_ret": numbers.array}
        payload["risk_free"] = pa.array(risk_free, from_pandas=True)
        hashed[columns.currency] = raw.text_words(columns.currency)
    return checked_rows(raw, columns.date, columns.asset_id, findings, payload, hashed)


def made_returns(findings: Findings, raw: RawRows, columns: ReturnColumns | PriceColumns) -> tuple[Numbers, dict[str, ColumnWords]]:
    """The returns beside the prices that `PairPrices` made them of, and what is in the hash of a row."""
    price = str(columns.price)
    add_price_findings(findings, raw, columns)
    numbers = raw.numbers(RETURN)
    findings.add(price, Reason.NOT_FINITE, np.isinf(numbers.values), raw.column(RETURN))
    findings.add(price, Reason.BELOW_MINUS_ONE, np.isfinite(numbers.values) & (numbers.values < -1.0), raw.column(RETURN))
    named = [column for name in columns.PRICED if (column := getattr(columns, name)) is not None]
    return numbers, {column: raw.number_words(column) for column in (*named, RETURN)}


def checked_caps(raw: RawRows, source: CapSource) -> CheckedRows:
    """Caps from their own source: also `cap`, and of local ones `cap_currency`."""
    columns = source.columns
    findings = Findings(raw.n_rows)
    findings.add_key(raw, columns.date, columns.asset_id)
    add_cap(findings, raw, columns.cap)
    hashed = {columns.cap: raw.number_words(columns.cap)}
    payload = {"cap": raw.numbers(columns.cap).array}
    if columns.cap_currency:
        findings.add_text(raw, columns.cap_currency)
        payload["cap_currency"] = raw.texts(columns.cap_currency).values
        hashed[columns.cap_currency] = raw.text_words(columns.cap_currency)
    return checked_rows(raw, columns.date, columns.asset_id, findings, payload, hashed)


def in_fractions(returns: Numbers, unit: ReturnUnit) -> Numbers:
    """Returns as fractions, whatever their unit; those that are fractions keep their last bit."""
    return returns if unit is ReturnUnit.FRACTION else returns._replace(values=returns.values / 100.0)


def add_return(findings: Findings, column: str, numbers: Numbers, shown: pa.Array) -> None:
    """Note what is wrong with simple returns, which may be missing."""
    findings.add_number(column, numbers, shown, required=False)
    findings.add(column, Reason.BELOW_MINUS_ONE, np.isfinite(numbers.values) & (numbers.values < -1.0), shown)


def add_cap(findings: Findings, raw: RawRows, column: str) -> None:
    """Note what is wrong with caps, which every asset has."""
    numbers, shown = raw.numbers(column), raw.column(column)
    findings.add_number(column, numbers, shown, required=True)
    findings.add(column, Reason.NOT_POSITIVE, numbers.values <= 0, shown)
