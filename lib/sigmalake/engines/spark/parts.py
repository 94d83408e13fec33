"""Tasks over parts: each row goes to the parts that read its date, and a task gets the rows of one part by role."""

from collections.abc import Callable, Mapping, Sequence
from functools import reduce

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame, GroupedData
from pyspark.sql import functions as F

from sigmalake.engines.spark.listed_rows import listed_rows
from sigmalake.tasks.arrays import lengths
from sigmalake.tasks.contract import Input, PartTask


def map_parts(task: PartTask, inputs: Mapping[str, DataFrame]) -> DataFrame:
    """The rows of a task's table, of all of its parts.

    Args:
        task: reads rows of tables alone.
        inputs: by role, at least the rows of the dates that its parts read.
    """
    spark = next(iter(inputs.values())).sparkSession
    wanted = [
        (day, role, part)
        for part in range(task.n_parts)
        for role, days in task.dates(part).items()
        for day in days
        if role in inputs
    ]
    if not wanted:
        return spark.createDataFrame([], task.into.schema_sql())
    destinations = listed_rows(spark, wanted, "date date, role string, chunk int")
    united = reduce(DataFrame.unionByName, [_of_role(rows, role, task.inputs) for role, rows in inputs.items()])
    sent = united.join(F.broadcast(destinations), ["date", "role"])

    def read(rows: pa.Table) -> dict[str, pa.Table]:
        return {role: _rows_of(rows, role, given) for role, given in task.inputs.items()}

    return by_part(sent, task.n_parts).applyInArrow(of_part(task, read), task.into.schema_sql())


def of_part(task: PartTask, read: Callable[[pa.Table], Mapping[str, pa.Table]]) -> Callable[[pa.Table], pa.Table]:
    """The task as a function of the rows of one part: Spark asks a function for its types, and a partial one has none."""

    def apply(rows: pa.Table) -> pa.Table:
        return task(rows.column("chunk")[0].as_py(), read(rows))

    return apply


def by_part(sent: DataFrame, n_parts: int) -> GroupedData:
    """Rows grouped by their column `chunk`, one task a part; a hash would put three in one task and none in another."""
    return sent.repartitionById(n_parts, "chunk").groupBy("chunk")


def unpacked_days(days: pa.Table, dated: str, columns: Sequence[str]) -> pa.Table:
    """Rows of a source, of which a row holds those of one `date`: a row each."""
    number = np.repeat(np.arange(days.num_rows), lengths(days, columns[0]))
    flat = {name: pc.list_flatten(days.column(name)) for name in columns}
    return pa.table({dated: days.column("date").take(pa.array(number)), **flat})


def _of_role(rows: DataFrame, role: str, inputs: Mapping[str, Input]) -> DataFrame:
    """Rows as tasks get them: all with the columns of every role, null where they are another's."""
    columns = [F.col(inputs[role].dated).alias("date"), F.lit(role).alias("role")]
    for other, read in inputs.items():
        types = {c.name: c.type for c in read.table.columns} if read.table else {}
        for name in read.columns:
            if name != read.dated:
                value = F.col(name) if other == role else F.lit(None).cast(types[name])
                columns.append(value.alias(f"{other}__{name}"))
    return rows.select(*columns)


def _rows_of(rows: pa.Table, role: str, read: Input) -> pa.Table:
    names = ["date" if name == read.dated else f"{role}__{name}" for name in read.columns]
    return rows.select(names).filter(pc.equal(rows.column("role"), role)).rename_columns(list(read.columns))
