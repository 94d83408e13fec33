"""A copy of one release: a lake of its own, which holds what the release names and nothing that came later.

Each table is copied as it lies: the commits of its log up to the version that the release names, and the files of this version. So
the numbers are the same to the last bit, and the history says who wrote them.
"""

import re
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from sigmalake.config.types import CATALOG_NAME
from sigmalake.errors import ConfigError, InfrastructureError
from sigmalake.lake.delta_rs import write_rows
from sigmalake.lake.folder import FolderTables
from sigmalake.lake.format import check_root
from sigmalake.lake.releases import Release, releases_from
from sigmalake.lake.trust.contents import content_rows, kept_contents
from sigmalake.lake.upkeep.files import LOG, FileCount, files_of_version
from sigmalake.lake.upkeep.places import Place
from sigmalake.tables.catalogue import ALL_TABLES
from sigmalake.tables.declaration import Table
from sigmalake.tables.evaluation import FACTOR_PREMIA, FORECAST_EVALUATION
from sigmalake.tables.records import RELEASE_CONTENTS, RELEASES, RUNS
from sigmalake.tables.rows import table_rows

BESIDE = (FORECAST_EVALUATION, FACTOR_PREMIA)  # read beside a release as they are now
_BY_TABLE = ("table_versions", "table_ids")  # of a run
_LOG_FILE = re.compile(rf"{LOG}/(?:\d{{20}}\.)?(\d{{20}})\.(?:json|crc|checkpoint.*\.parquet|compacted\.json)")


class Copied(NamedTuple):
    """What a copy holds."""

    release_id: str
    to: str
    tables: list[str]
    files: FileCount  # of rows


def check_target(lake: str, to: str) -> Place:
    """The place of a copy, which holds nothing yet.

    Raises:
        ConfigError: it lies in a catalog, within the lake or around it, or is not empty.
    """
    if CATALOG_NAME.fullmatch(to):
        raise ConfigError(f"{to} names a schema of a catalog; a copy is a folder or a URI: for a folder write ./{to}")
    check_root(to)
    one, other = (_absolute(root) for root in (lake, to))
    if f"{one}/".startswith(f"{other}/") or f"{other}/".startswith(f"{one}/"):
        raise ConfigError(f"{to} lies within the lake {lake}, or around it; name a folder of its own for the copy")
    place = Place(to)
    if files := place.files():
        raise ConfigError(
            f"{to} is not empty: it holds {files[0].path}; name a new folder for the copy, or remove what is left of one cut short"
        )
    return place


def copy_release(tables: FolderTables, release: Release, to: str, metadata: str) -> Copied:
    """Copy one release to a place that holds nothing; its row of `releases` is written last, so that a copy cut short has none.

    Tables that no release names are taken as they are now: evaluated forecasts and premia. Of `runs`, the rows that tell of the
    versions that are copied go along, so that a run goes on from the copy. What files of sources held is not copied: the next run
    reads the sources again.

    Args:
        tables: of the lake.
        release: one that can be read.
        to: folder or URI.
        metadata: goes with the commits of the copy.

    Raises:
        ConfigError: see `check_target`.
        InfrastructureError: a file is gone or cannot be copied.
    """
    check_target(tables.root, to)
    versions = dict(release.tables) | {table.name: tables.version(table) for table in BESIDE if tables.exists(table)}
    count = FileCount(0, 0)
    for name, version in versions.items():
        files, size = _copy_table(f"{tables.root}/{name}", f"{to}/{name}", version)
        count = FileCount(count.files + files, count.size + size)
    if tables.exists(RUNS):
        _write(to, RUNS, _runs_until(tables.columns(RUNS, RUNS.column_names, None, None), versions), metadata)
    if tables.exists(RELEASE_CONTENTS):
        _write(to, RELEASE_CONTENTS, _contents_of(tables, release), metadata)
    alone = release._replace(ledger_versions=None)  # of `runs` and `releases`, which are other tables in the copy
    _write(to, RELEASES, table_rows(RELEASES, [alone]), metadata)
    return Copied(release.release_id, to, [table.name for table in ALL_TABLES if table.name in versions], count)


def _contents_of(tables: FolderTables, release: Release) -> pa.Table:
    """Counts and checksums of all dates as of a release, as if it were the first."""
    releases = releases_from(tables.columns(RELEASES, RELEASES.column_names, None, None))
    earlier = [one for one in releases if one.sequence <= release.sequence]
    kept = kept_contents(tables.columns(RELEASE_CONTENTS, RELEASE_CONTENTS.column_names, None, None), earlier)
    return content_rows(release, {}, kept)


def _copy_table(location: str, to: str, version: int) -> FileCount:
    source, target = Place(location), Place(to)
    sizes = files_of_version(location, version)
    for path, size in sizes.items():
        if (copied := target.copy_from(source, path)) != size:
            raise InfrastructureError(
                f"{location}/{path} has {copied:,} bytes, and its table says {size:,}: the file was altered; see `sigmalake check`"
            )
    for file in source.files():
        if (read := _LOG_FILE.fullmatch(file.path)) and int(read[1]) <= version:
            target.copy_from(source, file.path)
    return FileCount(len(sizes), sum(sizes.values()))


def _runs_until(runs: pa.Table, versions: dict[str, int]) -> pa.Table:
    """The runs that were done with no table beyond the version that is copied; of tables that are made anew they say nothing."""
    kept = [
        {**run, **{name: [(table, value) for table, value in run[name] or () if table in versions] for name in _BY_TABLE}}
        for run in runs.to_pylist()
        if all(version <= versions.get(table, version) for table, version in run["table_versions"] or ())
    ]
    return table_rows(RUNS, kept)


def _write(to: str, table: Table, rows: pa.Table, metadata: str) -> None:
    write_rows(f"{to}/{table.name}", table, rows, predicate=None, commit_metadata=metadata)


def _absolute(root: str) -> str:
    return root.rstrip("/") if "://" in root else str(Path(root).resolve())
