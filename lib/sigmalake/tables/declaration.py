"""How a table is declared: once, and from that created, checked, written and documented."""

import re
from dataclasses import dataclass, field
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from sigmalake.tables.types import arrow_type

REPEATING = ("member_shares",)  # columns of numbers that are mostly alike
CONSTRAINT = "delta.constraints."  # what Delta calls a constraint in a table's properties


@dataclass(frozen=True)
class Constraint:
    """What holds for every row: in SQL for Delta's writers, and in Arrow for `check_rows`, before rows are written.

    Only what Spark and DataFusion (delta-rs) read alike may stand in the SQL: `cardinality`, not `size`; `isnan`, not
    `double('NaN')`; whatever comes out as null has to be caught, since Delta refuses a row for which a constraint is null.
    """

    name: str
    sql: str
    column: str | None = None  # whose numbers are not NaN, or which is as long as `beside`
    beside: str | None = None
    holds: pc.Expression | None = field(default=None, compare=False)  # the SQL in Arrow, where no column is named; null is broken

    @property
    def words(self) -> set[str]:
        """The words of the SQL, among them the columns that it is about."""
        return set(re.findall(r"\w+", self.sql))


class Older(NamedTuple):
    """What a column that is never null was in rows of before it was declared: none of what it counts or lists."""

    beside: str | None = None  # nulls, as many as this column has; None: 0, or an empty list


class Column(NamedTuple):
    """A column: Spark SQL type, what it holds with its unit, and whether it may be null."""

    name: str
    type: str
    comment: str
    nullable: bool = True
    older: Older | None = None  # of a column that is never null: what it was in rows that were written before it was declared


@dataclass(frozen=True)
class Table:
    """The promise of a table.

    `date` is the column by whose closed ranges rows are replaced; None where rows are appended or replaced by key.
    A packed table has a row a date, megabytes wide: few rows a file and a row group, so that one date is read alone.
    """

    name: str
    comment: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    checks: tuple[Constraint, ...] = ()
    date: str | None = None
    packed: bool = False
    earlier_shape: frozenset[str] = frozenset()  # columns that tell a table of an earlier shape, which is written anew

    @property
    def column_names(self) -> list[str]:
        """The columns in order."""
        return [column.name for column in self.columns]

    @property
    def measured_paths(self) -> list[str]:
        """Parquet paths of the columns of measured numbers: hardly two are alike, a dictionary of them is work for nothing."""
        paths = {"DOUBLE": "{}", "ARRAY<DOUBLE>": "{}.list.element"}
        return [paths[c.type].format(c.name) for c in self.columns if c.type in paths and c.name not in REPEATING]

    def ddl(self) -> str:
        """The columns as Spark's CREATE TABLE takes them."""
        return ", ".join(
            f"`{c.name}` {c.type}{'' if c.nullable else ' NOT NULL'} COMMENT {sql_text(c.comment)}" for c in self.columns
        )

    def constraints(self) -> dict[str, str]:
        """The checks as Delta properties."""
        return {f"{CONSTRAINT}{check.name}": check.sql for check in self.checks}

    def properties(self) -> dict[str, str]:
        """Delta properties: the checks, both retentions (releases stay readable), no deletion vectors (older readers)."""
        return {
            **self.constraints(),
            "delta.logRetentionDuration": "interval 3650 days",
            "delta.deletedFileRetentionDuration": "interval 3650 days",
            "delta.enableDeletionVectors": "false",
            "delta.dataSkippingStatsColumns": ",".join(self.key_for_skipping()),
        }

    def key_for_skipping(self) -> list[str]:
        """The columns whose minima and maxima are kept by file: of a long table the key up to the date, else scalars, never arrays.

        The rows of a long table lie by date, with all assets and factors in each file: minima of these would skip none, and cost
        a quarter of a microsecond of CPU a row and column.
        """
        if self.date in self.key and not self.packed:
            return list(self.key[: self.key.index(self.date) + 1])
        return [c.name for c in self.columns if c.type in {"DATE", "STRING", "INT", "BIGINT", "TIMESTAMP"}][:8]

    def arrow_schema(self, *names: str) -> pa.Schema:
        """The columns as Arrow holds them, or those named: what a task that makes this table's rows gives back."""
        whole = pa.schema([pa.field(c.name, arrow_type(c.type), nullable=c.nullable) for c in self.columns])
        return pa.schema([whole.field(name) for name in names]) if names else whole

    def schema_sql(self) -> str:
        """The columns as a schema string, for functions that return this table's rows."""
        return ", ".join(f"`{c.name}` {c.type}" for c in self.columns)


def sql_text(text: str) -> str:
    """A SQL string literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def required(name: str, kind: str, comment: str, older: Older | None = None) -> Column:
    """A column that is never null; with `older`, one that rows of before it was declared may lack."""
    return Column(name, kind, comment, nullable=False, older=older)


def no_nan(*columns: str) -> tuple[Constraint, ...]:
    """Checks that numbers are not NaN: Spark says NaN > 0, so that null alone means missing."""
    return tuple(Constraint(f"{c}_is_a_number", f"{c} IS NULL OR NOT isnan({c})", c) for c in columns)


def no_nan_in(*columns: str) -> tuple[Constraint, ...]:
    """The same for arrays.

    To Spark NaN is the largest number. DataFusion puts one with a sign, which 0 / 0 gives on x86, before the smallest.
    """
    sql = "NOT (isnan(coalesce(array_max({0}), 0)) OR isnan(coalesce(array_min({0}), 0)))"
    return tuple(Constraint(f"{c}_are_numbers", sql.format(c), c) for c in columns)


def same_size(first: str, *others: str) -> tuple[Constraint, ...]:
    """Checks that parallel arrays are equally long."""
    sql = "{0} IS NULL OR cardinality({0}) = cardinality({1})"
    return tuple(Constraint(f"{other}_beside_{first}", sql.format(other, first), other, first) for other in others)


def counts(number: str, column: str) -> Constraint:
    """Checks that a number is the length of an array."""
    sql = f"cardinality({column}) = {number}"
    return Constraint(f"{number}_counts", sql, holds=length(column) == pc.field(number))


def length(column: str) -> pc.Expression:
    """How many elements an array has; null where it is null."""
    return pc.list_value_length(pc.field(column))
