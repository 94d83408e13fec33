"""What is remembered of the files of a source, and when it is not believed."""

from datetime import date
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pytest

from plain_lake import append
from sigmalake.config.model import Config
from sigmalake.lake.folder import FolderTables
from sigmalake.lake.lake import Lake
from sigmalake.sources.files import list_files
from sigmalake.sources.opened import OpenedSource
from sigmalake.stages.sources import source_memory
from sigmalake.stages.sources.source_memory import recall, remember
from sigmalake.tables.records import SOURCE_PRINTS
from sigmalake.tasks.sources.fingerprints import FileFingerprint

SIDES = ("exposures", "returns")
DAYS = [date(2024, 1, day) for day in (2, 3)]


class Written:
    """Stands for a lake that is written to: which rows, beside the others or in the place of which."""

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


def recalled(config, *, key="rules", verify=False):
    place = config.sources.panel
    opened = OpenedSource("panel", place.where, (), "date", gathered=False, files=tuple(list_files("panel", place, "date")))
    return recall(Lake(FolderTables(config.lake)), opened, key, SIDES, verify=verify)


def of_files(memory) -> list[FileFingerprint]:
    """Both files hold both dates."""
    return [FileFingerprint(path, day, 3, 0, 1, 2, []) for path in memory.states for day in DAYS]


def keep(config, memory, times=1):
    rows = [
        {"source": side, "key": memory.key, "state": memory.states[found.file], **found._asdict()}
        for side in SIDES for found in of_files(memory)
    ]  # fmt: skip
    append(Path(config.lake), SOURCE_PRINTS, rows * times)


def remembered(memory, by_file):
    lake = Written()
    context = SimpleNamespace(lake=lake, engine=SimpleNamespace(driver_rows=pa.Table.to_pylist))
    remember(context, {"panel": memory}, dict.fromkeys(SIDES, by_file), "ingest")
    return lake


def test_files_that_have_not_changed_are_known(config):
    keep(config, recalled(config))
    memory = recalled(config)
    assert (len(memory.known_files), memory.fresh_files) == (2, [])
    assert not memory.forgotten


def test_what_is_verified_takes_the_place_of_what_was_remembered(config):
    keep(config, recalled(config))
    memory = recalled(config, verify=True)
    assert memory.known_files == set()
    read = of_files(memory)
    lake = remembered(memory, read)
    assert lake.replaced == "(source IN ('exposures', 'returns'))"
    assert len(lake.rows) == len(SIDES) * len(read)


def test_a_source_of_too_many_fingerprints_is_not_remembered(config, monkeypatch):
    monkeypatch.setattr(source_memory, "MOST_REMEMBERED", 1)
    keep(config, recalled(config))
    memory = recalled(config, verify=True)
    lake = remembered(memory, of_files(memory))
    assert not hasattr(lake, "rows")


def test_fingerprints_that_are_stored_twice_are_not_believed(config):
    keep(config, recalled(config), times=2)
    memory = recalled(config)
    assert memory.known_files == set()
    assert memory.forgotten


def test_a_changed_file_and_one_that_is_gone_and_other_rules_are_not_believed(config):
    keep(config, recalled(config))
    assert recalled(config, key="other rules").known_files == set()
    first, second = (Path(file) for file in sorted(recalled(config).states))
    first.write_bytes(b"more rows")
    memory = recalled(config)
    assert (memory.fresh_files, memory.known_files, memory.forgotten) == ([str(first)], {str(second)}, True)
    second.unlink()
    lake = remembered(recalled(config), [found for found in of_files(memory) if found.file == str(first)])
    assert lake.replaced == "(source IN ('exposures', 'returns'))"
    assert {row["file"] for row in lake.rows} == {str(first)}


def test_a_file_that_is_added_is_remembered_beside_the_others(config):
    keep(config, recalled(config))
    added = Path(config.sources.panel.path) / "2.parquet"
    added.write_bytes(b"rows")
    memory = recalled(config)
    lake = remembered(memory, of_files(memory))
    assert lake.replaced is None
    assert {row["file"] for row in lake.rows} == {str(added)}
