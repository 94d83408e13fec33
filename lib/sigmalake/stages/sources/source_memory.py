"""What each file of a source held when it was read: one that has not changed is not read again."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from sigmalake.lake.lake import Lake
from sigmalake.sources.opened import OpenedSource
from sigmalake.stages.context import Context
from sigmalake.tables.declaration import sql_text
from sigmalake.tables.records import SOURCE_PRINTS
from sigmalake.tables.rows import table_rows
from sigmalake.tasks.sources.fingerprints import FileFingerprint

FLAT_ROW_BYTES = 256  # a source row, roughly
MOST_REMEMBERED = 300_000  # fingerprints of a source, which pass through the driver: files that hold every date are not worth it


class Memory(NamedTuple):
    """What is known of a source's files from earlier runs."""

    key: str  # of the rules by which rows were checked; another key, and nothing is known
    states: dict[str, str]  # of its files as they are now, by path
    known: dict[str, list[FileFingerprint]]  # by side: of files that have not changed since
    forgotten: bool  # whether some stored fingerprint holds no more

    @property
    def known_files(self) -> set[str]:
        """Files that need not be read."""
        return {found.file or "" for fingerprints in self.known.values() for found in fingerprints}

    @property
    def fresh_files(self) -> list[str]:
        """Files that have to be read."""
        return sorted(self.states.keys() - self.known_files)


def recall(lake: Lake | None, source: OpenedSource, key: str, sides: Collection[str], *, verify: bool = False) -> Memory | None:
    """What is remembered of a source; None where its files cannot be told.

    Args:
        lake: where it is remembered; None: nowhere.
        source: its files as they are now.
        key: of the rules by which its rows are checked.
        sides: what the source feeds, as it is called in `source_prints`.
        verify: believe nothing of it.
    """
    if source.files is None:
        return None
    stored = [] if lake is None else _stored(lake, sides)
    states = {file.path: file.state for file in source.files}
    same = [] if verify else _unchanged(stored, key, states)
    known = {side: [_fingerprint(row) for row in same if row["source"] == side] for side in sides}
    return Memory(key, states, known, len(same) < len(stored))


def remember(context: Context, memories: Mapping[str, Memory], by_file: Mapping[str, list[FileFingerprint]], stage: str) -> None:
    """Keep the fingerprints of every source whose files are other than when they were last kept, in one commit.

    Args:
        context: its lake keeps them.
        memories: by source, what was known before.
        by_file: by side, what is known now.
        stage: goes into the commit.
    """
    found: list[dict[str, Any]] = []
    clauses = []
    for memory in memories.values():
        kept, sides = memory.known_files, list(memory.known)
        fresh = [(side, one) for side in sides for one in by_file[side] if (one.file or "") not in kept]
        if max(len(by_file[side]) for side in sides) > MOST_REMEMBERED or not (fresh or memory.forgotten):
            continue
        found += [_row(side, memory.key, memory.states.get(one.file or "", ""), one) for side, one in fresh]
        named = ", ".join(map(sql_text, sorted(kept)))
        still = f" AND NOT (key = '{memory.key}' AND file IN ({named}))" if kept else ""
        clauses.append(f"(source IN ({', '.join(map(sql_text, sides))}){still})")
    if not clauses:
        return
    rows = context.engine.driver_rows(table_rows(SOURCE_PRINTS, found))
    if any(memory.forgotten for memory in memories.values()):
        context.lake.replace_rows(SOURCE_PRINTS, rows, stage, " OR ".join(clauses))
    else:
        context.lake.append(SOURCE_PRINTS, rows, stage)


def _stored(lake: Lake, sides: Collection[str]) -> list[dict[str, Any]]:
    rows = lake.columns(SOURCE_PRINTS, SOURCE_PRINTS.column_names)
    found: list[dict[str, Any]] = rows.filter(pc.is_in(rows.column("source"), pa.array(list(sides), pa.string()))).to_pylist()
    return found


def _unchanged(stored: Sequence[Mapping[str, Any]], key: str, states: Mapping[str, str]) -> list[Mapping[str, Any]]:
    """The stored fingerprints that still hold; none where one is stored twice, since their sum would count its rows twice."""
    same = [row for row in stored if row["key"] == key and states.get(row["file"] or "") == row["state"]]
    once = {(row["source"], row["file"], row["date"]) for row in same}
    return same if len(once) == len(same) else []


def _fingerprint(row: Mapping[str, Any]) -> FileFingerprint:
    levels = [(level["group"], level["level"]) for level in row["levels"] or ()]
    return FileFingerprint(row["file"], row["date"], row["rows"], row["rejected"], row["high"], row["low"], levels)


def _row(side: str, key: str, state: str, found: FileFingerprint) -> dict[str, Any]:
    levels = [{"group": group, "level": level} for group, level in found.levels]
    return {"source": side, "key": key, "state": state, **found._asdict(), "levels": levels}
