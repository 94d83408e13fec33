"""What was rejected, counted from the table, and which of its rows a run of ingest replaces."""

from datetime import date

import pytest

from plain_lake import append
from sigmalake.lake.folder import FolderTables
from sigmalake.lake.lake import Lake
from sigmalake.stages.sources.ingest_account import _rejected_predicate
from sigmalake.stages.sources.panel_sources import PanelSources
from sigmalake.stages.sources.rejected import count_rejected, rejected_dates
from sigmalake.tables.records import REJECTED_ROWS
from sigmalake.tasks.sources.fingerprints import DateFingerprint

MONDAY, TUESDAY, FRIDAY = (date(2024, 1, day) for day in (1, 2, 5))
ROWS = [  # source, hash, copy, column, date, source rows
    ("exposures", "A", 1, "size", MONDAY, 4),
    ("exposures", "A", 1, "beta", MONDAY, 4),  # another problem of the same row
    ("exposures", "A", 2, "key", MONDAY, 4),
    ("exposures", "B", 1, "size", FRIDAY, 1),
    ("returns", "C", 1, "ret", TUESDAY, 1),
    ("prices", "D", 1, "date", None, 1),
]


@pytest.fixture
def lake(tmp_path):
    names = ("source", "row_hash", "copy", "column", "date", "source_rows")
    append(tmp_path / "lake", REJECTED_ROWS, [{**dict(zip(names, row, strict=True)), "reason": "missing"} for row in ROWS])
    return Lake(FolderTables(str(tmp_path / "lake")))


def test_a_row_counts_once_however_many_problems_it_has(lake):
    assert count_rejected(lake, {"exposures": {MONDAY, TUESDAY}, "returns": {MONDAY}}) == {
        ("exposures", MONDAY): 8,
        ("prices", None): 1,
    }
    assert count_rejected(lake, {"exposures": {FRIDAY}})["exposures", FRIDAY] == 1


def test_the_dates_of_what_was_rejected(lake):
    assert rejected_dates(lake) == {"exposures": {MONDAY, FRIDAY}, "returns": {TUESDAY}, "prices": {None}}
    assert rejected_dates(Lake(FolderTables(f"{lake.root}/none"))) == {}


def test_rows_of_dates_and_sources_that_are_no_more_are_replaced(lake):
    found, names = {"exposures": {FRIDAY: DateFingerprint(1, 1, "")}}, {"exposures": "panel.exposures"}
    sources = PanelSources({}, {}, names, {}, found, countable=True, cap_rates={})
    stale = {**rejected_dates(lake), "panel.exposures": {MONDAY}}
    assert _rejected_predicate(sources, {"exposures": {FRIDAY}}, stale, others=["prices"]).split(" OR ") == [
        "(date IS NULL AND source NOT IN ('prices', 'fundamentals', 'segments', 'revenues', 'books'))",
        "source IN ('exposures', 'returns')",
        "(source = 'panel.exposures' AND ((date >= DATE'2024-01-01' AND date <= DATE'2024-01-05')))",
    ]
    assert "source IN ('exposures', 'prices', 'returns')" in _rejected_predicate(sources, {"exposures": {FRIDAY}}, stale, [])
