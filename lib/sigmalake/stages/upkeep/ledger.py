"""Tables that every run reads whole are kept in few files: a run would read more of them with each run before it."""

from sigmalake.lake.folder import FolderTables
from sigmalake.stages.context import Context
from sigmalake.stages.upkeep.maintain import write_together
from sigmalake.tables.catalogue import MODEL_TABLES
from sigmalake.tables.records import RELEASE_CONTENTS, RELEASES, RUNS

LEDGER = (RUNS, RELEASES, RELEASE_CONTENTS)
MOST_FILES = 32  # of a table of the ledger: a run adds up to seven to `runs`, and a release one to each of the others
PACKED = tuple(table for table in MODEL_TABLES if table.packed)  # their keys and hashes are what a run plans by
MOST_SMALL_FILES = 64  # of a packed table: a daily run adds one
SMALL_ROWS = 64  # that a small file has at the most: what was written together once is written again by `maintain` alone


def write_small_files_together(context: Context) -> None:
    """Write files together where they have become many; those of a catalog are the platform's to move."""
    tables: object = context.engine.storage
    if not isinstance(tables, FolderTables):
        return
    for table in LEDGER:
        if context.lake.size(table)[0] >= MOST_FILES:
            write_together(context, tables, table)
    for table in PACKED:
        if context.lake.size(table)[0] >= MOST_SMALL_FILES:
            write_together(context, tables, table, most_rows=SMALL_ROWS, least_files=MOST_SMALL_FILES)
