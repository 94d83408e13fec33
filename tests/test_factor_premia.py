"""Premia of factors from their returns by date: what statsmodels says of each, and factors that come and go."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from statsmodels.api import OLS

from sigmalake.numerics.factors import Factor, Kind
from sigmalake.reader.factor_premia import COLUMNS, factor_return_frame, premia_frame

DAYS = [date(2024, 1, 1) + timedelta(days=n) for n in range(120)]
MARKET, BANK, TECH = (Factor(name, "group", Kind.STYLE) for name in ("market", "bank", "tech"))


def sections() -> tuple[pa.Table, np.ndarray]:
    """Sixty dates of two factors, then sixty of three of which bank is not estimated; rows in another order."""
    returns = 0.001 + 0.01 * np.random.default_rng(8).normal(size=(120, 3))
    returns[:60, 2] = np.nan
    returns[60:, 1] = np.nan
    rows = [
        {"date": day, "factor_set": "two" if n < 60 else "three",
         "factor_return": [None if np.isnan(r) else r for r in returns[n, : 2 if n < 60 else 3].tolist()]}
        for n, day in enumerate(DAYS)
    ]  # fmt: skip
    schema = pa.schema([("date", pa.date32()), ("factor_set", pa.string()), ("factor_return", pa.list_(pa.float64()))])
    return pa.Table.from_pylist(rows[70:] + rows[:70], schema), returns


SETS = {"two": [MARKET, BANK], "three": [MARKET, BANK, TECH]}


def test_every_factor_has_its_own_span_and_the_numbers_of_statsmodels():
    table, returns = sections()
    frame = factor_return_frame(table, SETS)
    assert (list(frame.index.date), list(frame.columns)) == (DAYS, ["market", "bank", "tech"])
    np.testing.assert_array_equal(frame, returns)
    found = premia_frame(frame, 3)
    assert (list(found.columns), list(found.index)) == (list(COLUMNS), ["market", "bank", "tech"])
    for name, span, values in (("market", slice(0, 120), 0), ("bank", slice(0, 60), 1), ("tech", slice(60, 120), 2)):
        own, row = returns[span, values], found.loc[name]
        assert (row["n_periods"], row["first_date"], row["last_date"]) == (len(own), DAYS[span][0], DAYS[span][-1])
        plain = OLS(own, np.ones(len(own)))
        hac = plain.fit(cov_type="HAC", cov_kwds={"maxlags": 3, "use_correction": True})
        expected = [hac.params[0], plain.fit().bse[0], plain.fit().tvalues[0], hac.bse[0], hac.tvalues[0]]
        numbers = row[["mean", "std_error", "t_stat", "nw_std_error", "nw_t_stat"]].astype(float)
        np.testing.assert_allclose(numbers, expected, rtol=1e-10)


def test_lags_are_those_of_the_number_of_dates_unless_given():
    frame = factor_return_frame(sections()[0], SETS)
    assert set(premia_frame(frame)["nw_lags"]) == {int(4 * 1.2 ** (2 / 9))}
    assert set(premia_frame(frame, 0)["nw_lags"]) == {0}
    with pytest.raises(ValueError, match="lags is 120; it must be from 0 to below the 120 periods"):
        premia_frame(frame, 120)


def test_a_factor_that_was_never_estimated_has_a_row_without_numbers():
    found = premia_frame(pd.DataFrame({"coal": [np.nan, np.nan]}, DAYS[:2])).loc["coal"]
    assert found["n_periods"] == 0
    assert found[["first_date", "last_date", "mean", "std_error", "t_stat", "nw_std_error", "nw_t_stat"]].isna().all()


def test_no_regression_is_no_premium():
    table, _ = sections()
    assert premia_frame(factor_return_frame(table.slice(0, 0), SETS)).empty
