"""What maintenance did, or would do."""

from typing import NamedTuple

from sigmalake.lake.upkeep.files import FileCount


class TableUpkeep(NamedTuple):
    """What was done, or would be, to a table; files are those of rows."""

    name: str
    before: FileCount
    after: FileCount  # of a dry run: about
    compacted: int  # small files that were written together
    removed: FileCount


class Upkeep(NamedTuple):
    """What was done, or would be, to a lake."""

    lake: str
    dry_run: bool
    retention: str
    kept: list[str]  # release ids, oldest first
    trimmed: list[str]
    tables: list[TableUpkeep]

    @property
    def work(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.trimmed) or any(table.compacted or table.removed.files for table in self.tables)
