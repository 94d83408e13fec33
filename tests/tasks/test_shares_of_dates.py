"""Industry shares of a chunk of dates, from packed rows: as plain loops over the source say them, whatever the chunks."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from plain_segments import MAX_AGE, generate_segments, plain_shares
from sigmalake.tables.descriptors import INDUSTRY_SHARES, PRICES
from sigmalake.tasks.chunks import AsOf, Chunk, chunks_of
from sigmalake.tasks.industry_shares import PRICE_ROWS, SEGMENTS, ComputeIndustryShares

FIRST = date(2024, 1, 1)
CALENDAR = [FIRST + timedelta(days=7 * week) for week in range(40)]
ASSETS = [f"A{n:02d}" for n in range(24)]


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


@pytest.fixture(scope="module")
def loops(prices, segments) -> dict[date, dict[tuple[str, str], float]]:
    return {day: plain_shares(segments, day, prices[day]) for day in CALENDAR}


def packed(frame: pd.DataFrame) -> dict[str, list]:
    columns = {name: frame[name].tolist() for name in frame.columns if name != "known_at"}
    return {name: [None if v is None or v != v else v for v in values] for name, values in columns.items()}  # noqa: PLR0124 - NaN


def computed(chunk: Chunk, prices, segments) -> list[dict]:
    """From rows in no particular order: here also of other dates, and of segments that the dates are too late for."""
    task = ComputeIndustryShares(CALENDAR, [chunk], MAX_AGE)
    order = np.random.default_rng(7).permutation(len(CALENDAR))
    rows = [{"date": CALENDAR[p], **packed(prices[CALENDAR[p]])} for p in order]
    given = {PRICE_ROWS: pa.Table.from_pylist(rows, PRICES.arrow_schema())}
    known = segments[segments["known_at"] <= task.dates(0)[SEGMENTS][-1]]
    given[SEGMENTS] = pa.Table.from_pandas(known.sample(frac=1, random_state=1), preserve_index=False)
    found = task(0, {role: table.select(task.columns[role]) for role, table in given.items()})
    assert found.schema == INDUSTRY_SHARES.arrow_schema()
    return found.to_pylist()


def asked(*positions: int) -> list[AsOf]:
    return [AsOf("industry_shares", p, f"h{p}", p) for p in positions or range(len(CALENDAR))]


def shares_in(row: dict) -> dict[tuple[str, str], float]:
    return dict(zip(zip(row["asset_id"], row["industry"], strict=True), row["share"], strict=True))


def assert_as_loops_say(rows: list[dict], loops) -> None:
    for row in rows:
        expected = loops[row["date"]]
        assert shares_in(row) == pytest.approx(expected, rel=1e-8), row["date"]
        assert row["n_assets"] == len({asset for asset, _ in expected})
        assert row["priced_industry"] == sorted(row["priced_industry"])
        assert len(row["per_asset"]) == len(row["per_sale"]) == len(row["priced_industry"])


@pytest.mark.parametrize("size", [len(CALENDAR), 7, 1])
def test_chunks_of_any_size_say_what_loops_over_the_source_say(size, prices, segments, loops):
    rows = []
    for chunk in chunks_of(asked(), size):
        rows += computed(chunk, prices, segments)
    assert [row["inputs_hash"] for row in rows] == [f"h{p}" for p in range(len(CALENDAR))]
    assert_as_loops_say(rows, loops)
    by_company = {row["date"]: {asset for asset, _ in shares_in(row)} for row in rows}
    assert "A03" in set().union(*(by_company[day] for day in CALENDAR[:21]))
    assert "A03" not in set().union(*(by_company[day] for day in CALENDAR[21:]))


def test_later_segments_move_nothing_before_them(prices, segments):
    chunk = chunks_of(asked(), len(CALENDAR))[0]
    later = segments.assign(assets=segments["assets"].where(segments["known_at"] < CALENDAR[25], 1.0))
    before, after = (computed(chunk, prices, frame) for frame in (segments, later))
    assert before[:25] == after[:25]
    assert before[-1] != after[-1]


def test_dates_before_any_segment_are_rows_without_shares(prices, segments):
    late = segments.assign(known_at=CALENDAR[2], period_end=FIRST - timedelta(days=600)).iloc[:1]
    row = computed(chunks_of(asked(1, 3), 8)[0], prices, late)[0]
    assert row["n_assets"] == 0
    assert [row[name] for name in ("asset_id", "industry", "share", "priced_industry", "unpriced")] == [[]] * 5
