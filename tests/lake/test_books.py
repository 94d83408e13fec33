"""What the books say of tables that were settled, and of those that have gone since."""

import shutil
from datetime import UTC, date, datetime, timedelta

import pytest
from deltalake import CommitProperties, DeltaTable

from plain_lake import append, create
from sigmalake.lake.books import settled_versions, unsettled_ranges
from sigmalake.lake.dates import DateRange
from sigmalake.lake.folder import FolderTables
from sigmalake.lake.lake import Lake
from sigmalake.lake.log import Seen, commit_metadata
from sigmalake.tables.long import EXPOSURE_STABILITY, FACTOR_RETURNS
from sigmalake.tables.packed import CROSS_SECTIONS
from sigmalake.tables.records import RUNS

WEEK = DateRange(date(2024, 1, 1), date(2024, 1, 5))
DAY = DateRange(date(2024, 1, 8), date(2024, 1, 8))


@pytest.fixture
def lake(tmp_path):
    return Lake(FolderTables(str(tmp_path / "lake")))


def write(lake, dates):
    """A commit to `cross_sections` that says it replaced these dates."""
    where = f"{lake.root}/{CROSS_SECTIONS.name}"
    if not DeltaTable.is_deltatable(where):
        create(lake.root, CROSS_SECTIONS)
    said = CommitProperties(custom_metadata={"userMetadata": commit_metadata("run", "regress", 1, "-", [dates], "spark")})
    DeltaTable(where).alter.set_table_properties({"delta.appendOnly": "false"}, commit_properties=said)


def done(lake, after=timedelta(), status="done", **versions):
    run = {
        "run_id": "run", "stage": "regress", "started_at": datetime.now(UTC), "finished_at": datetime.now(UTC) + after,
        "status": status, "config_hash": "-", "config": "-", "code_version": "-", "table_versions": list(versions.items()),
        "seconds": 1.0,
    }  # fmt: skip
    append(lake.root, RUNS, [run])


def unsettled(lake):
    return unsettled_ranges(lake, "regress", CROSS_SECTIONS)


def test_what_was_written_since_the_last_run_that_was_done_is_unsettled(lake):
    write(lake, WEEK)
    assert unsettled(lake) == [WEEK]
    done(lake, cross_sections=lake.version(CROSS_SECTIONS))
    assert unsettled(lake) == []
    write(lake, DAY)
    done(lake, timedelta(seconds=1), status="failed", cross_sections=lake.version(CROSS_SECTIONS))
    assert unsettled(lake) == [DAY]


def test_a_run_that_was_done_with_one_table_unsettles_no_other(lake):
    write(lake, WEEK)
    settled = lake.version(CROSS_SECTIONS)
    done(lake, cross_sections=settled, factor_returns=3)
    done(lake, timedelta(seconds=1), exposure_stability=7)
    found = {name: seen.version for name, seen in settled_versions(lake, "regress").items()}
    assert found == {CROSS_SECTIONS.name: settled, FACTOR_RETURNS.name: 3, EXPOSURE_STABILITY.name: 7}
    assert unsettled(lake) == []


@pytest.mark.parametrize("commits", [1, 2, 5], ids=["fewer versions", "as many versions", "more versions"])
def test_nothing_of_a_table_made_anew_is_settled(lake, commits):
    for _ in range(2):
        write(lake, WEEK)
    done(lake, cross_sections=lake.version(CROSS_SECTIONS))
    shutil.rmtree(f"{lake.root}/{CROSS_SECTIONS.name}")
    for _ in range(commits):
        write(lake, DAY)
    assert unsettled(lake) == [DAY] * commits


def test_a_table_whose_id_was_not_noted_is_another_where_it_is_younger_or_has_not_come_so_far():
    noon = datetime(2024, 1, 1, 12, tzinfo=UTC)
    seen = Seen(5, noon)
    assert seen.is_of(5, "id", noon)
    assert seen.is_of(6, "id", None)
    assert not seen.is_of(4, "id", noon)
    assert not seen.is_of(6, "id", noon + timedelta(milliseconds=1))


def test_a_table_is_told_by_its_id_whatever_clocks_say():
    noon = datetime(2024, 1, 1, 12, tzinfo=UTC)
    seen = Seen(5, noon, "id")
    assert seen.is_of(5, "id", noon + timedelta(hours=2))
    assert not seen.is_of(6, "another", noon)
    assert not seen.is_of(4, "id", noon)
