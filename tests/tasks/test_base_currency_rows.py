"""Rows in the base currency: the formula row by row in plain Python is the oracle."""

from datetime import date

import numpy as np
import pyarrow as pa
import pytest
from check_configs import DATED, config_of, problems_of

from sigmalake.config.sources import CapSource, ExchangeRateSource
from sigmalake.tasks.sources.checked_rates import checked_exchange_rates
from sigmalake.tasks.sources.exchange_rates import Exchange, RateHistory, converted, rate_history, return_exchanges, spots
from sigmalake.tasks.sources.raw_rows import RawRows
from sigmalake.tasks.sources.returns.checked_returns import checked_caps, checked_returns

DAYS = [date(2024, 1, day) for day in (2, 3, 5)]
RATES = np.array([[1.1, 0.9, 1.0], [1.2, np.nan, 1.0], [1.2, np.nan, 1.0]])
INTEREST = np.array([[0.02, 0.02, 0.03], [np.nan, 0.02, 0.03], [0.02, 0.02, np.nan]])
HISTORY = RateHistory(DAYS, ["EUR", "JPY", "USD"], RATES, INTEREST)
PANEL = {"path": "/no", "columns": {**DATED, "ret": "ret", "rate": "rf", "currency": "ccy"}}
CONFIG = config_of([{"market": "m"}], panel=PANEL, exchange_rates={"path": "/no", "base": "USD"})


def local_rows():
    days = [*DAYS, date(2024, 1, 4), None]
    rows = [
        (None if day is None else str(day), f"A{n}", ccy)
        for n, day in enumerate(days)
        for ccy in ("EUR", "JPY", "USD", "GBP", None)
    ]
    day, asset, ccy = (pa.array(column, pa.string()) for column in zip(*rows, strict=True))
    ret = [None if n % 7 == 6 else 0.01 * n - 0.1 for n in range(len(rows))]
    return pa.table({"day": day, "asset": asset, "ccy": ccy, "ret": ret, "rf": [0.001] * len(rows)})


@pytest.mark.parametrize(("hedged", "interest"), [(False, False), (True, True), (True, False)])
def test_a_return_is_converted_by_the_rates_of_its_date_or_told_what_it_lacks(hedged, interest):
    exchanges = {found.day: found for found in return_exchanges(HISTORY, "USD", hedged=hedged, interest=interest)}
    table = local_rows()
    local = checked_returns(RawRows(table), CONFIG)
    found = converted(local, exchanges, "ccy")
    told = problems_of(found)
    for n, (row, before) in enumerate(zip(found.rows.to_pylist(), problems_of(local), strict=True)):
        exchange, expected, ccy = exchanges.get(row["date"]), set(before), row["currency"]
        value = None
        if exchange is not None and ccy is not None:
            if ccy not in exchange.growth:
                expected.add(("ccy", "no exchange rate", ccy))
            elif ccy not in exchange.carry:
                expected.add(("ccy", "no interest rate of the currency", exchange.no_interest or ccy))
            elif row["local_ret"] is not None:
                value = row["local_ret"] * exchange.growth[ccy] + exchange.carry[ccy] - 0.001
        assert told[n] == expected
        assert (row["ret"], row["usable"]) == (value, not expected)


def test_caps_are_converted_at_the_spot_rate_of_their_date():
    source = CapSource(path="/no", columns={**DATED, "cap": "ret", "cap_currency": "ccy"})
    table = local_rows().set_column(3, "ret", pa.array(np.arange(25) + 1.0))
    local = checked_caps(RawRows(table), source)
    by_day = {day: Exchange(day, spot=spot) for day, spot in spots(HISTORY).items()}
    found = converted(local, by_day, "ccy")
    for row, told, before in zip(found.rows.to_pylist(), problems_of(found), local.rows.to_pylist(), strict=True):
        exchange, ccy = by_day.get(row["date"]), row["cap_currency"]
        spot = None if exchange is None else exchange.spot.get(ccy)
        assert row["cap"] == (None if spot is None else before["cap"] * spot)
        assert (("ccy", "no exchange rate", ccy) in told) == (exchange is not None and ccy is not None and spot is None)


def test_a_side_in_one_currency_stays_as_it_is():
    local = checked_returns(RawRows(local_rows()), CONFIG)
    assert converted(local, {}, None) is local


def test_the_history_holds_the_usable_rates_of_the_dates_and_currencies_asked_for():
    rows = pa.table({
        "date": [str(DAYS[0]), str(DAYS[0]), str(DAYS[1]), str(DAYS[1]), "2024-01-04"],
        "currency": ["EUR ", "GBP", "EUR", "EUR", "EUR"], "rate": [1.1, 1.3, 1.2, 1.25, 1.3], "i": [0.02, 0.03, None, 0.01, 0.02],
    })  # fmt: skip
    source = ExchangeRateSource(path="/no", base="USD", hedged=True, columns={"interest_rate": "i"})
    found = rate_history(checked_exchange_rates(RawRows(rows), source), "USD", DAYS, {"EUR", "JPY"})
    assert found.currencies == ["EUR", "JPY", "USD"]
    nan = np.nan
    np.testing.assert_array_equal(found.rates, [[1.1, nan, 1.0], [nan, nan, 1.0], [nan, nan, 1.0]])
    np.testing.assert_array_equal(found.interest, [[0.02, nan, nan], [nan] * 3, [nan] * 3])
