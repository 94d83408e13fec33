"""Descriptors of a chunk of dates, from packed rows: as the kernels say them on dense arrays, whatever the chunks."""

from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pytest
from numpy.testing import assert_allclose

from sigmalake.numerics.descriptors.fundamentals import FundamentalRules
from sigmalake.numerics.descriptors.library import DESCRIPTORS, DescriptorRules
from sigmalake.numerics.descriptors.point_in_time import KnownRecords
from sigmalake.numerics.descriptors.prices import PriceHistory, PriceWindows
from sigmalake.numerics.descriptors.trailing_window import Trailing
from sigmalake.numerics.descriptors.turnover import turnover
from sigmalake.tables.descriptors import DESCRIPTORS as DESCRIPTOR_TABLE
from sigmalake.tables.descriptors import PRICES as PRICE_TABLE
from sigmalake.tasks.chunks import AsOf, Chunk, chunks_of, first_row
from sigmalake.tasks.descriptors import FIGURES as FIGURE_ROWS
from sigmalake.tasks.descriptors import PRICE_ROWS, ComputeDescriptors

N_DATES, FIRST = 60, date(2024, 1, 1)
CALENDAR = [FIRST + timedelta(days=day) for day in range(N_DATES)]
IDS = ["Z", "a", "b", "é"]  # in the order of their bytes
PRICES = PriceWindows(
    month=3,
    range_months=4,
    beta=Trailing(window=15, half_life=5),
    momentum=Trailing(window=16, half_life=8, lag=3),
    daily_volatility=Trailing(window=12, half_life=4),
    turnover_1m=Trailing(window=3),
    turnover_3m=Trailing(window=6),
    turnover_12m=Trailing(window=12),
    reversal=Trailing(window=3),
)
FIGURE_FIELDS = pa.schema({
    "known_at": pa.date32(), "asset_id": pa.string(), "item": pa.string(), "period_end": pa.date32(), "value": pa.float64(),
})  # fmt: skip
RULES = DescriptorRules(prices=PRICES, fundamentals=FundamentalRules(max_age=20))


def as_of(position: int) -> AsOf:
    return AsOf("descriptors", position, f"h{position}", first_row(position, PRICES.look_back))


def packed_prices(seed: int = 0) -> list[dict]:
    """A row a date: `b` is listed on day 20, `é` halted from day 30 to 33, others at times without a value."""
    rng = np.random.default_rng(seed)
    rows = []
    for position, day in enumerate(CALENDAR):
        ids = [asset for asset in IDS if asset != "b" or position >= 20]
        ret, cap, traded = rng.normal(0, 0.02, len(ids)), rng.lognormal(3, 0.5, len(ids)), rng.lognormal(0, 1, len(ids))
        row = {"position": position, "date": day, "asset_id": ids, "in_estimation": rng.random(len(ids)) < 0.9}
        row |= {
            name: [None if rng.random() < 0.05 else float(x) for x in v] for name, v in zip(("ret", "cap"), (ret, cap), strict=True)
        }
        row["traded_value"] = np.where(rng.random(len(ids)) < 0.1, 0.0, traded).tolist()
        row["in_estimation"] = [None if rng.random() < 0.05 else bool(x) for x in row["in_estimation"]]
        if 30 <= position < 34:
            row["ret"][-1], row["traded_value"][-1] = None, 0.0
        rows.append(row)
    return rows


def figure(asset: str, item: str, known: int, period: int, value: float | None) -> dict:
    return {"date": FIRST + timedelta(days=known), "asset_id": asset, "item": item,
            "period_end": FIRST + timedelta(days=period), "value": value}  # fmt: skip


FIGURES = [
    figure("a", "book_value", -5, -90, 8.0),
    figure("a", "book_value", 12, -90, 9.0),  # restated
    figure("b", "book_value", 22, -30, 4.0),
    figure("b", "dividends", 22, -30, 1.0),
    figure("b", "dividends", 30, -30, None),  # withdrawn
    figure("gone", "book_value", 3, -30, 2.0),  # without prices
    *(figure("Z", "annual_sales", 40 + year, -365 * (3 - year), 10.0 + year) for year in range(3)),
]


def computed(chunk: Chunk, prices: list[dict], figures: list[dict]) -> pa.Table:
    """From rows in no particular order, also of other dates and later figures."""
    task = ComputeDescriptors(CALENDAR, [chunk], RULES)
    rng = np.random.default_rng(7)
    rows = [{name: value for name, value in prices[i].items() if name != "position"} for i in rng.permutation(len(prices))]
    given = {PRICE_ROWS: pa.Table.from_pylist(rows, PRICE_TABLE.arrow_schema())}
    known = [{**figures[i], "known_at": figures[i]["date"]} for i in rng.permutation(len(figures))]
    given[FIGURE_ROWS] = pa.Table.from_pylist(known, FIGURE_FIELDS)
    found = task(0, {role: table.select(task.columns[role]) for role, table in given.items()})
    assert found.schema == DESCRIPTOR_TABLE.arrow_schema()
    return found


def described(prices: list[dict], figures: list[dict], size: int = N_DATES) -> dict[tuple[date, str], dict[str, float | None]]:
    asked = [as_of(position) for position in range(N_DATES)]
    found = {}
    for chunk in chunks_of(asked, size):
        for row in computed(chunk, prices, figures).to_pylist():
            assert row["n_assets"] == len(row["asset_id"])
            for n, asset in enumerate(row["asset_id"]):
                found[row["date"], asset] = {name: row[name][n] for name in DESCRIPTORS}
    return found


