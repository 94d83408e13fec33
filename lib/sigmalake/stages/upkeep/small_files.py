"""Tables are kept in few files: a run opens every table, and would open more files with each run before it."""

from sigmalake.lake.folder import FolderTables
from sigmalake.stages.context import Context
from sigmalake.stages.upkeep.maintain import write_together
from sigmalake.tables.catalogue import MODEL_TABLES
from sigmalake.tables.records import RELEASE_CONTENTS, RELEASES, RUNS

LEDGER = (RUNS, RELEASES, RELEASE_CONTENTS)
MOST_FILES = 32  # of a table of the ledger: a run adds up to seven to `runs`, and a release one to each of the others
MOST_SMALL_FILES = 16  # of a table of the model, of about as many dates each: a daily run adds one
TIERS = (4, 64)  # times the rows of a small file: of a day, or of 16 days. A row is written again twice, not each fortnight


def write_small_files_together(context: Context) -> None:
    """Write files together where they have become many; those of a catalog are the platform's to move."""
    tables: object = context.engine.storage
    if not isinstance(tables, FolderTables):
        return
    for table in LEDGER:
        if context.lake.size(table)[0] >= MOST_FILES:
            write_together(context, tables, table)
    for table in MODEL_TABLES:
        if context.lake.size(table)[0] >= MOST_SMALL_FILES:
            for most_times in TIERS:
                write_together(context, tables, table, most_times=most_times, least_files=MOST_SMALL_FILES)
