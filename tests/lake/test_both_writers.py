"""Spark and delta-rs write the same tables, whoever reads them, and by the same constraints."""

from dataclasses import replace
from datetime import date

import pyarrow as pa
import pytest

from declared_rows import BREAKING, DAY, bare_row, broken_values, full_row
from sigmalake.engines.spark.engine import SparkEngine
from sigmalake.errors import DataError
from sigmalake.lake.creation import steps_to_declaration
from sigmalake.lake.dates import DateRange, within
from sigmalake.lake.delta_rs import write_rows
from sigmalake.lake.lake import Lake, Writer
from sigmalake.lake.log import commit_metadata, commits_since, open_table, read_columns
from sigmalake.tables.catalogue import ALL_TABLES
from sigmalake.tables.declaration import Constraint
from sigmalake.tables.long import SPECIFIC_RETURNS
from sigmalake.tables.packed import CROSS_SECTIONS, RISK_MODELS
from sigmalake.tables.records import RELEASES, RUNS
from sigmalake.tables.rows import table_rows

pytestmark = pytest.mark.jvm

LATER = date(2024, 1, 5)
SAID = commit_metadata("run", "regress", 3, "hash", [DateRange(DAY, DAY)], "local")
KINDS = pytest.mark.parametrize("table", [SPECIFIC_RETURNS, CROSS_SECTIONS, RUNS, RELEASES], ids=lambda table: table.name)


@pytest.fixture
def lake(spark, tmp_path):
    engine = SparkEngine(spark, str(tmp_path / "lake"))
    return Lake(engine.storage, Writer("run", "hash", None, engine))


@pytest.fixture
def by_spark(lake, spark):
    """Appends rows as Spark writes them."""
    return lambda table, rows: lake.append(table, frame_of(spark, table, rows), "regress")


@pytest.fixture
def seen_by_spark(lake, spark):
    """The rows of a table as Spark reads them."""
    engine = SparkEngine(spark, lake.root)
    return lambda table: sorted(map(repr, engine.read(table).toArrow().cast(table.arrow_schema()).to_pylist()))


def frame_of(spark, table, rows):
    return spark.createDataFrame(table_rows(table, rows), table.schema_sql())


def where(lake, table):
    return f"{lake.root}/{table.name}"


def by_delta_rs(lake, table, rows, predicate=None):
    write_rows(where(lake, table), table, table_rows(table, rows), predicate=predicate, commit_metadata=SAID)


def seen_by_delta_rs(lake, table):
    rows = read_columns(open_table(where(lake, table)), table.column_names, declared=table).to_pylist()
    return sorted(map(repr, rows))


def expected(table, *rows):
    return sorted(map(repr, table_rows(table, rows).to_pylist()))


@KINDS
def test_a_table_is_written_and_read_by_both(lake, by_spark, seen_by_spark, table):
    lake.create(table)
    full, bare = full_row(table), bare_row(table)
    by_delta_rs(lake, table, [full])
    by_spark(table, [bare])
    by_delta_rs(lake, table, [bare])
    assert steps_to_declaration(table, open_table(where(lake, table))) == []
    assert seen_by_spark(table) == seen_by_delta_rs(lake, table) == expected(table, full, bare, bare)


def test_each_replaces_what_the_other_wrote(lake, spark, by_spark, seen_by_spark):
    table, days = CROSS_SECTIONS, [DateRange(DAY, DAY)]
    by_spark(table, [full_row(table), full_row(table, date=LATER)])
    by_delta_rs(lake, table, [full_row(table, rank=2)], within("date", days))
    assert seen_by_spark(table) == expected(table, full_row(table, rank=2), full_row(table, date=LATER))
    lake.replace(table, frame_of(spark, table, [full_row(table, rank=3)]), "regress", days)
    assert seen_by_delta_rs(lake, table) == expected(table, full_row(table, rank=3), full_row(table, date=LATER))


def test_each_reads_in_the_log_what_the_other_says_of_a_commit(lake, spark, by_spark):
    table = SPECIFIC_RETURNS
    by_spark(table, [full_row(table)])
    by_delta_rs(lake, table, [full_row(table, date=LATER)])
    history = spark.sql(f"DESCRIBE HISTORY delta.`{where(lake, table)}`").select("version", "userMetadata").collect()
    assert {row["version"]: row["userMetadata"] for row in history}[2] == SAID
    assert [commit.run_id for commit in commits_since(open_table(where(lake, table)), None)] == [None, "run", "run"]


@pytest.mark.parametrize("table", [table for table in ALL_TABLES if table.checks], ids=lambda table: table.name)
def test_spark_finds_true_what_delta_rs_takes_and_nothing_else(spark, table):
    broken = [(name, values) for t, name, some in BREAKING if t is table for values in broken_values(table, name, some)]
    rows = [full_row(table), bare_row(table), *(full_row(table, **values) for _, values in broken)]
    listed = [{name: list(v.items()) if isinstance(v, dict) else v for name, v in row.items()} for row in rows]
    frame = spark.createDataFrame(pa.Table.from_pylist(listed, table.arrow_schema()), table.schema_sql())
    found = frame.coalesce(1).selectExpr(*(f"{check.sql} AS {check.name}" for check in table.checks)).toArrow().to_pylist()
    assert all(value is True for row in found[:2] for value in row.values())
    assert [row[name] for row, (name, _) in zip(found[2:], broken, strict=True)] == [False] * len(broken)


def test_constraints_that_only_spark_understands_are_brought_to_those_that_both_do(lake, spark, by_spark, seen_by_spark):
    before = replace(
        RISK_MODELS,
        columns=RISK_MODELS.columns[:-1],
        checks=(
            Constraint("n_obs_beside_asset_id", "n_obs IS NULL OR size(n_obs) = size(asset_id)"),
            Constraint("factor_cov_are_numbers", "factor_cov IS NULL OR array_position(factor_cov, double('NaN')) = 0"),
        ),
    )
    older = {name: value for name, value in full_row(RISK_MODELS).items() if name in before.column_names}
    by_spark(before, [older])
    by_delta_rs(lake, RISK_MODELS, [full_row(RISK_MODELS, date=LATER)])
    assert seen_by_spark(RISK_MODELS) == expected(RISK_MODELS, {**older, "frequency": None}, full_row(RISK_MODELS, date=LATER))
    with pytest.raises(DataError, match="factor_cov holds NaN"):
        by_spark(RISK_MODELS, [full_row(RISK_MODELS, factor_cov=[float("nan")] * 3)])
    broken = pa.Table.from_pylist([full_row(RISK_MODELS, factor_cov=[float("nan")] * 3)], RISK_MODELS.arrow_schema())
    with pytest.raises(Exception, match="CHECK constraint factor_cov_are_numbers"):
        lake.append(RISK_MODELS, spark.createDataFrame(broken, RISK_MODELS.schema_sql()), "risk")
