"""The returns that a forecast is held to: of the assets and factors known at its date, compounded over a month."""

from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pytest
from numpy.testing import assert_allclose

from sigmalake.numerics.factors import Factor, Kind
from sigmalake.tables.packed import CROSS_SECTIONS, PANEL
from sigmalake.tasks.realised import RealisedReturns, read_return_rows

STYLE = [Factor(name, "style", Kind.STYLE) for name in ("size", "value", "new")]
SETS = {"old": STYLE[:2], "more": [STYLE[0], STYLE[2], STYLE[1]]}
DAYS = [date(2024, 2, 1) + timedelta(days=n) for n in range(5)]


def row(day: date, name: str, ids: list[str], ret: list[float | None], f: list[float | None]) -> dict[str, object]:
    u = [None if value is None else value / 2 for value in ret]
    dated = {"return_date": day, "date": day, "factor_set": name}
    return {**dated, "asset_id": ids, "ret": ret, "specific_return": u, "factor_return": f}


def realised(rows: list[dict], dates: list[date] = DAYS) -> RealisedReturns | None:
    given = [{name: value for name, value in row.items() if name in PANEL.column_names} for row in rows]
    fitted = [{name: value for name, value in row.items() if name in CROSS_SECTIONS.column_names} for row in rows[::-1]]
    tables = pa.Table.from_pylist(given, PANEL.arrow_schema()), pa.Table.from_pylist(fitted, CROSS_SECTIONS.arrow_schema())
    return read_return_rows(*tables).over(dates, SETS)


ROWS = [
    row(DAYS[0], "old", ["A", "B", "C"], [0.1, 0.1, 0.1], [0.01, 0.02]),
    row(DAYS[1], "old", ["A", "B", "C"], [0.1, None, 0.1], [0.01, 0.02]),
    row(DAYS[2], "more", ["A", "B", "D"], [-0.2, 0.1, 0.1], [0.01, 0.5, 0.02]),
    row(DAYS[3], "more", ["A", "B", "D"], [0.1, 0.1, 0.1], [0.01, 0.5, None]),
    row(DAYS[4], "more", ["A", "B", "D"], [0.1, 0.1, 0.1], [0.01, 0.5, 0.02]),
]


@pytest.mark.parametrize("order", [[0, 1, 2, 3, 4], [3, 0, 4, 2, 1]])
def test_a_month_is_one_row_of_the_assets_and_factors_of_its_first_date(order):
    found = realised([ROWS[n] for n in order])
    assert (found.return_date, found.factor_set) == (DAYS[-1], "old")
    # B lacks one date in five, C three
    assert_allclose(found.returns, [1.1**4 * 0.8 - 1, 1.1**4 - 1, np.nan], rtol=1e-12)
    assert_allclose(found.specific_returns, [1.05**4 * 0.9 - 1, 1.05**4 - 1, np.nan], rtol=1e-12)
    assert_allclose(found.factor_returns, [1.01**5 - 1, np.nan], rtol=1e-12)  # value lacks a date


def test_a_date_is_its_own_returns_to_the_last_bit():
    rng = np.random.default_rng(1)
    only = row(DAYS[0], "old", ["A", "B"], rng.normal(0, 0.1, 2).tolist(), rng.normal(0, 0.1, 2).tolist())
    found = realised([only, *ROWS[1:]], DAYS[:1])
    assert (found.return_date, found.returns.tolist()) == (DAYS[0], only["ret"])
    assert (found.specific_returns.tolist(), found.factor_returns.tolist()) == (only["specific_return"], only["factor_return"])


def test_dates_that_are_not_there_are_passed_over():
    assert realised(ROWS[:3]).return_date == DAYS[2]
    assert realised([]) is None
