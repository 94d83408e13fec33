"""How far a stage is: counted by who reads or writes, read by who shows it."""

from collections.abc import Callable
from typing import Protocol

import pyarrow as pa


class Counter(Protocol):
    """A sum that other processes add to, such as an accumulator of Spark."""

    @property
    def value(self) -> int:
        """The sum so far, to this process."""

    def add(self, term: int) -> None:
        """Add to it."""


class Progress:
    """Rows of one table, dates of collected rows, or parts of a source: done of those planned."""

    def __init__(self) -> None:
        self.new_counter: Callable[[], Counter] | None = None  # of an engine whose rows are made elsewhere, set by who watches
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
        self.made: Counter | None = None

    def add(self, table: str, rows: int) -> None:
        """Count rows that were written, if they are of the planned table."""
        if table == self.table and not self.dated:
            self.done += rows

    def made_elsewhere(self, table: str) -> "Counter | None":
        """A counter to which other processes add the rows that they make of a table; None if nobody displays its progress."""
        if self.new_counter is None or table != self.table or not self.planned or self.dated:
            return None
        if self.made is None:
            self.made = self.new_counter()
        return self.made

    @property
    def so_far(self) -> int:
        """How many are done; of rows that are made twice, as after a lost executor, no more than planned."""
        return min(self.planned, self.done + (0 if self.made is None else self.made.value))

    def collected(self, rows: pa.Table) -> None:
        """Count the dates of rows that came to the driver, if these are planned. No two pieces have rows of one date."""
        if self.dated and self.dated in rows.schema.names:
            self.done += len(rows.column(self.dated).unique())
