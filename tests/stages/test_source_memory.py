"""What is remembered of the files of a source, and when it is not believed."""

from datetime import date
from pathlib import Path

import pytest

from plain_lake import append
from sigmalake.config.model import Config
from sigmalake.engines.spark.sources.fingerprint import FilePrint
from sigmalake.lake.folder import FolderTables
from sigmalake.lake.lake import Lake
from sigmalake.lake.source_files import source_files
from sigmalake.stages.sources import source_memory
from sigmalake.stages.sources.panel_sources import _recall
from sigmalake.stages.sources.source_memory import Source, remember
from sigmalake.tables.records import SOURCE_PRINTS

HALVES = {"exposures": None, "returns": None}
DAYS = [date(2024, 1, day) for day in (2, 3)]


class Written:
    """Stands for a lake that is written to: which rows, beside the others or in the place of which."""

    spark = type("Session", (), {"createDataFrame": staticmethod(lambda rows, _schema: rows)})

    def append(self, _table, rows, _stage):
        self.rows, self.replaced = rows, None

    def replace_rows(self, _table, rows, _stage, predicate):
        self.rows, self.replaced = rows, predicate


@pytest.fixture
def config(tmp_path):
    (tmp_path / "parts").mkdir()
    for number in range(2):
        (tmp_path / "parts" / f"{number}.parquet").write_bytes(b"rows")
    panel = {"path": str(tmp_path / "parts")}
    body = {"model": "m", "lake": str(tmp_path / "lake"), "sources": {"panel": panel}, "factors": [{"market": "market"}]}
    return Config.model_validate({**body, "regression": {"weights": "equal"}})


def recall(config, *, verify=False):
    return _recall(None, config, Lake(FolderTables(config.lake)), HALVES, verify=verify)


def keep(config, memory, times=1):
    """Both files hold both dates."""
    prints = [
        {"source": half, "key": memory.key, "state": file.state, "file": f"file://{file.path}", "date": day,
         "rows": 3, "rejected": 0, "high": 1, "low": 2}
        for half in HALVES for file in source_files(config.sources.panel, "date") for day in DAYS
    ]  # fmt: skip
    append(Path(config.lake), SOURCE_PRINTS, prints * times)


def remembered(memory, prints):
    lake, by_file = Written(), dict.fromkeys(HALVES, prints)
    remember(lake, [Source(HALVES, memory)], by_file, "ingest")
    return lake


def test_files_that_have_not_changed_are_known(config):
    keep(config, recall(config))
    memory = recall(config)
    assert len(memory.known_files) == 2
    assert not memory.forgotten


def test_what_is_verified_takes_the_place_of_what_was_remembered(config):
    keep(config, recall(config))
    memory = recall(config, verify=True)
    assert memory.known_files == []
    read = [FilePrint(f"file://{path}", day, 3, 0, 1, 2, []) for path in memory.files for day in DAYS]
    lake = remembered(memory, read)
    assert lake.replaced == "(source IN ('exposures', 'returns'))"
    assert len(lake.rows) == len(HALVES) * len(read)


def test_a_source_of_too_many_prints_is_not_remembered(config, monkeypatch):
    monkeypatch.setattr(source_memory, "MOST_REMEMBERED", 1)
    keep(config, recall(config))
    memory = recall(config, verify=True)
    lake = remembered(memory, [FilePrint(f"file://{path}", day, 3, 0, 1, 2, []) for path in memory.files for day in DAYS])
    assert not hasattr(lake, "rows")


def test_prints_that_are_stored_twice_are_not_believed(config):
    keep(config, recall(config), times=2)
    memory = recall(config)
    assert memory.known_files == []
    assert memory.forgotten
