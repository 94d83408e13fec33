"""What the driver knows of dates, as rows of a query."""

from collections.abc import Sequence

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import types as T
from pyspark.sql.pandas.types import from_arrow_schema, to_arrow_schema


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