def dense(prices: list[dict], figures: list[dict]) -> dict[str, np.ndarray]:
    """Every descriptor (T, N) by the kernels, from arrays filled element by element."""
    arrays = {name: np.full((N_DATES, len(IDS)), np.nan) for name in ("ret", "cap", "traded_value")}
    universe = np.zeros((N_DATES, len(IDS)), dtype=bool)
    for t, row in enumerate(prices):
        for n, asset in enumerate(row["asset_id"]):
            for name, values in arrays.items():
                values[t, IDS.index(asset)] = np.nan if row[name][n] is None else row[name][n]
            universe[t, IDS.index(asset)] = row["in_estimation"][n] is True
    caps = arrays["cap"]
    history = PriceHistory(arrays["ret"], caps, caps, turnover(arrays["traded_value"], caps), universe)
    items = {}
    for item in {row["item"] for row in figures}:
        rows = [row for row in figures if row["item"] == item and row["asset_id"] in IDS]
        days = ([(row[name] - FIRST).days for row in rows] for name in ("date", "period_end"))
        asset = np.array([IDS.index(row["asset_id"]) for row in rows])
        items[item] = KnownRecords(asset, *(np.array(d) for d in days), np.array([row["value"] for row in rows], dtype=float))
    as_of = np.arange(N_DATES)
    raw = (*PRICES.compute(history, as_of), *RULES.fundamentals.compute(items, caps, as_of))
    return dict(zip(DESCRIPTORS, raw, strict=True))


@pytest.mark.parametrize("size", [N_DATES, 13, 1])
def test_chunks_of_any_size_say_what_the_kernels_say(size):
    prices = packed_prices()
    found, expected = described(prices, FIGURES, size), dense(prices, FIGURES)
    assert set(found) == {(row["date"], asset) for row in prices for asset in row["asset_id"]}
    for name, values in expected.items():
        said = [np.nan if (v := found[key][name]) is None else v for key in found]
        wanted = [values[CALENDAR.index(day), IDS.index(asset)] for day, asset in found]
        assert_allclose(said, wanted, rtol=1e-11, atol=1e-14, err_msg=name)
    described_once = {name for values in found.values() for name, value in values.items() if value is not None}
    assert [found[CALENDAR[t], "b"]["dividend_yield"] is None for t in (29, 30)] == [False, True]
    assert {"book_to_price", "dividend_yield", "sales_growth", *DESCRIPTORS[:11]} == described_once


def test_a_row_carries_its_hash_and_its_coverage_in_order():
    chunk = Chunk(0, 25, (AsOf("descriptors", 10, "ten", 0), AsOf("descriptors", 25, "later", 0)))
    table = computed(chunk, packed_prices(), FIGURES)
    assert table.column("date").to_pylist() == [CALENDAR[10], CALENDAR[25]]
    assert table.column("inputs_hash").to_pylist() == ["ten", "later"]
    assert table.column("asset_id").to_pylist() == [["Z", "a", "é"], IDS]


def test_a_restated_figure_counts_from_its_day_and_an_old_one_no_more():
    found = described(packed_prices(), FIGURES)
    plain = described(packed_prices(), [row for row in FIGURES if row["value"] != 9.0])
    known = {(day - FIRST).days: values["book_to_price"] for (day, asset), values in found.items() if asset == "a"}
    before = {(day - FIRST).days: values["book_to_price"] for (day, asset), values in plain.items() if asset == "a"}
    assert {t: known[t] for t in range(12)} == {t: before[t] for t in range(12)}
    for t in range(12, 16):
        assert known[t] == pytest.approx(before[t] * 9 / 8) if before[t] else known[t] is None
    assert before[16] is None  # 21 days after day -5
    assert known[33] is None  # 21 days after day 12


def test_later_rows_and_later_figures_move_nothing_before_them():
    prices, later = packed_prices(), packed_prices(seed=1)
    changed = [*prices[:40], *later[40:]]
    figures = [row for row in FIGURES if row["date"] < CALENDAR[40]] + [figure("a", "earnings", 40, 0, 3.0)]
    before, after = described(prices, FIGURES), described(changed, figures)
    assert {key: before[key] for key in before if key[0] < CALENDAR[40]} == {
        key: after[key] for key in after if key[0] < CALENDAR[40]
    }
    assert all(after[key]["beta"] != before[key]["beta"] for key in before if key[0] >= CALENDAR[45] and before[key]["beta"])


def test_a_model_without_caps_and_volumes_has_an_equal_weighted_market():
    bare = [row | {"cap": None, "traded_value": None} for row in packed_prices()]
    equal = [row | {"cap": [1.0] * len(row["asset_id"])} for row in packed_prices()]
    found, expected = described(bare, []), described(equal, [])
    for key, values in found.items():
        assert {name: values[name] for name in ("beta", "momentum", "residual_volatility")} == {
            name: expected[key][name] for name in ("beta", "momentum", "residual_volatility")
        }
        assert [values[name] for name in ("size", "size_cubed", "turnover_3m", "book_to_price")] == [None] * 4
    assert any(values["beta"] for values in found.values())
