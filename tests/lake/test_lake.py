"""What a lake tells from its logs alone."""

from datetime import date

import pytest
from deltalake import DeltaTable

from plain_lake import append, create
from sigmalake.lake import folder as module
from sigmalake.lake.dates import DateRange
from sigmalake.lake.folder import FolderTables
from sigmalake.lake.lake import Lake
from sigmalake.stages.queries.status import status
from sigmalake.tables.long import ASSET_COVARIANCE, SPECIFIC_RETURNS
from sigmalake.tables.packed import CROSS_SECTIONS
from sigmalake.tables.records import REJECTED_ROWS, RUNS

MONDAY, TUESDAY, FRIDAY = (date(2024, 1, day) for day in (1, 2, 5))


def rows(*days):
    plain = {"source": "prices", "row_hash": "A", "copy": 1, "column": "ret", "reason": "missing", "source_rows": 1}
    return [{**plain, "date": day} for day in days]


@pytest.fixture
def lake(tmp_path):
    return Lake(FolderTables(str(tmp_path / "lake")))


def test_the_span_of_a_table_is_told_without_reading_a_row(lake, monkeypatch):
    create(lake.root, REJECTED_ROWS)
    assert lake.span(REJECTED_ROWS) is None
    for days in ([None], [TUESDAY, FRIDAY], [MONDAY, None]):
        append(lake.root, REJECTED_ROWS, rows(*days))
    append(lake.root, RUNS, [])
    monkeypatch.setattr(module, "read_columns", lambda table, *_: pytest.fail(table.table_uri))
    assert lake.span(REJECTED_ROWS) == DateRange(MONDAY, FRIDAY)
    assert lake.span(RUNS) is None


def test_the_span_of_files_without_statistics_is_read(lake):
    create(lake.root, REJECTED_ROWS)
    DeltaTable(f"{lake.root}/rejected_rows").alter.set_table_properties({"delta.dataSkippingStatsColumns": "source"})
    append(lake.root, REJECTED_ROWS, rows(MONDAY, None, FRIDAY))
    assert lake.span(REJECTED_ROWS) == DateRange(MONDAY, FRIDAY)


def test_the_status_shows_the_first_and_the_last_date(lake):
    append(lake.root, REJECTED_ROWS, rows(TUESDAY, FRIDAY, None))
    shown = status(lake).tables[0]
    assert (shown.name, shown.rows_from, shown.rows_to) == ("rejected_rows", "2024-01-02", "2024-01-05")


def test_columns_of_some_dates_are_of_these_and_of_rows_without_one(lake):
    append(lake.root, REJECTED_ROWS, rows(MONDAY, TUESDAY, FRIDAY, None))
    found = lake.columns(REJECTED_ROWS, ["date"], DateRange(TUESDAY, TUESDAY)).column("date").to_pylist()
    assert found == [TUESDAY, None]


def test_a_long_table_keeps_minima_of_dates_and_variants_not_of_the_assets_that_every_file_holds():
    assert SPECIFIC_RETURNS.key_for_skipping() == ["date"]
    assert ASSET_COVARIANCE.key_for_skipping() == ["variant", "date"]
    assert "inputs_hash" in CROSS_SECTIONS.key_for_skipping()
    assert "row_hash" in REJECTED_ROWS.key_for_skipping()
