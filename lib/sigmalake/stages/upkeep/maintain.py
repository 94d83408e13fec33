"""Maintain a lake: trim releases by the retention, write small files together, remove the files that nobody needs."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from sigmalake.errors import ConfigError, InfrastructureError
from sigmalake.lake.books import now, record_withdrawals, release_ledger
from sigmalake.lake.folder import FolderTables
from sigmalake.lake.lake import Lake
from sigmalake.lake.log import MAINTAIN
from sigmalake.lake.releases import Release
from sigmalake.lake.upkeep.compaction import FileGroup, compact, groups_to_compact
from sigmalake.lake.upkeep.files import FileCount, counted, file_changes, files_of_versions, unneeded_files
from sigmalake.lake.upkeep.places import Place, StoredFile
from sigmalake.lake.upkeep.result import TableUpkeep, Upkeep
from sigmalake.lake.upkeep.retention import kept_releases, rule_text
from sigmalake.stages.context import Context, Outcome
from sigmalake.tables.catalogue import ALL_TABLES
from sigmalake.tables.declaration import Table

CATALOG_INSTEAD = (
    "use its OPTIMIZE for small files, and no VACUUM with a RETAIN below the ten years that the tables are set to, since it "
    "deletes files that releases read"
)


def folder_tables(context: Context, instead: str) -> FolderTables:
    """The tables of a lake in a folder or behind a URI.

    Raises:
        ConfigError: the lake lies in a catalog; `instead` says what to use there.
    """
    tables: object = context.engine.storage
    if not isinstance(tables, FolderTables):
        raise ConfigError(f"{context.lake.root} lies in a catalog, whose files only the platform may move: {instead}")
    return tables


def plan_upkeep(context: Context) -> Upkeep:
    """What `maintain` would do; writes nothing.

    Raises:
        ConfigError: the lake lies in a catalog, or the retention names a release that there is none of.
        InfrastructureError: a version that a kept release names cannot be read.
    """
    tables = folder_tables(context, CATALOG_INSTEAD)
    kept, trimmed = _parted(context)
    found = [_planned(context, tables, table, _pins(context.lake, table, kept)) for table in ALL_TABLES if tables.exists(table)]
    return _upkeep(context, kept, trimmed, found, dry_run=True)


def maintain_lake(context: Context) -> tuple[Upkeep, Outcome | None]:
    """Trim, compact and remove; what was done, and what `runs` is told, None where there was nothing to do.

    Whatever it is stopped at, every kept release stays as it was: a release is recorded as trimmed before a file of it goes, rows
    are written together in commits of their own, and files go last.

    Raises:
        As `plan_upkeep`; also where another writer has taken the lake.
    """
    tables = folder_tables(context, CATALOG_INSTEAD)
    kept, trimmed = _parted(context)
    if trimmed:
        why = rule_text(context.config.retention)
        ids = {release.release_id: why for release in trimmed}
        record_withdrawals(context.lake, context.engine.driver_rows, ids, "trimmed", context.run_id, MAINTAIN)
    found = [_maintained(context, tables, table, _pins(context.lake, table, kept)) for table in ALL_TABLES if tables.exists(table)]
    done = _upkeep(context, kept, trimmed, found, dry_run=False)
    if not done.work:
        return done, None
    compacted = {its.name: its.compacted for its in found if its.compacted}
    removed = sum(its.removed.files for its in found)
    said = f"{sum(compacted.values())} small files written together, {removed} files removed, {len(trimmed)} releases trimmed"
    return done, Outcome(tables=tuple(table for table in ALL_TABLES if table.name in compacted), said=said)


def _upkeep(
    context: Context, kept: Sequence[Release], trimmed: Sequence[Release], tables: list[TableUpkeep], *, dry_run: bool
) -> Upkeep:
    rule = rule_text(context.config.retention)
    return Upkeep(context.lake.root, dry_run, rule, [r.release_id for r in kept], [r.release_id for r in trimmed], tables)


def _parted(context: Context) -> tuple[list[Release], list[Release]]:
    """The releases that are kept, and those that go."""
    ledger = release_ledger(context.lake)
    kept = kept_releases(ledger, context.config.retention)
    ids = {release.release_id for release in kept}
    return kept, [release for release in ledger.untrimmed if release.release_id not in ids]


def _pins(lake: Lake, table: Table, kept: Sequence[Release]) -> Mapping[int, str]:
    """The versions of a table that kept releases name, each with one of them.

    Raises:
        InfrastructureError: one is newer than the table.
    """
    pins = {version: release.release_id for release in kept if (version := release.tables.get(table.name)) is not None}
    newest = lake.version(table)
    if pins and newest is not None and max(pins) > newest:
        raise InfrastructureError(
            f"release {pins[max(pins)]} reads {table.name} at version {max(pins)}, and the table ends at version {newest}: it is "
            "not the one that was released. Restore it from a copy of the lake, then maintain again"
        )
    return pins


def _planned(context: Context, tables: FolderTables, table: Table, pins: Mapping[int, str]) -> TableUpkeep:
    place, groups = Place(tables.location(table)), groups_to_compact(table, tables.log(table))
    files = place.files()
    before, removed = (
        counted(files),
        counted(_unneeded(context, place, files, tables.version(table), pins)),
    )
    written = FileCount(len(groups), sum(group.size for group in groups))
    after = FileCount(before.files - removed.files + written.files, before.size - removed.size + written.size)
    return TableUpkeep(table.name, before, after, sum(len(group.files) for group in groups), removed)


def _maintained(context: Context, tables: FolderTables, table: Table, pins: Mapping[int, str]) -> TableUpkeep:
    place = Place(tables.location(table))
    before = counted(place.files())
    groups = write_together(context, tables, table)
    files = place.files()
    gone = _unneeded(context, place, files, tables.version(table), pins)
    context.lake.verify_lease()
    for file in gone:
        place.delete(file.path)
    removed, now = counted(gone), counted(files)
    after = FileCount(now.files - removed.files, now.size - removed.size)
    return TableUpkeep(table.name, before, after, sum(len(group.files) for group in groups), removed)


def write_together(
    context: Context, tables: FolderTables, table: Table, *, most_times: int | None = None, least_files: int = 1
) -> list[FileGroup]:
    """Write small files of a table together; the groups for which it was done.

    Args:
        context: of a writer.
        tables: of its lake.
        table: to write.
        most_times: files of more than so many times the rows of a small one stay; None: whatever fits into one file is written
            together.
        least_files: nothing is done for fewer.
    """
    lake, log = context.lake, tables.log(table)
    groups = groups_to_compact(table, log, most_times)
    if sum(len(group.files) for group in groups) < least_files:
        return []
    return compact(table, log, groups, lake.metadata(MAINTAIN, ()), lake.verify_lease)


def _unneeded(
    context: Context, place: Place, files: Sequence[StoredFile], newest: int, pins: Mapping[int, str]
) -> list[StoredFile]:
    changes = file_changes(place, files)
    needed = files_of_versions(place.location, changes, {*pins, newest})
    cutoff = now() - timedelta(hours=context.config.retention.hours)
    return unneeded_files(files, changes, needed, cutoff)
