"""Views of the last release in a catalog, by Spark: each shows a table at the version that the release pins, not the newest."""

from datetime import UTC, date, datetime
from functools import partial
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest

from plain_market import complete
from sigmalake.lake.books import record_release
from sigmalake.lake.releases import Release
from sigmalake.stages.side_tables.current_views import refresh_views
from sigmalake.stages.upkeep.withdraw import withdraw
from sigmalake.tables.long import FACTOR_COVARIANCE, SPECIFIC_RISK
from sigmalake.tables.packed import PANEL, RISK_MODELS
from sigmalake.tables.views import VIEWS

pytestmark = pytest.mark.jvm

ROOT = "spark_catalog.viewed_lake"
DAYS = [date(2024, 3, 1), date(2024, 3, 4), date(2024, 3, 5)]
PERIODS = {"short": "period", "by-month": "month"}
SIGMA = {("a", "a"): 4e-4, ("a", "b"): -1e-4, ("b", "b"): 9e-4}


@pytest.fixture
def context(model, spark):
    """A lake with the tables that the declared views read."""
    from sigmalake.engines.spark.engine import SparkEngine

    spark.sql("DROP DATABASE IF EXISTS viewed_lake CASCADE")
    spark.sql("CREATE DATABASE viewed_lake")
    model.body |= {"covariance": None, "lake": ROOT}
    model.open_engine = partial(SparkEngine, spark)
    found = model.context()
    add(found, PANEL, [complete(PANEL, {"exposure_date": day, "return_date": after}) for day, after in pairwise(DAYS)])
    models = [{"variant": name, "date": DAYS[1], "frequency": period} for name, period in PERIODS.items()]
    add(found, RISK_MODELS, [complete(RISK_MODELS, row) for row in models])
    own = {"variant": "short", "date": DAYS[1], "asset_id": "X", "specific_var": 1e-4}
    add(found, SPECIFIC_RISK, [complete(SPECIFIC_RISK, own)])
    add_sigma(found, DAYS[1], 1.0)
    return found


def add(context, table, rows) -> None:
    context.lake.append(table, context.engine.driver_rows(pa.Table.from_pylist(rows, table.arrow_schema())), "test")


def add_sigma(context, day: date, times: float) -> None:
    cells = [
        {"variant": name, "date": day, "factor_1": one, "factor_2": other, "covariance": times * value}
        for name in PERIODS
        for (one, other), value in SIGMA.items()
    ]
    add(context, FACTOR_COVARIANCE, cells)


def release(context, number: int) -> str:
    tables = {table.name: context.lake.version(table) for table in (PANEL, RISK_MODELS, SPECIFIC_RISK, FACTOR_COVARIANCE)}
    made = datetime(2024, 3, 6, number, tzinfo=UTC)
    row = Release(f"{DAYS[1]}.{number}", made, DAYS[1], list(PERIODS), tables, "-", "-", [], number, {}, None)
    record_release(context.lake, context.engine.driver_rows, row)
    return row.release_id


def shown(spark) -> dict[date, float]:
    rows = spark.sql(f"SELECT date, covariance FROM {ROOT}.current_factor_covariance WHERE factor_2 = 'a' AND variant = 'short'")
    return {row["date"]: row["covariance"] for row in rows.collect()}


def views_of(spark):
    """The catalog's own: other tests leave temporary ones in the session."""
    return {row["viewName"] for row in spark.sql(f"SHOW VIEWS IN {ROOT}").collect() if not row["isTemporary"]}


def test_views_show_what_the_last_release_pins_and_follow_it(context, spark):
    first = release(context, 1)
    said = []
    context = context.__class__(**{**vars(context), "say": said.append})
    refresh_views(context)
    names = views_of(spark)
    tables = ("panel", "risk_models", "specific_risk", "factor_covariance")
    assert names == {f"current_{name}" for name in (*tables, *(view.name for view in VIEWS))}
    assert said == [f"views: {len(names)} views {ROOT}.current_... show {first}"]
    the_declared_views_say_in_spark_what_they_say_in_duckdb(spark)
    add_sigma(context, DAYS[2], 2.0)  # newer rows than the release has
    assert shown(spark) == {DAYS[1]: 4e-4}
    refresh_views(context)  # nothing to do
    assert len(said) == 1
    for name in ("current_prices", "current_mine"):
        spark.sql(f"CREATE VIEW {ROOT}.{name} AS SELECT 1 AS one")
    second = release(context, 2)
    refresh_views(context)
    assert shown(spark) == {DAYS[1]: 4e-4, DAYS[2]: 8e-4}
    # of a table that the release lacks there is none; a view of somebody else's stays
    assert views_of(spark) == names | {"current_mine"}
    withdraw(context, second, "wrong caps")
    assert shown(spark) == {DAYS[1]: 4e-4}
    withdraw(context, first, "wrong caps")
    assert views_of(spark) == {"current_mine"}


def the_declared_views_say_in_spark_what_they_say_in_duckdb(spark):
    def rows(name: str, order: str) -> list[tuple]:
        return [tuple(row) for row in spark.sql(f"SELECT * FROM {ROOT}.current_{name} ORDER BY {order}").collect()]

    assert rows("periods_per_year", "variant") == [("by-month", "month", 12.0), ("short", "period", 252.0)]
    full = rows("factor_covariance_full", "variant, factor_1, factor_2")
    sigma = [(one, other, SIGMA[min(one, other), max(one, other)]) for one in "ab" for other in "ab"]
    assert [row[2:] for row in full if row[0] == "short"] == [(one, other, cov, cov * 252.0) for one, other, cov in sigma]
    assert all(row[5] == row[4] * 12.0 for row in full if row[0] == "by-month")
    corr = [row[4] for row in rows("factor_correlation", "variant DESC, factor_1, factor_2")[:4]]
    np.testing.assert_allclose(corr, [1.0, -1 / 6, -1 / 6, 1.0], rtol=1e-15)
    assert rows("factor_vol", "variant DESC, factor")[0] == ("short", DAYS[1], "a", np.sqrt(4e-4), np.sqrt(4e-4 * 252))
    assert rows("specific_vol", "asset_id") == [("short", DAYS[1], "X", np.sqrt(1e-4), np.sqrt(1e-4 * 252))]
