"""What the demo recovered: the truth beside the estimates, and the sampling error by which they may differ."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import numpy as np
import pandas as pd

from sigmalake.lake.log import open_table, read_columns
from sigmalake.market import Market, Truth
from sigmalake.model import ReleasedModel
from sigmalake.numerics.arrays import Bools, Floats
from sigmalake.numerics.ewma import EQUAL, decay
from sigmalake.numerics.exposures import Factor, Kind, dense_exposures
from sigmalake.numerics.factor_cov import EwmaFactorCov, FactorCovEstimator
from sigmalake.numerics.usable_assets import full_symmetric
from sigmalake.tables.long import FACTORS
from sigmalake.tables.packed import PANEL, RISK_MODELS

RANDOM_PORTFOLIOS, RANDOM_NAMES = 5, 50
TILT = "value"  # the style of the tilted portfolio


class Snapshot(NamedTuple):
    """The close of a date: what is known, what is forecast, and what came of it. K factors in the truth's order."""

    date: date
    next_date: date | None
    assets: list[str]  # N
    caps: Floats  # (N,)
    in_estimation: Bools  # (N,)
    exposures: Floats  # (N, K)
    next_returns: Floats  # (N,) NaN: missing, or not yet known
    factor_cov: Floats  # (K, K)
    specific_var: Floats  # (N,) NaN: none
    n_obs: Floats  # (N,) specific returns in the window
    n_periods: int  # dates that Sigma rests on
    effective_periods: float  # 1 / sum of its squared weights


class Found(NamedTuple):
    """A volatility that was estimated. All are fractions a day."""

    expected: float  # what the estimator aims at: the truth and the noise in the estimated factor returns
    estimated: float
    se: float  # standard error of `estimated`

    @property
    def z(self) -> float:
        """The distance in standard errors."""
        return (self.estimated - self.expected) / self.se


class Compared(NamedTuple):
    """A true volatility, what was found by each variant, and for factors the correlation of their returns."""

    name: str
    true: float
    found: list[Found]
    correlation: float = np.nan  # of estimated with true factor returns, over all dates


class SpecificCompared(NamedTuple):
    """Specific volatilities of one variant, over the assets that have one."""

    ratios: Floats  # estimated / true
    expected_ratio: float  # root of the share of degrees of freedom that the fit leaves
    se: Floats  # of each ratio
    correlation: float  # of estimated with true, across assets
    attainable: float  # that correlation if sampling were the only error

    @property
    def within(self) -> float:
        """Share of the assets within 2 standard errors; 95 % if sampling were the only error."""
        return float(np.mean(np.abs(self.ratios - self.expected_ratio) <= 2 * self.se))


class Bias(NamedTuple):
    """sd of return(t+1) / forecast(t), over T dates [model 7]."""

    name: str
    value: float
    n_dates: int

    @property
    def band(self) -> float:
        """Two standard errors of a perfect normal forecast: sqrt(2 / T)."""
        return float(np.sqrt(2 / self.n_dates))


def snapshots(model: ReleasedModel, variant: str, factors: Sequence[str]) -> list[Snapshot]:
    """Every date that has a Sigma of the variant, ascending, from two reads of the packed tables."""
    scalars = ["date", "variant", "status", "factors", "factor_cov", "asset_id", "specific_var", "n_obs", "n_periods"]
    risk = _rows(model, RISK_MODELS.name, [*scalars, "effective_periods"])
    packed = ["exposure_date", "return_date", "factor_set", "asset_id", "ret", "cap", "in_estimation", "styles"]
    panel = _rows(model, PANEL.name, [*packed, "member_assets", "member_factors", "member_shares"])
    known = {row["exposure_date"]: row for row in panel.to_dict("records")}
    sets = _factor_sets(model)
    rows = risk[(risk["variant"] == variant) & (risk["status"] == "ok")].sort_values("date")
    return [_snapshot(row, known[row["date"]], sets, factors) for row in rows.to_dict("records")]


def _rows(model: ReleasedModel, table: str, columns: Sequence[str]) -> pd.DataFrame:
    opened = open_table(f"{model.root}/{table}", model.tables[table])
    assert opened is not None  # a release names tables that are there
    frame: pd.DataFrame = read_columns(opened, columns).to_pandas(date_as_object=True)
    return frame


def _factor_sets(model: ReleasedModel) -> dict[str, list[Factor]]:
    listed = _rows(model, FACTORS.name, FACTORS.column_names).sort_values("position")
    return {
        str(name): [Factor(*row) for row in zip(g["factor"], g["factor_group"], map(Kind, g["kind"]), strict=True)]
        for name, g in listed.groupby("factor_set")
    }


def _snapshot(risk: dict[str, object], panel: dict[str, object], sets: dict[str, list[Factor]], factors: Sequence[str]) -> Snapshot:
    cell = {name: value for name, value in panel.items()}
    columns = sets[str(cell["factor_set"])]
    assets = list(cell["asset_id"])  # type: ignore[call-overload]
    members = (np.asarray(cell[name]) for name in ("member_assets", "member_factors", "member_shares"))
    X = dense_exposures(len(assets), columns, *members, np.asarray(cell["styles"]))
    names = [factor.name for factor in columns]
    of_sigma = list(risk["factors"])  # type: ignore[call-overload]
    order = [of_sigma.index(name) for name in factors]
    by_asset = pd.DataFrame({"var": risk["specific_var"], "n": risk["n_obs"]}, index=risk["asset_id"]).reindex(assets)
    return Snapshot(
        date=risk["date"],
        next_date=cell["return_date"],
        assets=assets,
        caps=np.asarray(cell["cap"]),
        in_estimation=np.asarray(cell["in_estimation"], dtype=bool),
        exposures=X[:, [names.index(name) for name in factors]],
        next_returns=np.asarray(cell["ret"], dtype=float),
        factor_cov=full_symmetric(np.asarray(risk["factor_cov"]), len(of_sigma))[np.ix_(order, order)],
        specific_var=by_asset["var"].to_numpy(float),
        n_obs=by_asset["n"].to_numpy(float),
        n_periods=int(str(risk["n_periods"])),
        effective_periods=float(str(risk["effective_periods"])),
    )
