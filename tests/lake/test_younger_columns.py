"""A table made before a column was declared gets it when it is next written."""

from dataclasses import replace
from datetime import date

import pytest

from sigmalake.engines.spark.engine import SparkEngine
from sigmalake.lake.dates import DateRange
from sigmalake.lake.lake import Lake, Writer
from sigmalake.tables.declaration import Column, Constraint, Table, required

pytestmark = pytest.mark.jvm

NOW = Table(
    name="grown",
    comment="A table",
    key=("date",),
    date="date",
    columns=(
        required("date", "DATE", "a date"),
        required("size", "INT", "a number"),
        Column("frequency", "STRING", "a younger one"),
    ),
    checks=(Constraint("size_is_positive", "size > 0"),),
)
BEFORE = replace(NOW, columns=NOW.columns[:2])
DAYS = [date(2024, 3, day) for day in (1, 4, 5)]


def test_older_rows_have_null_in_it_whether_rows_are_added_or_replaced(spark, tmp_path):
    engine = SparkEngine(spark, str(tmp_path))
    lake = Lake(engine.storage, Writer("run", "hash", None, engine))
    old = spark.createDataFrame([(day, 1) for day in DAYS[:2]], "date date, size int")
    lake.replace(BEFORE, old, "risk", [DateRange(DAYS[0], DAYS[1])])
    restated = spark.createDataFrame([(DAYS[1], 2, "month")], "date date, size int, frequency string")
    lake.replace_rows(NOW, restated, "risk", f"date = DATE'{DAYS[1]}'")
    new = spark.createDataFrame([(DAYS[2], 3, "period")], "date date, size int, frequency string")
    lake.replace(NOW, new, "risk", [DateRange(DAYS[2], DAYS[2])])
    found = [tuple(row) for row in engine.read(NOW).orderBy("date").collect()]
    assert found == [(DAYS[0], 1, None), (DAYS[1], 2, "month"), (DAYS[2], 3, "period")]
