"""Local returns and caps become those of the base currency, each row by the rates of its date.

The driver holds the rates as dense arrays (dates by currencies), takes the kernel's numbers from them and ships those of a
task's dates: some dozen numbers a date and currency.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from sigmalake.numerics.descriptors.currency import conversion, forward_premium
from sigmalake.numerics.types import Bools, Floats, Ints
from sigmalake.tasks.sources.checking import CheckedRows, Reason, problem_table
from sigmalake.tasks.sources.raw_rows import to_floats

Numbers = Mapping[str, float]  # by currency; one is absent where a rate is missing
_EPOCH = date(1970, 1, 1)


class RateHistory(NamedTuple):
    """Exchange rates, and the interest rates of the currencies, as dense arrays; NaN where missing."""

    dates: list[date]  # ascending
    currencies: list[str]  # with the base
    rates: Floats  # (T, C) units of the base currency for one of each
    interest: Floats  # (T, C) fraction per period


class Exchange(NamedTuple):
    """What the rows of one date are converted by."""

    day: date
    growth: Numbers | None = None  # 1 + fx; None: no return of the date is explained
    carry: Numbers | None = None
    spot: Numbers | None = None  # of caps
    no_interest: str | None = None  # the base, where it has no interest rate: then no other currency has a carry

    def lacks(self, currencies: Iterable[str], *, caps: bool) -> bool:
        """Whether some rows in these currencies cannot be converted."""
        found = [self.spot] if caps else [self.growth, self.carry]
        return any(numbers is not None and currency not in numbers for numbers in found for currency in currencies)


def currency_in(columns: Collection[str]) -> str | None:
    """The column of a side's that says in which currency each row is; None: all are in one."""
    return next((column for column in ("currency", "cap_currency") if column in columns), None)


def rate_history(checked: CheckedRows, base: str, dates: Sequence[date], currencies: Collection[str]) -> RateHistory:
    """The usable rates of these dates and currencies.

    Args:
        checked: rows of the exchange rates.
        base: the base currency, whose rate is 1.
        dates: ascending.
        currencies: those that returns or caps are in.
    """
    named = sorted({*currencies, base})
    at_date, at_currency = ({key: i for i, key in enumerate(keys)} for keys in (dates, named))
    history = RateHistory(list(dates), named, *(np.full((len(dates), len(named)), np.nan) for _ in range(2)))
    rows = checked.rows.filter(checked.rows.column("usable"))
    day, currency = (
        np.array([at.get(key, -1) for key in rows.column(name).to_pylist()], dtype=np.int64)
        for name, at in (("date", at_date), ("currency", at_currency))
    )
    held = (day >= 0) & (currency >= 0)
    place = day[held], currency[held]
    history.rates[place] = to_floats(rows.column("rate"))[held]
    history.interest[place] = to_floats(rows.column("interest_rate"))[held]
    history.rates[:, at_currency[base]] = 1.0
    return history


def return_exchanges(history: RateHistory, base: str, *, hedged: bool, interest: bool) -> list[Exchange]:
    """What the returns of each date are converted by, over the step from the date before.

    Args:
        history: at the dates of the calendar.
        base: the base currency.
        hedged: whether the exchange rate's risk is sold forward.
        interest: whether interest rates are given, and so a premium.
    """
    own, premium = history.currencies.index(base), None
    if hedged:
        rates = history.interest
        premium = forward_premium(rates[:, [own]], rates) if interest else np.zeros(rates.shape)
        premium[:, own] = 0.0
    found = conversion(history.rates, premium)
    growth, carry = found.growth.copy(), found.carry.copy()
    growth[0, own], carry[0, own] = 1.0, 0.0  # the base's own return needs no date before
    unknown = np.isnan(history.interest[:, own]) if hedged and interest else np.zeros(len(history.dates), dtype=bool)
    return [
        Exchange(
            day,
            _known(history.currencies, growth[t]),
            _known(history.currencies, carry[t]),
            no_interest=base if unknown[t] else None,
        )
        for t, day in enumerate(history.dates)
    ]


