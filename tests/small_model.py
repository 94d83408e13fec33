"""A small model built in a folder of the test's own, by the local engine unless a test needs Spark."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.testing import assert_allclose

from lakes import REBUILT, differences, rows_of
from sigmalake.config.model import Config
from sigmalake.demo.market import Market, write_panel
from sigmalake.engines.engine import Engine
from sigmalake.engines.local.engine import LocalEngine
from sigmalake.engines.local.tables import LocalTables
from sigmalake.lake.folder import FolderTables
from sigmalake.lake.lake import Lake
from sigmalake.stages.context import Asked, Context, new_run_id, writing
from sigmalake.stages.queries.plan import plan
from sigmalake.stages.run import run, run_stage
from sigmalake.tables.catalogue import ALL_TABLES
from sigmalake.tables.declaration import Table
from sigmalake.tables.records import RUNS

WINDOWS = {
    "short": {
        "factor_cov": {
            "estimator": "ewma",
            "half_life": 8,
            "corr_half_life": 16,
            "window": 20,
            "corr_window": 25,
            "min_periods": 10,
        },
        "specific_var": {"estimator": "ewma", "half_life": 8, "window": 20, "min_periods": 8},
    },
    "monthly": {
        "factor_cov": {"estimator": "sample", "window": 20, "min_periods": 12},
        "specific_var": {"estimator": "sample", "window": 20, "min_periods": 8},
        "every": "month",
    },
}


OpenEngine = Callable[[str], Engine]  # on the folder or the name of a lake


def local_engine(lake: str) -> Engine:
    """An engine in this process: no JVM."""
    return LocalEngine(LocalTables(lake, 1))


@dataclass
class Model:
    """A lake, its configuration and the panel that feeds it."""

    folder: Path
    market: Market
    body: dict[str, Any]
    open_engine: OpenEngine = local_engine

    @property
    def lake_folder(self) -> Path:
        return Path(self.body["lake"])

    @property
    def config(self) -> Config:
        return Config.model_validate(self.body)

    def context(self, asked: Asked | None = None) -> Context:
        return writing(self.open_engine(self.body["lake"]), self.config, new_run_id(), asked=asked, say=lambda _: None)

    def write(self, panel: pd.DataFrame) -> "Model":
        write_panel(self.market._replace(panel=panel), self.folder / "panel.parquet")
        return self

    def run(self, asked: Asked | None = None) -> "Model":
        run(self.context(asked))
        return self

    def stage(self, name: str, asked: Asked | None = None) -> None:
        run_stage(self.context(asked), name)

    def plan(self) -> dict[str, dict[date, str]]:
        return {stage.stage: {day: why.value for day, why in stage.compute.items()} for stage in plan(self.context())}

    def versions(self) -> dict[str, int | None]:
        lake = Lake(FolderTables(self.body["lake"]))
        return {table.name: lake.version(table) for table in ALL_TABLES}

    def rows(self, table: Table) -> pd.DataFrame:
        rows = rows_of(self.lake_folder, table).to_pandas()
        return rows.sort_values("started_at") if table is RUNS else rows  # ids of runs within a second are in no order

    def copied_to(self, folder: Path) -> "Model":
        """The same lake in another folder, to go on from."""
        shutil.copytree(self.folder, folder / "copy")
        sources = {"panel": {**self.body["sources"]["panel"], "path": str(folder / "copy" / "panel.parquet")}}
        return Model(
            folder / "copy", self.market, {**self.body, "lake": str(folder / "copy" / "lake"), "sources": sources}, self.open_engine
        )


def make_model(market: Market, folder: Path, open_engine: OpenEngine = local_engine) -> Model:
    columns = list(market.panel.columns)
    shares = {name.removeprefix("ind_"): name for name in columns if name.startswith("ind_")}
    styles = [name for name in columns if name not in {"date", "asset_id", "ret", "cap", "in_estimation", *shares.values()}]
    body = {
        "model": "test",
        "lake": str(folder / "lake"),
        "sources": {"panel": {"path": str(folder / "panel.parquet"), "columns": {"cap": "cap", "in_estimation": "in_estimation"}}},
        "factors": [{"market": "market"}, {"membership": "industry", "columns": shares}, {"styles": styles, "as_given": True}],
        "residual_correlation": {"window": 30, "min_periods": 12},
        "risk": WINDOWS,
        "covariance": {"variants": ["short"], "dates": "last"},
    }
    return Model(folder, market, body, open_engine)


def write_nullable(frame: pd.DataFrame, path: Path) -> None:
    """The rows as a Parquet file, whatever is missing as null."""
    pq.write_table(pa.table({name: pa.array(column, from_pandas=True) for name, column in frame.items()}), path)


def assert_same(one: Model, other: Model) -> None:
    """An increment is a rebuild."""
    found = differences(one.lake_folder, other.lake_folder, relative=REBUILT)
    assert not found, "\n".join(found)


def assert_same_rows(one: pa.Table, other: pa.Table) -> None:
    """Keys, counts and hashes to the last bit; numbers as sums of the same terms in other blocks give them."""
    assert one.num_rows == other.num_rows
    for name in one.column_names:
        left, right = one.column(name).to_pandas(), other.column(name).to_pandas()
        if left.dtype == float:
            assert_allclose(left, right, rtol=1e-9, atol=1e-14, err_msg=name)
        else:
            assert left.equals(right), name
