"""Every forecast of a release, beside what was known with it and what came after it: the packed tables read at once."""

from collections.abc import Sequence
from datetime import date as Date  # the plain name is a field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from sigmalake.lake.log import open_table, read_columns
from sigmalake.numerics.factors import Factor, Kind, dense_exposures
from sigmalake.numerics.portfolio.coverage import full_symmetric
from sigmalake.numerics.types import Bools, Floats
from sigmalake.reader.factor_model import FactorModel
from sigmalake.tables.declaration import Table
from sigmalake.tables.long import FACTORS
from sigmalake.tables.packed import PANEL, RISK_MODELS

_RISK = (
    *("date", "variant", "status", "factors", "factor_cov", "asset_id", "specific_var", "n_obs"),
    *("n_periods", "effective_periods"),
)
_PANEL = (
    *("exposure_date", "return_date", "factor_set", "asset_id", "ret", "cap", "in_estimation", "styles"),
    *("member_assets", "member_factors", "member_shares"),
)


class Snapshot(NamedTuple):
    """The close of a date. K factors in the order asked for, N assets ascending."""

    date: Date
    next_date: Date | None
    assets: tuple[str, ...]  # (N,)
    caps: Floats  # (N,)
    in_estimation: Bools  # (N,)
    exposures: Floats  # (N, K)
    next_returns: Floats  # (N,) fractions; NaN: missing, or not yet known
    factor_cov: Floats  # (K, K) fraction^2 a day
    specific_var: Floats  # (N,) fraction^2 a day; NaN: none
    n_obs: Floats  # (N,) specific returns in the window
    n_periods: int  # dates that Sigma rests on
    effective_periods: float  # 1 / sum of its squared weights


def snapshots(lake: Path, model: FactorModel, variant: str, factors: Sequence[str]) -> list[Snapshot]:
    """Every date that has a Sigma of the variant, ascending.

    Args:
        lake: its folder.
        model: the release to read.
        variant: name of the estimators.
        factors: the K factors of each Sigma, in the order wanted.
    """
    risk = table_rows(lake, model, RISK_MODELS, _RISK)
    known = {row["exposure_date"]: row for row in _records(table_rows(lake, model, PANEL, _PANEL))}
    listed = table_rows(lake, model, FACTORS, FACTORS.column_names).sort_values("position")
    sets = {
        str(name): [Factor(f, g, Kind(k)) for f, g, k in zip(of["factor"], of["factor_group"], of["kind"], strict=True)]
        for name, of in listed.groupby("factor_set")
    }
    found = risk[(risk["variant"] == variant) & (risk["status"] == "ok")].sort_values("date")
    return [_snapshot(row, known[row["date"]], sets, factors) for row in _records(found)]


def table_rows(lake: Path, model: FactorModel, table: Table, columns: Sequence[str]) -> pd.DataFrame:
    """Some columns of a table at the release's version, or as it is where a release does not pin it."""
    opened = open_table(str(lake / table.name), model.tables.get(table.name))
    frame: pd.DataFrame = pd.DataFrame(columns=list(columns)) if opened is None else read_columns(opened, columns).to_pandas()
    return frame


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [dict(zip(map(str, frame.columns), row, strict=True)) for row in frame.itertuples(index=False, name=None)]


def _snapshot(risk: dict[str, Any], panel: dict[str, Any], sets: dict[str, list[Factor]], factors: Sequence[str]) -> Snapshot:
    columns = sets[panel["factor_set"]]
    members = panel["member_assets"], panel["member_factors"], panel["member_shares"]
    X = dense_exposures(len(panel["asset_id"]), columns, *members, panel["styles"])
    names, of_sigma = [factor.name for factor in columns], list(risk["factors"])
    order = [of_sigma.index(name) for name in factors]
    by_asset = pd.DataFrame({"var": risk["specific_var"], "n": risk["n_obs"]}, index=risk["asset_id"], dtype=float)
    by_asset = by_asset.reindex(panel["asset_id"])
    return Snapshot(
        date=risk["date"], next_date=panel["return_date"], assets=tuple(panel["asset_id"]),
        caps=panel["cap"], in_estimation=panel["in_estimation"].astype(bool),
        exposures=X[:, [names.index(name) for name in factors]], next_returns=panel["ret"].astype(float),
        factor_cov=full_symmetric(risk["factor_cov"], len(of_sigma))[np.ix_(order, order)],
        specific_var=by_asset["var"].to_numpy(), n_obs=by_asset["n"].to_numpy(),
        n_periods=risk["n_periods"], effective_periods=risk["effective_periods"],
    )  # fmt: skip
