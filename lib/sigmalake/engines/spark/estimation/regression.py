"""The regressions on Spark: a pandas UDF over the rows of `panel`, without a shuffle.

A task holds one batch of rows (`fit_batches` bounds it by bytes).
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

import pandas as pd
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from sigmalake.engines.spark.parts import map_parts
from sigmalake.numerics.factors import Factor
from sigmalake.numerics.regression.rules import RegressionRules
from sigmalake.tables.declaration import Table
from sigmalake.tables.packed import CROSS_SECTIONS
from sigmalake.tasks.chunks import Chunk
from sigmalake.tasks.contract import MapTask
from sigmalake.tasks.first_pass import FitSecondPass
from sigmalake.tasks.regression import FitDates
from sigmalake.tasks.risk.window_arrays import HISTORY, KNOWN


def fit_each_date(
    panel: DataFrame,
    factor_sets: Mapping[str, Sequence[Factor]],
    rules: RegressionRules,
    inputs_hashes: Mapping[date, str],
    into: Table = CROSS_SECTIONS,
) -> DataFrame:
    """The rows of `cross_sections`, or of `first_pass`, for rows of `panel` with returns; a hash for each return date."""
    return _map_rows(FitDates(factor_sets, rules, inputs_hashes, into), panel)


def fit_second_pass(
    panel: DataFrame, first_pass: DataFrame, calendar: Sequence[date], chunks: Sequence[Chunk], fit: FitDates
) -> DataFrame:
    """The rows of `cross_sections` of two passes: the dates of the chunks go to a task with the windows before them.

    Args:
        panel: its rows for the as-of dates.
        first_pass: its rows for at least the windows before them.
        calendar: return dates, ascending.
        chunks: the return dates to weigh.
        fit: the regression.
    """
    return map_parts(FitSecondPass(calendar, chunks, fit), {HISTORY: first_pass, KNOWN: panel})


def _map_rows(task: MapTask, rows: DataFrame) -> DataFrame:
    (read,) = task.inputs.values()
    schema = pa.schema([]) if read.table is None else read.table.arrow_schema()
    schema = pa.schema([schema.field(name) for name in read.columns])

    def apply(batches: Iterator[tuple[pd.Series, ...]]) -> Iterator[pd.DataFrame]:
        for columns in batches:
            given = pa.table([pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)], schema=schema)
            yield _as_frame(task(given))

    udf: Any = F.pandas_udf(apply, task.into.schema_sql())
    return rows.select(udf(*read.columns).alias("row")).select("row.*")


def _as_frame(rows: pa.Table) -> pd.DataFrame:
    """Rows as a pandas UDF gives them back: what is null within an array stays null."""
    columns = {name: rows.column(name) for name in rows.column_names}
    return pd.DataFrame(
        {name: _arrays(column) if pa.types.is_list(column.type) else column.to_pandas() for name, column in columns.items()}
    )


def _arrays(column: pa.ChunkedArray) -> pd.Series:
    cells = (cell.values for cell in column)
    found = [cell if cell is None else cell.to_pylist() if cell.null_count else cell.to_numpy(False) for cell in cells]
    return pd.Series(found, dtype=object)
