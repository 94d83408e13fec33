"""Industry shares of a chunk of dates, from packed rows: as plain loops over the source say them, whatever the chunks."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from plain_segments import MAX_AGE, generate_segments, plain_shares
from sigmalake.engines.spark.estimation.chunks import AsOf, Chunk, chunks_of
from sigmalake.engines.spark.estimation.industry_shares import compute_industry_shares, shares_of_chunk

FIRST = date(2024, 1, 1)
CALENDAR = [FIRST + timedelta(days=7 * week) for week in range(40)]
ASSETS = [f"A{n:02d}" for n in range(24)]
FIELDS = pa.schema({
    "chunk": pa.int32(), "position": pa.int32(), "date": pa.date32(), "asset_id": pa.list_(pa.string()),
    "cap": pa.list_(pa.float64()), "in_estimation": pa.list_(pa.bool_()), "industry": pa.list_(pa.string()),
    "period_end": pa.list_(pa.date32()), "assets": pa.list_(pa.float64()), "sales": pa.list_(pa.float64()),
})  # fmt: skip


@pytest.fixture(scope="module")
def prices() -> dict[date, pd.DataFrame]:
    """Each date without some company, some cap missing, two names outside the estimation universe."""
    rng, found = np.random.default_rng(2), {}
    for day in CALENDAR:
        caps = np.where(rng.random(24) < 0.05, np.nan, rng.lognormal(5, 1, 24))
        frame = pd.DataFrame({"asset_id": ASSETS, "cap": caps, "in_estimation": np.arange(24) > 1})
        found[day] = frame[rng.random(24) < 0.95]
    return found


@pytest.fixture(scope="module")
def segments() -> pd.DataFrame:
    """Four quarters, the first known before the calendar; one company has no more than an old one, one restates a segment."""
    found = generate_segments([*ASSETS[:-1], "elsewhere"], FIRST - timedelta(days=120))
    old = found[(found["asset_id"] == "A03") & (found["period_end"] == found["period_end"].min())]
    late = old.assign(known_at=CALENDAR[20] - timedelta(days=MAX_AGE), period_end=FIRST - timedelta(days=600))
    restated = found[(found["asset_id"] == "A05") & (found["period_end"] == found["period_end"].max())].iloc[:1]
    restated = restated.assign(known_at=CALENDAR[36], assets=500.0)
    return pd.concat([found[found["asset_id"] != "A03"], late, restated], ignore_index=True)


def packed(frame: pd.DataFrame) -> dict[str, list]:
    columns = {name: frame[name].tolist() for name in frame.columns if name != "known_at"}
    return {name: [None if v is None or v != v else v for v in values] for name, values in columns.items()}  # noqa: PLR0124 - NaN


def chunk_table(number: int, chunk: Chunk, prices, segments) -> pa.Table:
    """What a task gets, in no particular order: here also what its dates are too late for."""
    rows = [{"position": p, "date": CALENDAR[p], **packed(prices[CALENDAR[p]])} for p in range(chunk.first, chunk.last + 1)]
    known = segments[segments["known_at"] <= CALENDAR[chunk.last]]
    rows += [{"position": None, "date": day, **packed(frame)} for day, frame in known.groupby("known_at")]
    order = np.random.default_rng(7).permutation(len(rows))
    return pa.Table.from_pylist([rows[i] | {"chunk": number} for i in order], FIELDS)


def asked(*positions: int) -> list[AsOf]:
    return [AsOf("industry_shares", p, f"h{p}", p) for p in positions or range(len(CALENDAR))]


def shares_in(row: dict) -> dict[tuple[str, str], float]:
    return dict(zip(zip(row["asset_id"], row["industry"], strict=True), row["share"], strict=True))


def assert_as_loops_say(rows: list[dict], prices, segments) -> None:
    for row in rows:
        expected = plain_shares(segments, row["date"], prices[row["date"]])
        assert shares_in(row) == pytest.approx(expected, rel=1e-8), row["date"]
        assert row["n_assets"] == len({asset for asset, _ in expected})
        assert row["priced_industry"] == sorted(row["priced_industry"])
        assert len(row["per_asset"]) == len(row["per_sale"]) == len(row["priced_industry"])


@pytest.mark.parametrize("size", [len(CALENDAR), 7, 1])
def test_chunks_of_any_size_say_what_loops_over_the_source_say(size, prices, segments):
    rows = []
    for number, chunk in enumerate(chunks_of(asked(), size)):
        table = shares_of_chunk(chunk_table(number, chunk, prices, segments), chunk, CALENDAR, max_age=MAX_AGE)
        rows += table.to_pylist()
    assert [row["inputs_hash"] for row in rows] == [f"h{p}" for p in range(len(CALENDAR))]
    assert_as_loops_say(rows, prices, segments)
    by_company = {row["date"]: {asset for asset, _ in shares_in(row)} for row in rows}
    assert "A03" in set().union(*(by_company[day] for day in CALENDAR[:21]))
    assert "A03" not in set().union(*(by_company[day] for day in CALENDAR[21:]))


def test_later_segments_move_nothing_before_them(prices, segments):
    chunk = chunks_of(asked(), len(CALENDAR))[0]
    later = segments.assign(assets=segments["assets"].where(segments["known_at"] < CALENDAR[25], 1.0))
    before, after = (
        shares_of_chunk(chunk_table(0, chunk, prices, frame), chunk, CALENDAR, max_age=MAX_AGE).to_pylist()
        for frame in (segments, later)
    )
    assert before[:25] == after[:25]
    assert before[-1] != after[-1]


def test_dates_before_any_segment_are_rows_without_shares(prices, segments):
    none = segments[segments["known_at"] > CALENDAR[-1]]
    chunk = chunks_of(asked(3), 8)[0]
    row = shares_of_chunk(chunk_table(0, chunk, prices, none), chunk, CALENDAR, max_age=MAX_AGE).to_pylist()[0]
    assert row["n_assets"] == 0
    assert [row[name] for name in ("asset_id", "industry", "share", "priced_industry", "unpriced")] == [[]] * 5


@pytest.mark.jvm
def test_spark_sends_each_chunk_the_segments_that_count_on_its_dates(spark, prices, segments):
    rows = [(day, *(packed(frame)[name] for name in ("asset_id", "cap", "in_estimation"))) for day, frame in prices.items()]
    of_dates = spark.createDataFrame(rows, "date date, asset_id array<string>, cap array<double>, in_estimation array<boolean>")
    schema = "asset_id string, industry string, known_at date, period_end date, assets double, sales double"
    cells = [[None if v != v else v for v in row] for row in segments.itertuples(index=False, name=None)]  # noqa: PLR0124 - NaN
    chunks = chunks_of(asked(), 13)
    found = compute_industry_shares(of_dates, spark.createDataFrame(cells, schema), CALENDAR, chunks, max_age=MAX_AGE)
    assert_as_loops_say(sorted(found.toArrow().to_pylist(), key=lambda row: row["date"]), prices, segments)
