"""Lakes built without the command line: a configuration from a few words, stages run on the shared session."""

import shutil
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import SparkSession

from lakes import rows_of
from sigmalake.config import Config
from sigmalake.lake.lake import Lake, Writer
from sigmalake.market import Market
from sigmalake.stages.context import Asked, Context, new_run_id
from sigmalake.stages.run import STAGES, plan, run_stage
from sigmalake.tables.catalogue import ALL_TABLES
from sigmalake.tables.declaration import Table

RISK = {
    "daily": {
        "factor_cov": {"estimator": "ewma", "half_life": 6, "window": 15, "corr_half_life": 12, "corr_window": 20},
        "specific_var": {"estimator": "ewma", "half_life": 6, "window": 15},
    },
    "weekly": {
        "factor_cov": {"estimator": "sample", "window": 18},
        "specific_var": {"estimator": "sample", "window": 12},
        "every": "week",
    },
    "monthly": {
        "factor_cov": {"estimator": "ewma", "half_life": 10, "window": 25, "centre": False},
        "specific_var": {"estimator": "ewma", "half_life": 10, "window": 25, "centre": False, "min_periods": 4},
        "every": "month",
    },
}
NEW_COUNTRIES_FROM = 45  # position of the date at which "JP" and "AA" are first seen


class Built(NamedTuple):
    """A lake, and what it was built from."""

    lake: Path
    body: dict[str, Any]
    panel: pd.DataFrame

    @property
    def config(self) -> Config:
        return Config.model_validate({**self.body, "lake": str(self.lake)})

    def rows(self, table: Table) -> pd.DataFrame:
        return rows_of(self.lake, table).to_pandas()

    def changed(self, **sections: Any) -> "Built":
        return self._replace(body={**self.body, **sections})

    def copied(self, to: Path) -> "Built":
        """The same lake in another folder."""
        shutil.copytree(self.lake, to)
        return self._replace(lake=to)


def with_countries(market: Market) -> pd.DataFrame:
    """The market's panel and a category: US and GB from the first date on; on a later date some turn JP and AA."""
    panel = market.panel.copy()
    number = panel["asset_id"].str[1:].astype(int)
    late = panel["date"] >= market.truth.dates[NEW_COUNTRIES_FROM]
    panel["country"] = np.where(number % 3 == 0, "GB", "US")
    panel.loc[late & (number % 5 == 1), "country"] = "JP"
    panel.loc[late & (number % 7 == 2), "country"] = "AA"
    return panel


def model_of(panel: pd.DataFrame, source: Path, **sections: Any) -> dict[str, Any]:
    """A configuration for a panel like the market's; sections replace its own."""
    shares = {name.removeprefix("ind_"): name for name in panel.columns if name.startswith("ind_")}
    body = {
        "model": "test",
        "sources": {"panel": {"path": str(source), "columns": {"cap": "cap", "in_estimation": "in_estimation"}}},
        "factors": [
            {"market": "market"},
            {"membership": "industry", "columns": shares},
            {"membership": "country", "column": "country"},
            {"styles": ["size", "value"]},
        ],
        "risk": RISK,
        "covariance": {"variants": ["daily", "monthly"], "dates": "last"},
    }
    return {**body, **sections}


def context_of(spark: SparkSession, built: Built, asked: Asked | None = None, *, verify: bool = False) -> Context:
    run_id, config = new_run_id(), built.config
    lake = Lake(spark, config.lake, Writer(run_id, config.full_hash(), None))
    return Context(lake, config, run_id, asked or Asked(), say=lambda _: None, verify_sources=verify)


def run_stages(spark: SparkSession, built: Built, *stages: str, asked: Asked | None = None) -> Built:
    """Run these stages, or all."""
    context = context_of(spark, built, asked)
    for stage in stages or STAGES:
        run_stage(context, stage)
    return built


def planned(spark: SparkSession, built: Built, asked: Asked | None = None) -> dict[str, dict[date, str]]:
    """Why each date of each stage would be computed; dates that would only be removed say so."""
    return {
        stage.stage: dict.fromkeys(stage.remove, "removed") | {day: why.value for day, why in stage.compute.items()}
        for stage in plan(context_of(spark, built, asked))
    }


def versions(built: Built) -> dict[str, int | None]:
    lake = Lake(None, str(built.lake))
    return {table.name: lake.version(table) for table in ALL_TABLES}


def dates_written(built: Built, table: Table, since: Mapping[str, int | None]) -> set[date]:
    """The dates of the panel that lie in the ranges committed to a table after these versions."""
    after = since[table.name]
    spans = [
        span for commit in Lake(None, str(built.lake)).commits(table, -1 if after is None else after) for span in commit.ranges
    ]
    return {day for day in built.panel["date"].dropna() if any(span.first <= day <= span.last for span in spans)}


def write_parquet(panel: pd.DataFrame, path: Path) -> Path:
    """A panel as one Parquet file; what is missing in it is null, but NaN exposures stay NaN."""
    arrays = {
        name: pa.array(column.to_numpy()) if column.dtype == float and name != "ret" else pa.array(column, from_pandas=True)
        for name, column in panel.items()
    }
    pq.write_table(pa.table(arrays), path)
    return path
