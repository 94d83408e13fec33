"""What each file of a source held when it was read: one that has not changed is not read again."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from sigmalake.config.sources import Location
from sigmalake.engines.spark.sources.checking import Half, where
from sigmalake.engines.spark.sources.fingerprint import FilePrint, file_prints, fingerprint
from sigmalake.lake.lake import Lake
from sigmalake.lake.source_files import SourceFile, plain_path, source_files
from sigmalake.stages.context import Context
from sigmalake.tables.declaration import sql_text
from sigmalake.tables.records import SOURCE_PRINTS
from sigmalake.tables.rows import table_rows

MOST_REMEMBERED = 300_000  # prints of a source, which pass through the driver: files that hold every date are not worth it


class Memory(NamedTuple):
    """What is known of a source's files from earlier runs."""

    key: str  # of the rules by which rows were checked; another key, and nothing is known
    files: dict[str, SourceFile]  # as they are now, by path
    known: dict[str, list[FilePrint]]  # by half: of files that have not changed since
    forgotten: bool  # whether some stored print holds no more

    @property
    def known_files(self) -> list[str]:
        """Files that need not be read, as Spark names them."""
        return sorted({found.file or "" for prints in self.known.values() for found in prints})


class Source(NamedTuple):
    """A place that rows come from: the halves that it feeds, and what is remembered of it."""

    halves: dict[str, Half]
    memory: Memory | None  # None: its files cannot be told


def recall(
    lake: Lake | None, place: Location, date_column: str, key: str, halves: Collection[str], *, verify: bool = False
) -> Memory | None:
    """What is remembered of a source; None where its files cannot be told.

    Args:
        lake: where it is remembered; None: nowhere.
        place: of the source.
        date_column: by which Delta may know the dates of a file.
        key: of the rules by which its rows are checked.
        halves: what the source feeds, as it is called in `source_prints`.
        verify: believe nothing of it.
    """
    files = source_files(place, date_column)
    if files is None:
        return None
    stored = [] if lake is None else _stored(lake, halves)
    states = {file.path: file.state for file in files}
    same = [] if verify else _unchanged(stored, key, states)
    known = {half: file_prints(row for row in same if row["source"] == half) for half in halves}
    return Memory(key, {file.path: file for file in files}, known, len(same) < len(stored))


def _stored(lake: Lake, halves: Collection[str]) -> list[dict[str, Any]]:
    rows = lake.columns(SOURCE_PRINTS, SOURCE_PRINTS.column_names)
    found: list[dict[str, Any]] = rows.filter(pc.is_in(rows.column("source"), pa.array(list(halves), pa.string()))).to_pylist()
    return found


def _unchanged(stored: Sequence[Mapping[str, Any]], key: str, states: Mapping[str, str]) -> list[Mapping[str, Any]]:
    """The stored prints that still hold; none where one is stored twice, since the sum of them would count its rows twice."""
    same = [row for row in stored if row["key"] == key and states.get(plain_path(row["file"] or "")) == row["state"]]
    once = {(row["source"], row["file"], row["date"]) for row in same}
    return same if len(once) == len(same) else []


def printed(source: Source, learning: Sequence[int] = ()) -> dict[str, list[FilePrint]]:
    """The prints of a source by half: those remembered, and those of the files that are not."""
    halves, memory = source
    if memory is None:
        return fingerprint(halves, learning)
    known = memory.known_files
    paths = set(map(plain_path, known))
    fresh = [file for path, file in memory.files.items() if path not in paths]
    if not fresh:
        return memory.known
    if known:
        some = next(iter(halves.values())).columns
        halves = where(halves, ~some["file"].isin(known))  # Spark opens none of these
        spans = [file.span for file in fresh if file.span is not None]
        if len(spans) == len(fresh):  # Delta skips files by their dates, not by their names
            day = some["date"]  # null where it cannot be read, and then the row is rejected, not passed over
            halves = where(halves, day.between(min(s[0] for s in spans), max(s[1] for s in spans)) | day.isNull())
    new = fingerprint(halves, learning)
    return {half: memory.known[half] + new[half] for half in halves}


def remember(context: Context, sources: Sequence[Source], by_file: Mapping[str, list[FilePrint]], stage: str) -> None:
    """Keep the prints of every source whose files are other than when they were last kept, in one commit."""
    lake = context.lake
    found: list[dict[str, Any]] = []
    clauses = []
    for halves, memory in sources:
        if memory is None:
            continue
        kept = memory.known_files
        fresh = [(half, p) for half in halves for p in by_file[half] if (p.file or "") not in set(kept)]
        if max(len(by_file[half]) for half in halves) > MOST_REMEMBERED or not (fresh or memory.forgotten):
            continue
        states = {path: file.state for path, file in memory.files.items()}
        found += [_row(half, memory.key, states.get(plain_path(p.file or ""), ""), p) for half, p in fresh]
        named = ", ".join(map(sql_text, kept))
        still = f" AND NOT (key = '{memory.key}' AND file IN ({named}))" if kept else ""
        clauses.append(f"(source IN ({', '.join(map(sql_text, halves))}){still})")
    if not clauses:
        return
    rows = context.engine.driver_rows(table_rows(SOURCE_PRINTS, found))
    if any(memory.forgotten for _, memory in sources if memory is not None):
        lake.replace_rows(SOURCE_PRINTS, rows, stage, " OR ".join(clauses))
    else:
        lake.append(SOURCE_PRINTS, rows, stage)


def _row(half: str, key: str, state: str, found: FilePrint) -> dict[str, Any]:
    levels = [{"group": group, "level": level} for group, level in found.levels]
    return {"source": half, "key": key, "state": state, **found._asdict(), "levels": levels}
