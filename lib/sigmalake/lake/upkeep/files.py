"""Which files of a table's folder nobody needs: no kept version names them, and nobody can be at work with them."""

import json
import re
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import NamedTuple
from urllib.parse import unquote

import pyarrow as pa

from sigmalake.lake.log import open_table
from sigmalake.lake.upkeep.places import Place, StoredFile

LOG = "_delta_log"
_COMMIT = re.compile(rf"{LOG}/(\d{{20}})\.json")


class FileCount(NamedTuple):
    """How many files, and their bytes."""

    files: int
    size: int  # bytes


class FileChange(NamedTuple):
    """What a commit did to the files of a table."""

    version: int
    written: datetime  # UTC
    added: frozenset[str]  # paths
    removed: frozenset[str]


def files_of_version(location: str, version: int | None) -> dict[str, int]:
    """The data files of a version of a table, the newest with None: bytes by path. None of them where there is no table."""
    log = open_table(location, version)
    if log is None:
        return {}
    added = pa.table(log.get_add_actions(flatten=True))
    return dict(zip(added.column("path").to_pylist(), added.column("size_bytes").to_pylist(), strict=True))


def data_files(files: Iterable[StoredFile]) -> list[StoredFile]:
    """Of the files of a table's folder, those of rows; what begins with _ or . is the log's, or a checksum."""
    return [file for file in files if not file.path.startswith(("_", "."))]


def counted(files: Iterable[StoredFile]) -> FileCount:
    """The count of data files, and their bytes."""
    rows = data_files(files)
    return FileCount(len(rows), sum(file.size for file in rows))


def file_changes(place: Place, files: Iterable[StoredFile]) -> list[FileChange]:
    """What each commit of a table's log did to its files, in their order."""
    commits = sorted((int(read[1]), file) for file in files if (read := _COMMIT.fullmatch(file.path)))
    return [_change(version, file, place.read(file.path)) for version, file in commits]


def files_of_versions(location: str, changes: Sequence[FileChange], versions: Collection[int]) -> set[str]:
    """The data files that at least one of these versions of a table holds.

    One reading of the log answers for any number of versions. A log whose first commits are gone, behind a checkpoint, is
    opened at each version.

    Raises:
        InfrastructureError: a version cannot be read.
    """
    newest = changes[-1].version if changes else -1
    if [change.version for change in changes] != list(range(newest + 1)) or any(version > newest for version in versions):
        return {path for version in versions for path in files_of_version(location, version)}
    live: set[str] = set()
    found: set[str] = set()
    for change in changes:
        live = (live - change.removed) | change.added
        if change.version in versions:
            found |= live
    return found


def unneeded_files(
    files: Sequence[StoredFile], changes: Iterable[FileChange], needed: Iterable[str], cutoff: datetime
) -> list[StoredFile]:
    """The files that can go.

    A file goes if no version that is kept names it, it was written before the cutoff, and it was not taken out of the newest
    version after the cutoff, so that readers and writers that began since still find what they need. Commits of the log stay,
    all of them: they tell what each version holds. Of the log only unfinished files go, which a killed writer left.

    Args:
        files: all of the table's folder.
        changes: of its log.
        needed: paths of the files of the versions that are kept, the newest among them.
        cutoff: what is younger stays.
    """
    stays = {*needed, *(path for change in changes if change.written >= cutoff for path in change.removed)}
    old = [file for file in files if file.written < cutoff]
    gone = [file for file in data_files(old) if file.path not in stays]
    unfinished = [file for file in old if file.path.startswith(f"{LOG}/") and (file.path.endswith(".tmp") or "#" in file.path)]
    there = {file.path for file in files} - {file.path for file in gone}
    return gone + unfinished + [file for file in old if _is_checksum(file.path) and _checked_by(file.path) not in there]


def _change(version: int, file: StoredFile, body: bytes) -> FileChange:
    actions = [json.loads(line) for line in body.splitlines() if line.strip()]
    added, removed = (frozenset(unquote(a[what]["path"]) for a in actions if what in a) for what in ("add", "remove"))
    return FileChange(version, file.written, added, removed)


def _is_checksum(path: str) -> bool:
    """Whether it is what Spark writes beside each data file on a local disk: `.part-0.parquet.crc`."""
    return path.startswith(".") and path.endswith(".crc") and "/" not in path


def _checked_by(path: str) -> str:
    return path.removeprefix(".").removesuffix(".crc")
