"""`sigmalake maintain`: what no kept release reads goes, and every kept release gives the same answers."""

import json
import os
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from released import assert_same_release, rows_of_release

from lakes import rows_of
from sigmalake.errors import ConfigError, InfrastructureError, MissingRiskError
from sigmalake.lake.books import release_ledger
from sigmalake.lake.data_files import ROWS_A_GROUP
from sigmalake.lake.log import MAINTAIN, open_table
from sigmalake.lake.upkeep import compaction
from sigmalake.lake.upkeep.files import files_of_version
from sigmalake.lake.upkeep.places import Place
from sigmalake.reader.open_release import open_release
from sigmalake.stages.context import recorded
from sigmalake.stages.upkeep.maintain import maintain_lake, plan_upkeep
from sigmalake.tables.catalogue import ALL_TABLES
from sigmalake.tables.long import SPECIFIC_RETURNS
from sigmalake.tables.packed import CROSS_SECTIONS


def ids(model):
    return [release.release_id for release in release_ledger(model.context().lake).releases]


def maintained(model):
    return maintain_lake(model.context())


def files(lake: Path) -> set[str]:
    return {str(path.relative_to(lake)) for path in lake.rglob("*.parquet") if "_delta_log" not in path.parts}


def test_every_release_is_kept_by_default_and_says_what_it_said(model):
    before = {name: rows_of_release(model.lake_folder, name) for name in ids(model)}
    upkeep, _ = maintained(model)
    assert upkeep.kept == list(before)
    assert not upkeep.trimmed
    for name, rows in before.items():
        assert_same_release(rows_of_release(model.lake_folder, name), rows)


def test_small_files_are_written_together_without_a_changed_element(model):
    before = {table.name: rows_of(model.lake_folder, table) for table in ALL_TABLES}
    upkeep, _ = maintained(model)
    written = {its.name for its in upkeep.tables if its.compacted}
    assert {"cross_sections", "factor_returns", "specific_returns", "runs"} <= written
    for table in ALL_TABLES:
        after = rows_of(model.lake_folder, table)
        assert after is before[table.name] is None or after.equals(before[table.name]), table.name


def test_a_packed_table_keeps_sixteen_dates_a_row_group_in_the_order_of_dates(model):
    maintained(model)
    log = open_table(str(model.lake_folder / CROSS_SECTIONS.name))
    assert len(log.file_uris()) == 1
    file = pq.ParquetFile(log.file_uris()[0].removeprefix("file://"))
    groups = [file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)]
    assert max(groups) <= ROWS_A_GROUP
    dates = file.read(["date"]).column(0).to_pylist()
    assert dates == sorted(dates)


def test_what_is_written_together_is_no_larger_than_a_file(model, monkeypatch):
    before = rows_of(model.lake_folder, SPECIFIC_RETURNS)
    n_files = len(files_of_version(str(model.lake_folder / SPECIFIC_RETURNS.name), None))
    monkeypatch.setattr(
        compaction, "GROUP_BYTES", before.nbytes // 15
    )  # three dates; the first file has forty, the others one each
    monkeypatch.setattr(compaction, "LEAST_FILES", 2)
    maintained(model)
    assert rows_of(model.lake_folder, SPECIFIC_RETURNS).equals(before)
    after = files_of_version(str(model.lake_folder / SPECIFIC_RETURNS.name), None)
    assert 1 < len(after) < n_files


def test_a_run_after_it_finds_nothing_to_do(model):
    model.run()
    recorded(model.context(), MAINTAIN, lambda: maintained(model)[1])
    before = model.versions()
    assert not any(model.plan().values())
    model.run()
    assert model.versions() == before


def test_twice_is_once(model):
    context = model.context()
    recorded(context, MAINTAIN, lambda: maintain_lake(context)[1])
    before = model.versions()
    upkeep, outcome = maintained(model)
    assert outcome is None
    assert not upkeep.work
    assert model.versions() == before


def test_a_day_after_it_equals_a_day_without_it(model, six_releases, tmp_path):
    other = six_releases.copied_to(tmp_path / "other")
    recorded(model.context(), MAINTAIN, lambda: maintained(model)[1])
    days = sorted(model.market.panel["date"].unique())
    for one in (model, other):
        one.write(model.market.panel[model.market.panel["date"] <= days[46]]).run()
    one, two = (open_release(its.lake_folder).release_id for its in (model, other))
    assert one == two
    assert_same_release(rows_of_release(model.lake_folder, one), rows_of_release(other.lake_folder, two))


@pytest.mark.parametrize(
    ("retention", "kept"),
    [
        ({"last": 2}, [4, 5]),
        ({"monthly": True}, [5]),
        ({"last": 1, "releases": [0, 2]}, [0, 2, 5]),
        ({"releases": [1]}, [1, 5]),
    ],
)
def test_what_the_retention_does_not_keep_is_trimmed_and_says_so(model, retention, kept):
    named = ids(model)
    if "releases" in retention:
        retention = {**retention, "releases": [named[n] for n in retention["releases"]]}
    model.body["retention"] |= retention
    before = {named[n]: rows_of_release(model.lake_folder, named[n]) for n in kept}
    stored = files(model.lake_folder)
    upkeep, _ = maintained(model)
    assert upkeep.kept == [named[n] for n in kept]
    assert upkeep.trimmed == [name for name in named if name not in before]
    assert stored - files(model.lake_folder)
    for name in named:
        if name in before:
            assert_same_release(rows_of_release(model.lake_folder, name), before[name])
        else:
            with pytest.raises(
                MissingRiskError, match=f"release {name} was trimmed on .* its files are no longer kept; open {named[5]}"
            ):
                open_release(model.lake_folder, name)


