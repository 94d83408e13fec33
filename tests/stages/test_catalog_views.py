"""Views of the last release in a catalog, by Spark: each shows a table at the version that the release pins, not the newest."""

from functools import partial

import numpy as np
import pandas as pd
import pytest

from sigmalake.lake.books import all_releases
from sigmalake.stages.upkeep.withdraw import withdraw
from sigmalake.tables.views import VIEWS

pytestmark = pytest.mark.jvm

ROOT = "spark_catalog.viewed_lake"
RISK = {
    "short": {
        "factor_cov": {"estimator": "sample", "window": 8, "min_periods": 4},
        "specific_var": {"estimator": "sample", "window": 8, "min_periods": 3},
    }
}


@pytest.fixture
def asked(model, short, spark):
    from sigmalake.engines.spark.engine import SparkEngine

    spark.sql("DROP DATABASE IF EXISTS viewed_lake CASCADE")
    spark.sql("CREATE DATABASE viewed_lake")
    model.body |= {"risk": RISK, "covariance": None, "lake": ROOT}
    model.open_engine = partial(SparkEngine, spark)
    return model.write(short)


def frame(spark, name: str, keys: list[str]) -> pd.DataFrame:
    return spark.sql(f"SELECT * FROM {ROOT}.{name}").toPandas().sort_values(keys).reset_index(drop=True)


def test_views_show_the_last_release_and_follow_it(asked, short, spark):
    days = sorted(short["date"].unique())
    asked.write(short[short["date"] < days[-1]]).run()
    first = frame(spark, "current_factor_returns", ["date", "factor"])
    names = {row["viewName"] for row in spark.sql(f"SHOW VIEWS IN {ROOT}").collect()}
    release = all_releases(asked.context().lake)[-1]
    assert names == {f"current_{name}" for name in (*release.tables, *(view.name for view in VIEWS))}
    stored = frame(spark, "factor_covariance", ["date", "factor_1", "factor_2"])
    vol = frame(spark, "current_factor_vol", ["date", "factor"])
    diagonal = stored[stored["factor_1"] == stored["factor_2"]].sort_values(["date", "factor_1"])
    np.testing.assert_array_equal(vol["annual_vol"], np.sqrt(diagonal["covariance"].to_numpy() * 252))
    corr = frame(spark, "current_factor_correlation", ["date", "factor_1", "factor_2"])
    of_date = corr[corr["date"] == days[-2]].pivot(index="factor_1", columns="factor_2", values="correlation").to_numpy()
    np.testing.assert_array_equal(of_date, of_date.T)
    np.testing.assert_array_equal(np.diag(of_date), 1.0)
    full = frame(spark, "current_factor_covariance_full", ["date", "factor_1", "factor_2"])
    assert len(full) == len(corr) == 2 * len(stored) - len(vol)

    asked.write(short)  # newer rows than the release has
    for stage in ("ingest", "quality", "regress"):
        asked.stage(stage)
    pd.testing.assert_frame_equal(frame(spark, "current_factor_returns", ["date", "factor"]), first)
    assert len(frame(spark, "factor_returns", ["date", "factor"])) > len(first)
    for name in ("current_prices", "current_mine"):
        spark.sql(f"CREATE VIEW {ROOT}.{name} AS SELECT 1 AS one")
    asked.run()
    assert frame(spark, "current_factor_returns", ["date", "factor"])["date"].max() == days[-1]
    shown = {row["viewName"] for row in spark.sql(f"SHOW VIEWS IN {ROOT}").collect()}
    assert shown == names | {"current_mine"}  # of a table that the release lacks there is none; others' stay

    context = asked.context()
    withdraw(context, all_releases(context.lake)[-1].release_id, "wrong caps")
    pd.testing.assert_frame_equal(frame(spark, "current_factor_returns", ["date", "factor"]), first)
