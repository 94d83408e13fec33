"""How far a stage is: counted by who reads or writes, read by who shows it."""

from collections.abc import Callable

import pyarrow as pa


class Progress:
    """Rows of one table, dates of collected rows, or parts of a source: done of those planned."""

    def __init__(self) -> None:
        self.plan()

    def plan(self, table: str = "", unit: str = "", planned: int = 0, *, dated: str = "") -> None:
        """Begin to count the rows of a table; of none, where nothing is given.

        Args:
            table: whose rows count as they are written; or the source whose parts are read.
            unit: what is counted, in the plural.
            planned: how many there are to do.
            dated: column of rows that are collected, whose dates count in the place of rows that are written.
        """
        self.table, self.unit, self.planned, self.done, self.dated = table, unit, planned, 0, dated
        self.made: Callable[[], int] | None = None

    def add(self, table: str, rows: int) -> None:
        """Count rows that were written, if they are of the planned table."""
        if table == self.table and not self.dated:
            self.done += rows

    def counts(self, table: str) -> bool:
        """Whether rows of this table count."""
        return self.planned > 0 and table == self.table and not self.dated

    def follow(self, made: Callable[[], int]) -> None:
        """Count rows of the planned table that other processes make, by what they have told so far."""
        self.made = made

    @property
    def so_far(self) -> int:
        """How many are done; of rows that are made twice, as after a lost executor, no more than planned."""
        return min(self.planned, self.done + (self.made() if self.made is not None else 0))

    def collected(self, rows: pa.Table) -> None:
        """Count the dates of rows that came to the driver, if these are planned. No two pieces have rows of one date."""
        if self.dated and self.dated in rows.schema.names:
            self.done += len(rows.column(self.dated).unique())
