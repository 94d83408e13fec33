"""What a run reads does not grow with the number of runs before it: counted in files of the ledger, not in seconds."""

from datetime import date
from types import SimpleNamespace

import pyarrow as pa

from declared_rows import full_row
from sigmalake.demo.market import generate_market
from sigmalake.lake.books import all_releases
from sigmalake.lake.dates import DateRange
from sigmalake.lake.delta_rs import write_rows
from sigmalake.lake.folder import FolderTables
from sigmalake.lake.log import open_table
from sigmalake.lake.upkeep import compaction
from sigmalake.stages.queries.check import check
from sigmalake.stages.upkeep import small_files
from sigmalake.tables.packed import CROSS_SECTIONS, PANEL, RISK_MODELS
from sigmalake.tables.records import RELEASE_CONTENTS, RELEASES, RUNS
from small_model import WINDOWS, make_model

N_DAYS, MOST, MOST_SMALL = 5, 8, 4
STAGES = 7  # a row of `runs` each, at the most


def test_a_ledger_that_outgrew_one_file_still_has_its_small_ones_written_together(tmp_path, monkeypatch):
    monkeypatch.setattr(compaction, "GROUP_BYTES", 1000)
    location = str(tmp_path / RELEASE_CONTENTS.name)
    row = full_row(RELEASE_CONTENTS)
    for number, n_rows in enumerate((40, 40, 1, 1, 1, 1)):
        rows = pa.Table.from_pylist([row | {"sequence": number}] * n_rows, RELEASE_CONTENTS.arrow_schema())
        write_rows(location, RELEASE_CONTENTS, rows, predicate=None, commit_metadata="{}")
    (group,) = compaction.groups_to_compact(RELEASE_CONTENTS, open_table(location))
    assert [file.rows for file in group.files] == [1, 1, 1, 1]


def test_small_files_are_not_joined_across_a_large_one(monkeypatch):
    def file(first, last, rows):
        return compaction.StoredRows(f"{first}-{last}", rows, rows, DateRange(first, last))

    restated = [file(date(2015, 3, day), date(2015, 3, day), 1) for day in (2, 3)]
    daily = [file(date(2024, 1, day), date(2024, 1, day), 1) for day in range(1, 17)]
    stored = [file(date(2015, 1, 1), date(2023, 12, 29), 2000), *restated, *daily]
    monkeypatch.setattr(compaction, "_stored_files", lambda *_: stored)
    monkeypatch.setattr(compaction, "_row_width", lambda *_: 1.0)
    log = SimpleNamespace(schema=lambda: SimpleNamespace(fields=[SimpleNamespace(name=name) for name in PANEL.column_names]))
    (group,) = compaction.groups_to_compact(PANEL, log, most_times=4)
    assert set(group.files) == set(daily)


def test_files_that_every_run_reads_stay_few_however_many_runs_there_were(tmp_path, monkeypatch):
    monkeypatch.setattr(small_files, "MOST_FILES", MOST)
    monkeypatch.setattr(small_files, "MOST_SMALL_FILES", MOST_SMALL)
    market = generate_market(n_assets=12, n_dates=36, n_industries=2, n_styles=1, seed=5)
    model = make_model(market, tmp_path)
    model.body |= {"risk": {"short": WINDOWS["short"]}, "covariance": None}
    days = sorted(market.panel["date"].unique())
    files = {RUNS: [], RELEASES: [], RELEASE_CONTENTS: [], CROSS_SECTIONS: [], RISK_MODELS: []}
    for newest in days[-N_DAYS:]:
        model.write(market.panel[market.panel["date"] <= newest]).run()
        tables = FolderTables(str(model.lake_folder))
        for table, counts in files.items():
            counts.append(tables.size(table)[0])
    assert max(files[RUNS]) < MOST + STAGES
    assert len(model.rows(RUNS)) > 1.5 * (MOST + STAGES), "without it there would be as many files"
    assert files[RELEASES] == [1, 2, 3, 4, 5]
    assert files[CROSS_SECTIONS] == files[RISK_MODELS] == [1, 2, 3, MOST_SMALL, 2]
    lake = model.context().lake
    assert len(all_releases(lake)) == N_DAYS
    assert not check(lake, model.config).problems
    assert not any(model.plan().values())
    model.run()
    assert len(all_releases(model.context().lake)) == N_DAYS
