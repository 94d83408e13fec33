"""Shares of revenue of chunks of days, from rows in any order: as loops over the source say them."""

from datetime import date

import pyarrow as pa
import pytest

from plain_revenues import generate_revenues, plain_revenue_shares
from sigmalake.tables.descriptors import REVENUE_SHARES
from sigmalake.tasks.chunks import AsOf, chunks_of
from sigmalake.tasks.revenue_shares import REVENUES, ComputeRevenueShares

MAX_AGE = 100
SOURCE = generate_revenues([f"A{n:02d}" for n in range(12)], date(2023, 12, 31))
DAYS = sorted(SOURCE["known_at"].unique())


@pytest.mark.parametrize("size", [len(DAYS), 5])
def test_chunks_of_any_size_say_what_loops_over_the_source_say(size):
    chunks = chunks_of([AsOf("revenue_shares", at, f"h{at}", at) for at in range(len(DAYS))], size)
    task, rows = ComputeRevenueShares(DAYS, chunks, MAX_AGE), []
    for part in range(task.n_parts):
        known = SOURCE[SOURCE["known_at"] <= task.dates(part)[REVENUES][-1]].sample(frac=1, random_state=1)
        given = pa.Table.from_pandas(known.rename(columns={"country": "level"}), preserve_index=False)
        found = task(part, {REVENUES: given.select(task.columns[REVENUES])})
        assert found.schema == REVENUE_SHARES.arrow_schema()
        rows += found.to_pylist()
    assert [(row["date"], row["inputs_hash"]) for row in rows] == [(day, f"h{at}") for at, day in enumerate(DAYS)]
    for row in rows:
        expected = plain_revenue_shares(SOURCE, row["date"], MAX_AGE)
        keys = list(zip(row["asset_id"], row["level"], strict=True))
        assert keys == sorted(expected)
        assert dict(zip(keys, row["share"], strict=True)) == pytest.approx(expected, rel=1e-14)
        assert row["n_assets"] == len({asset for asset, _ in expected})
        assert all(until >= row["date"] for until in row["until"])