def spots(history: RateHistory) -> dict[date, Numbers]:
    """The rates of each date."""
    return {day: _known(history.currencies, history.rates[t]) for t, day in enumerate(history.dates)}


def converted(checked: CheckedRows, exchanges: Mapping[date, Exchange], column: str | None) -> CheckedRows:
    """Returns or caps in the base currency; a row without its rate has a problem.

    Args:
        checked: rows of one side.
        exchanges: of the dates that are converted; returns and caps of other dates become null.
        column: the source's name of the column that says the currency; None: the side is not converted.
    """
    currency = currency_in(checked.rows.column_names)
    if column is None or currency is None:
        return checked
    rows = _Rates(checked, currency, exchanges)
    if currency == "currency":
        growth, carry = rows.of_rows("growth"), rows.of_rows("carry")
        local, risk_free = (to_floats(checked.column(name)) for name in ("local_ret", "risk_free"))
        found = _replaced(checked, "ret", local * growth + carry - risk_free)
        wanted = rows.given("growth") & ~rows.blank
        no_rate, no_interest = wanted & np.isnan(growth), wanted & ~np.isnan(growth) & np.isnan(carry)
        return found.with_problems(
            rows.problems(no_rate, column, Reason.NO_EXCHANGE_RATE), rows.problems(no_interest, column, Reason.NO_INTEREST_RATE)
        )
    spot = rows.of_rows("spot")
    found = _replaced(checked, "cap", to_floats(checked.column("cap")) * spot)
    return found.with_problems(rows.problems(rows.given("spot") & ~rows.blank & np.isnan(spot), column, Reason.NO_EXCHANGE_RATE))


class _Rates:
    """The numbers of each row's date and currency."""

    def __init__(self, checked: CheckedRows, currency: str, exchanges: Mapping[date, Exchange]) -> None:
        self._currencies = checked.column(currency)
        encoded = self._currencies.dictionary_encode()
        self._names = encoded.dictionary.to_pylist()
        self._code: Ints = encoded.indices.cast(pa.int64()).fill_null(-1).to_numpy()
        days = np.where(checked.column("date").is_valid().to_numpy(zero_copy_only=False), checked.days, np.iinfo(np.int64).min)
        self._days, self._at = np.unique(days, return_inverse=True)
        known = {(day - _EPOCH).days: exchange for day, exchange in exchanges.items()}
        self._exchanges = [known.get(int(day)) for day in self._days]
        self.blank = self._code < 0

    def given(self, name: str) -> Bools:
        """(N,) whether the rows of the date are converted by these numbers."""
        there = [exchange is not None and getattr(exchange, name) is not None for exchange in self._exchanges]
        return np.array(there, dtype=bool)[self._at]

    def of_rows(self, name: str) -> Floats:
        """(N,) a number of each row, NaN where there is none."""
        numbers = [{} if exchange is None else getattr(exchange, name) or {} for exchange in self._exchanges]
        dense = np.array([[of_day.get(c, np.nan) for c in [*self._names, None]] for of_day in numbers], dtype=np.float64)
        return dense.reshape(len(numbers), len(self._names) + 1)[self._at, self._code]

    def problems(self, wrong: Bools, column: str, reason: Reason) -> pa.Table:
        """The rows that lack a number, with the currency that it is for."""
        at = np.flatnonzero(wrong)
        lacking = self._currencies.take(pa.array(at)).to_pylist()
        if reason is Reason.NO_INTEREST_RATE:
            base = [exchange.no_interest if exchange is not None else None for exchange in self._exchanges]
            lacking = [base[day] or own for day, own in zip(self._at[at].tolist(), lacking, strict=True)]
        return problem_table(at, column, reason, pa.array(lacking, pa.string()))


def _known(currencies: Sequence[str], numbers: Floats) -> Numbers:
    return {currency: float(x) for currency, x in zip(currencies, numbers, strict=True) if np.isfinite(x)}


def _replaced(checked: CheckedRows, name: str, values: Floats) -> CheckedRows:
    at = checked.rows.column_names.index(name)
    return CheckedRows(checked.rows.set_column(at, name, pa.array(values, from_pandas=True)), checked.problems)
