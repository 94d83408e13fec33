"""Rows of the driver come as they are, and cost no job."""

from datetime import date

import pytest

from sigmalake.engines.spark.listed_rows import listed_rows
from sigmalake.tables.packed import RISK_MODELS

pytestmark = pytest.mark.jvm

SCHEMA = "date date, name string, n int, x double, position array<int>"


def test_rows_come_as_they_were_listed(spark):
    rows = [(date(2024, 1, 31), "a", 1, 0.1, [1, 2]), (None, None, None, None, None), (date(1969, 12, 31), "é", -1, -0.0, [])]
    frame = listed_rows(spark, rows, SCHEMA)
    assert [tuple(row) for row in frame.collect()] == rows
    assert frame.schema.simpleString() == "struct<date:date,name:string,n:int,x:double,position:array<int>>"


def test_columns_of_a_table_are_named_by_its_declaration(spark):
    rows = [("a", date(2024, 1, 31), "hash")]
    frame = listed_rows(spark, rows, RISK_MODELS.arrow_schema("variant", "date", "inputs_hash"))
    assert [tuple(row) for row in frame.collect()] == rows
    assert frame.schema.simpleString() == "struct<variant:string,date:date,inputs_hash:string>"


def test_no_rows_make_an_empty_frame_with_all_columns(spark):
    frame = listed_rows(spark, [], SCHEMA)
    assert frame.columns == ["date", "name", "n", "x", "position"]
    assert frame.count() == 0


def test_listed_rows_are_a_local_relation_of_the_plan(spark):
    plan = listed_rows(spark, [(n,) for n in range(5000)], "n int")._jdf.queryExecution().optimizedPlan().toString()
    assert plan.startswith("LocalRelation")
