"""What a checked source row is, and how one column is checked.

Rows of every source become `date, asset_id, file, row_hash, source_rows, usable, problems` and the columns of what they carry.
A row without problems is usable; nothing is repaired, nothing is dropped.
"""

from collections.abc import Mapping, Sequence
from functools import reduce
from operator import and_
from typing import NamedTuple

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from sigmalake.config.sources import Location
from sigmalake.engines.spark.sources.read import (
    DATE_TYPES,
    FILE,
    ID_TYPES,
    NUMBER_TYPES,
    RAGGED,
    day,
    number,
    quoted,
    require_columns,
    require_type,
)
from sigmalake.tasks.sources.checking import Reason

PROBLEM = "struct<column:string,reason:string,value:string>"


class Half(NamedTuple):
    """What one half of the panel takes from a source: the source's frame, and the checked columns of it by name."""

    frame: DataFrame
    columns: dict[str, Column]

    @property
    def rows(self) -> DataFrame:
        """Every row of the source, checked."""
        return selected(self.frame, self.columns)


def accepted(rows: DataFrame) -> DataFrame:
    """The rows without problems."""
    return rows.where("usable")


def where(halves: Mapping[str, Half], wanted: Column) -> dict[str, Half]:
    """Halves of one frame, on some of its rows."""
    frame = next(iter(halves.values())).frame.where(wanted)
    return {name: Half(frame, half.columns) for name, half in halves.items()}


def selected(frame: DataFrame, columns: Mapping[str, Column]) -> DataFrame:
    """Columns under names that the source may have, too: within a lambda Spark would take such a name for the new column."""
    return frame.select(*(column.alias(f"__{name}") for name, column in columns.items())).toDF(*columns)


def checked(
    frame: DataFrame,
    date_column: str,
    asset_column: str | None,
    checks: Sequence[Column],
    payload: Mapping[str, Column],
    used: Sequence[str],
    bulky: Sequence["Bulky"] = (),
) -> Half:
    """The checked rows of a source.

    Args:
        frame: the source.
        date_column: of its dates.
        asset_column: of its assets; None: it has none.
        checks: problems of a row, null where there is none.
        payload: what a row carries, by name.
        used: columns whose values are in the hash of a row.
        bulky: checks of many columns alike.
    """
    keys = [date_column, *([asset_column] if asset_column else []), *([RAGGED] if RAGGED in frame.columns else [])]
    read = list(dict.fromkeys([*keys, *used]))
    hashed = [*(_hashable(frame, column) for column in read), *_null_flags(read)]
    asset = F.col(quoted(asset_column)).cast("string") if asset_column else F.lit("")
    usable = reduce(and_, [*(check.isNull() for check in checks), *(found.clean for found in bulky)])
    columns = {
        "date": day(frame, date_column),
        "asset_id": asset,
        "file": F.col(FILE) if FILE in frame.columns else F.lit(None).cast("string"),
        "row_hash": F.xxhash64(*hashed),
        "source_rows": F.col("n_long_rows") if "n_long_rows" in frame.columns else F.lit(1),
        "usable": usable,
        "problems": _unless(usable, [*checks, *(wrong for found in bulky for wrong in found.problems)]),
    }
    return Half(frame, {**columns, **payload})


class Bulky(NamedTuple):
    """Checks of many columns alike, and one cheap expression that says that none of them finds anything."""

    clean: Column
    problems: list[Column]


def _unless(clean: Column, problems: Sequence[Column]) -> Column:
    """Problems that are looked for only where one cheap expression says that there are some.

    The lambda keeps them out of the generated code: three expressions for each of 40 styles make a method that the JVM will
    not compile, and every row pays for it (20 us a row of 40 styles against 2).
    """
    found = F.transform(F.array(F.lit(0)), lambda _: F.array_compact(F.array(*problems)).cast(f"array<{PROBLEM}>"))
    return F.when(clean, F.array().cast(f"array<{PROBLEM}>")).otherwise(F.flatten(found))


