"""What an engine knows of a task: which rows it reads, and of which table it makes rows.

A task is an object that is pickled once and called many times. A map task takes some rows of one packed table, any number in any
order, and gives a row for each. A part task takes, by role, the rows that belong to one part of the work, in any order. Both give
complete rows of their table, in a defined order; without rows to read they give none.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sigmalake.tables.declaration import Table
from sigmalake.tasks.arrays import as_array


class Input(NamedTuple):
    """What a task reads of one table, or of the rows of a source."""

    table: Table | None  # None: checked rows of a source
    columns: tuple[str, ...]  # `dated` among them
    dated: str  # the column by which rows belong to a part
    until: bool = False  # of the rows of a source: all up to a part's last date, not those of its dates


class Task(ABC):
    """What both kinds of task say of themselves."""

    into: Table

    @property
    @abstractmethod
    def inputs(self) -> Mapping[str, Input]:
        """By role, what is read."""

    @property
    def columns(self) -> dict[str, list[str]]:
        """By role, the columns that are read."""
        return {role: list(given.columns) for role, given in self.inputs.items()}


class MapTask(Task):
    """A task over some rows of one table."""

    @property
    def input(self) -> Input:
        """What is read."""
        (only,) = self.inputs.values()
        return only

    @abstractmethod
    def __call__(self, rows: pa.Table) -> pa.Table:
        """The rows of `into` that rows of the input become."""


class PartTask(Task):
    """A task over the rows of several tables that belong to one part of the work."""

    calendar: Sequence[date]  # ascending: a position is an index into it

    @property
    @abstractmethod
    def n_parts(self) -> int:
        """Parts are numbered from 0."""

    @abstractmethod
    def dates(self, part: int) -> Mapping[str, Sequence[date]]:
        """By role, the dates whose rows a part reads, ascending; of the rows of a source the last one: all until then are read."""

    @abstractmethod
    def __call__(self, part: int, inputs: Mapping[str, pa.Table]) -> pa.Table:
        """The rows of `into` that belong to a part, from the rows of each role; rows of other dates are passed over."""

    def rows_of(self, part: int, inputs: Mapping[str, pa.Table], role: str) -> pa.Table:
        """The rows of a role whose dates the part reads, in the order of dates, with `position`: that of the date in the calendar.

        A role that is not given has no rows.
        """
        read = self.inputs[role]
        rows = inputs[role].select(list(read.columns)) if role in inputs else _nothing(read)
        dated = as_array(rows.column(read.dated))
        belongs = pc.is_in(dated, pa.array(self.dates(part)[role], pa.date32()))
        at = pc.index_in(dated, pa.array(self.calendar, pa.date32()))
        return sorted_rows(rows.append_column("position", pc.if_else(belongs, at, pa.scalar(None, pa.int32()))), "position")


def sorted_rows(rows: pa.Table, *keys: str) -> pa.Table:
    """The rows in the order of some columns, without those that have no first one; not moved where they stand together in order."""
    rows = rows.combine_chunks()
    key = as_array(rows.column(keys[0]))
    order = pc.sort_indices(rows.select(list(keys)), [(name, "ascending") for name in keys])
    order = order.slice(0, rows.num_rows - key.null_count)  # nulls come last
    first = order[0].as_py() if len(order) else 0
    if np.array_equal(order.to_numpy(), np.arange(first, first + len(order))):
        return rows.slice(first, len(order))
    return rows.take(order).combine_chunks()


def table_of(table: Table, columns: Mapping[str, object]) -> pa.Table:
    """Rows of a table from its columns by name, in the table's order and types.

    Raises:
        ValueError: a column is missing, or the table has no such column.
    """
    schema = table.arrow_schema()
    if wrong := set(schema.names) ^ set(columns):
        raise ValueError(f"{table.name}: {', '.join(sorted(wrong))} is missing, or is no column of the table")
    return pa.table([_typed(columns[field.name], field.type) for field in schema], schema=schema)


def no_rows(table: Table) -> pa.Table:
    """The table without rows."""
    return table.arrow_schema().empty_table()


def _typed(column: object, kind: pa.DataType) -> pa.Array | pa.ChunkedArray:
    if isinstance(column, pa.Array | pa.ChunkedArray):
        return column if column.type == kind else column.cast(kind)
    return pa.array(column, kind)


def _nothing(read: Input) -> pa.Table:
    if read.table is None:
        raise ValueError("rows of a source are always given")
    return read.table.arrow_schema().empty_table().select(list(read.columns))
