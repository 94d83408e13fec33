"""What a row's hash tells apart."""

import pytest

from sigmalake.config.sources import PriceSource
from sigmalake.engines.spark.sources.checked_sources import price_half

pytestmark = pytest.mark.jvm

COLUMNS = {"cap": "cap", "traded_value": "traded"}
ROWS = [  # date, asset, ret, cap, traded
    ("2024-01-02", "A", 0.1, 5.0, None),
    ("2024-01-02", "A", 0.1, None, 5.0),
    ("2024-01-02", "A", None, None, 5.0),
    ("2024-01-02", None, 0.1, 5.0, None),
    (None, "2024-01-02", 0.1, 5.0, None),
]


def test_a_value_that_moves_to_the_column_beside_it_is_another_row(spark):
    frame = spark.createDataFrame(ROWS, "date string, asset_id string, ret double, cap double, traded double")
    rows = price_half(frame, PriceSource(path="/no", columns=COLUMNS)).rows.select("row_hash").collect()
    assert len({row["row_hash"] for row in rows}) == len(ROWS)
