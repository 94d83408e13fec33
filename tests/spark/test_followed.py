"""What followed a forecast by month: returns of the assets and factors known at its date, compounded."""

from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pytest

from sigmalake.engines.spark.estimation.followed import FOLLOWED, compound_month
from sigmalake.numerics.factors import Factor, Kind

STYLE = [Factor(name, "style", Kind.STYLE) for name in ("size", "value", "new")]
SETS = {"old": STYLE[:2], "more": [STYLE[0], STYLE[2], STYLE[1]]}
DAYS = [date(2024, 2, 1) + timedelta(days=n) for n in range(5)]
SCHEMA = pa.schema(
    [
        ("date", pa.date32()), ("return_date", pa.date32()), ("return_set", pa.string()), ("asset_id", pa.list_(pa.string())),
        ("ret", pa.list_(pa.float64())), ("specific_return", pa.list_(pa.float64())), ("factor_return", pa.list_(pa.float64())),
    ]
)  # fmt: skip


def row(day: date, name: str, ids: list[str], ret: list[float | None], f: list[float | None]) -> dict[str, object]:
    half = [None if value is None else value / 2 for value in ret]
    dated = {"date": date(2024, 1, 31), "return_date": day, "return_set": name}
    return {**dated, "asset_id": ids, "ret": ret, "specific_return": half, "factor_return": f}


ROWS = [
    row(DAYS[0], "old", ["A", "B", "C"], [0.1, 0.1, 0.1], [0.01, 0.02]),
    row(DAYS[1], "old", ["A", "B", "C"], [0.1, None, 0.1], [0.01, 0.02]),
    row(DAYS[2], "more", ["A", "B", "D"], [-0.2, 0.1, 0.1], [0.01, 0.5, 0.02]),
    row(DAYS[3], "more", ["A", "B", "D"], [0.1, 0.1, 0.1], [0.01, 0.5, None]),
    row(DAYS[4], "more", ["A", "B", "D"], [0.1, 0.1, 0.1], [0.01, 0.5, 0.02]),
]


@pytest.mark.parametrize("order", [[0, 1, 2, 3, 4], [3, 0, 4, 2, 1]])
def test_a_month_is_one_row_of_the_assets_and_factors_of_its_first_date(order):
    (found,) = compound_month(pa.Table.from_pylist([ROWS[n] for n in order], SCHEMA), SETS).to_pylist()
    assert list(found) == [part.split()[0] for part in FOLLOWED.split(", ")]
    assert (found["date"], found["return_date"], found["return_set"]) == (date(2024, 1, 31), DAYS[-1], "old")
    assert found["ret"] == [pytest.approx(1.1**4 * 0.8 - 1), pytest.approx(1.1**4 - 1), None]  # B lacks one date in five, C three
    assert found["specific_return"] == [pytest.approx(1.05**4 * 0.9 - 1), pytest.approx(1.05**4 - 1), None]
    assert found["factor_return"] == [pytest.approx(1.01**5 - 1), None]  # value lacks a date


def test_a_month_of_one_date_has_its_returns_to_the_last_bit():
    rng = np.random.default_rng(1)
    only = row(DAYS[0], "old", ["A", "B"], rng.normal(0, 0.1, 2).tolist(), rng.normal(0, 0.1, 2).tolist())
    (found,) = compound_month(pa.Table.from_pylist([only], SCHEMA), SETS).to_pylist()
    assert {name: found[name] for name in ("ret", "specific_return", "factor_return")} == {
        name: only[name] for name in ("ret", "specific_return", "factor_return")
    }
