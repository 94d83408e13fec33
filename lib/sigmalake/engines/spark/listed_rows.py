"""What the driver knows of dates, as rows of a query."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import types as T
from pyspark.sql.pandas.types import from_arrow_schema, to_arrow_schema

from sigmalake.tables.declaration import Table
from sigmalake.tables.rows import table_rows


def listed_rows(spark: SparkSession, rows: Sequence[tuple[object, ...]], schema: str | pa.Schema) -> DataFrame:
    """Rows of the driver, as a part of the plan: of a list Spark makes a job with a task a core, and joins its outcome.

    Args:
        spark: the session.
        rows: of dates, numbers, text and arrays of them.
        schema: their columns, as a table declares them or as Spark's SQL does.
    """
    fields = T.StructType.fromDDL(schema) if isinstance(schema, str) else from_arrow_schema(schema)
    kinds = to_arrow_schema(fields)
    columns = list(zip(*rows, strict=True)) or [()] * len(kinds)
    return spark.createDataFrame(pa.table([pa.array(c, f.type) for c, f in zip(columns, kinds, strict=True)], schema=kinds), fields)


def rows_frame(spark: SparkSession, table: Table, rows: Sequence[Mapping[str, Any]]) -> DataFrame:
    """Rows of a table that were made on the driver, each value by the name of its column."""
    return spark.createDataFrame(table_rows(table, rows), table.schema_sql())