def test_only_files_of_kept_versions_are_left(model):
    model.body["retention"] |= {"last": 1}
    maintained(model)
    last = open_release(model.lake_folder)
    needed = set()
    for table in ALL_TABLES:
        for version in {None, last.tables.get(table.name)}:
            if (log := open_table(str(model.lake_folder / table.name), version)) is not None:
                needed |= {f"{table.name}/{uri.rpartition('/')[2]}" for uri in log.file_uris()}
    assert files(model.lake_folder) == needed


def test_orphans_of_killed_writers_go_and_young_files_stay(model):
    folder = model.lake_folder / "panel"
    old, young = folder / "part-00000-old.snappy.parquet", folder / "part-00000-young.snappy.parquet"
    torn, staged = folder / "_delta_log" / "_commit_ab.json.tmp", folder / "part-00000-x.snappy.parquet#1"
    checksum = folder / ".part-00000-old.snappy.parquet.crc"
    for path in (old, young, torn, staged, checksum):
        path.write_bytes(b"cut off")
    for path in (old, torn, staged, checksum):
        os.utime(path, (time.time() - 30 * 3600,) * 2)
    model.body["retention"] = {"hours": 24}
    upkeep, _ = maintained(model)
    assert [path.exists() for path in (old, young, torn, staged, checksum)] == [False, True, False, False, False]
    assert sum(its.removed.files for its in upkeep.tables) == 2


def test_what_was_replaced_a_moment_ago_stays_for_those_who_read_it(model):
    """The files are old, the commits that took them out of the newest version are not."""
    for path in model.lake_folder.rglob("*.parquet"):
        os.utime(path, (time.time() - 100 * 3600,) * 2)
    model.body["retention"] = {"hours": 24, "last": 1}
    before = files(model.lake_folder)
    maintained(model)
    assert before <= files(model.lake_folder)


def test_a_dry_run_writes_nothing_and_says_what_would_go(model):
    model.body["retention"] |= {"last": 2}
    before, stored = model.versions(), files(model.lake_folder)
    planned = plan_upkeep(model.context())
    assert (model.versions(), files(model.lake_folder)) == (before, stored)
    done, _ = maintained(model)
    assert planned.trimmed == done.trimmed
    assert [(its.name, its.compacted) for its in planned.tables] == [
        (its.name, its.compacted) for its in done.tables if its.name != "release_withdrawals"
    ]


def test_a_withdrawn_release_is_trimmed_and_the_last_that_stands_is_kept(model):
    from sigmalake.stages.upkeep.withdraw import withdraw

    named = ids(model)
    last = withdraw(model.context(), named[5], "a return was wrong")
    assert last.release_id == named[4]
    model.body["retention"] |= {"last": 1}
    upkeep, _ = maintained(model)
    assert upkeep.kept == [named[4]]
    assert open_release(model.lake_folder).release_id == named[4]


class Killed(BaseException):
    """Stands for SIGKILL: nothing of the program catches it."""


@pytest.mark.parametrize("step", (0, 2, 9, 20))
def test_killed_at_any_step_it_leaves_every_kept_release_whole(model, monkeypatch, step):
    model.body["retention"] |= {"last": 2}
    named = ids(model)
    before = {name: rows_of_release(model.lake_folder, name) for name in named[4:]}
    steps = iter(range(1000))

    def dying(function):
        def wrapped(*args, **kwargs):
            if next(steps) == step:
                raise Killed
            return function(*args, **kwargs)

        return wrapped

    monkeypatch.setattr(Place, "delete", dying(Place.delete))
    monkeypatch.setattr(compaction, "commit_files", dying(compaction.commit_files))
    with pytest.raises(Killed):
        maintained(model)
    monkeypatch.undo()
    for name, rows in before.items():
        assert_same_release(rows_of_release(model.lake_folder, name), rows)
    assert not any(model.plan().values())
    upkeep, _ = maintained(model)
    assert upkeep.kept == named[4:]
    for name, rows in before.items():
        assert_same_release(rows_of_release(model.lake_folder, name), rows)


def test_a_retention_that_names_an_unknown_release_stops_before_anything_goes(model):
    model.body["retention"] |= {"releases": ["2001-01-01.1"]}
    stored = files(model.lake_folder)
    with pytest.raises(ConfigError, match=r"retention.releases names 2001-01-01.1, which the lake does not keep; it keeps "):
        maintained(model)
    assert files(model.lake_folder) == stored


def test_a_table_that_is_another_one_than_was_released_stops_it(model):
    import shutil

    shutil.rmtree(model.lake_folder / "cross_sections")
    model.context().lake.create(CROSS_SECTIONS)
    with pytest.raises(InfrastructureError, match=r"reads cross_sections at version \d+, and the table ends at version 0"):
        maintained(model)


def test_the_log_says_that_the_rows_are_the_same(model):
    maintained(model)
    newest = model.context().lake.commits(CROSS_SECTIONS, None)[-1]
    assert newest.keeps_rows
    assert newest.ranges == ()
    said = json.loads(open_table(str(model.lake_folder / "cross_sections")).history(1)[0]["userMetadata"])
    assert said["stage"] == "maintain"
    assert said["run_id"]