def _hashable(frame: DataFrame, column: str) -> Column:
    """What of a column goes into the hash."""
    given = F.col(quoted(column))
    return F.array_sort(F.map_entries(given)) if isinstance(frame.schema[column].dataType, T.MapType) else given


def _null_flags(columns: Sequence[str]) -> list[Column]:
    """A bit a column, set where it is null: xxhash64 passes over nulls, and a value could move to the column beside it unseen."""
    bits = [F.shiftleft(F.col(quoted(column)).isNull().cast("long"), n % 63) for n, column in enumerate(columns)]
    return [reduce(Column.bitwiseOR, bits[first : first + 63]) for first in range(0, len(bits), 63)]


def problem(column: str, reason: Reason, wrong: Column, value: Column | None = None) -> Column:
    """What is wrong with a column of a row, null where nothing is; `value`: what is shown of it, by default the column."""
    shown = F.col(quoted(column)) if value is None else value
    return F.when(
        wrong,
        F.struct(F.lit(column).alias("column"), F.lit(reason.value).alias("reason"), shown.cast("string").alias("value")),
    )


def key_problems(frame: DataFrame, date_column: str, asset_column: str | None, name: str, source: Location) -> list[Column]:
    """Problems of a row's date and asset."""
    require_columns(frame, [date_column, *([asset_column] if asset_column else [])], name, source)
    require_type(frame, date_column, DATE_TYPES, name, source)
    given = F.col(quoted(date_column))
    found = [
        problem(date_column, Reason.MISSING, given.isNull()),
        problem(date_column, Reason.NOT_A_DATE, given.isNotNull() & day(frame, date_column).isNull()),
    ]
    if RAGGED in frame.columns:
        found.append(problem("line", Reason.RAGGED, F.col(RAGGED).isNotNull(), F.col(RAGGED)))
    if asset_column:
        require_type(frame, asset_column, ID_TYPES, name, source)
        asset = F.col(quoted(asset_column))
        found.append(problem(asset_column, Reason.MISSING, asset.isNull() | (F.trim(asset.cast("string")) == "")))
    return found


def number_problems(frame: DataFrame, column: str, name: str, source: Location, *, missing: bool = True) -> list[Column]:
    """Problems of a number; `missing`: whether its absence is one."""
    require_type(frame, column, NUMBER_TYPES, name, source)
    value, absent = number(frame, column), is_absent(frame, column)
    found = [problem(column, Reason.NOT_FINITE, is_not_finite(value))]
    if isinstance(frame.schema[column].dataType, T.StringType):
        found.append(problem(column, Reason.NOT_A_NUMBER, ~absent & value.isNull()))
    if missing:
        found.append(problem(column, Reason.MISSING, absent))
    return found


def currency_problems(frame: DataFrame, column: str, name: str, source: Location) -> list[Column]:
    """Problems of a currency's name."""
    require_columns(frame, [column], name, source)
    require_type(frame, column, ID_TYPES, name, source)
    return [problem(column, Reason.MISSING, F.coalesce(F.trim(F.col(quoted(column)).cast("string")), F.lit("")) == "")]


def is_absent(frame: DataFrame, column: str) -> Column:
    """Whether a cell is null or, of text, blank."""
    given = F.col(quoted(column))
    blank = isinstance(frame.schema[column].dataType, T.StringType)
    return given.isNull() | (F.trim(given) == "") if blank else given.isNull()


def is_not_finite(value: Column) -> Column:
    """Whether a number is NaN or infinite."""
    return F.isnan(value) | (F.abs(value) == float("inf"))


def is_not_positive(frame: DataFrame, column: str) -> Column:
    """Whether a number is 0 or less."""
    return number(frame, column) <= 0


def as_flag(frame: DataFrame, column: str) -> Column:
    """A flag from true and false, their names, or 1 and 0; null for all else."""
    kind = frame.schema[column].dataType
    given = F.col(quoted(column))
    if isinstance(kind, T.StringType):
        return given.try_cast("boolean")
    return F.when(given.cast("double").isin(0.0, 1.0), given.cast("double") == 1.0) if isinstance(kind, T.NumericType) else given
