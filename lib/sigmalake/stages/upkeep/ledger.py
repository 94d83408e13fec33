"""The run ledger kept short: every run reads it whole, and would read more files with each run before it."""

from sigmalake.lake.folder import FolderTables
from sigmalake.stages.context import Context
from sigmalake.stages.upkeep.maintain import write_together
from sigmalake.tables.records import RELEASE_CONTENTS, RELEASES, RUNS

LEDGER = (RUNS, RELEASES, RELEASE_CONTENTS)
MOST_FILES = 32  # of a table of the ledger: a run adds up to seven to `runs`, and a release one to each of the others


def write_ledger_together(context: Context) -> None:
    """Write the files of the ledger together where they have become many; those of a catalog are the platform's to move."""
    tables: object = context.engine.storage
    if not isinstance(tables, FolderTables):
        return
    for table in LEDGER:
        if context.lake.size(table)[0] >= MOST_FILES:
            write_together(context, tables, table)
