"""All that a file says of a model as of one date: risk, factors and assets, in fractions per period."""

from collections.abc import Callable
from datetime import date as Date  # the plain name is a field
from typing import NamedTuple, TypeVar

import numpy as np
import pandas as pd

from sigmalake.errors import MissingRiskError
from sigmalake.reader.dates import Day
from sigmalake.reader.factor_model import FactorModel
from sigmalake.reader.risk_model import RiskModel

_Read = TypeVar("_Read")


class DatedModel(NamedTuple):
    """A model as of a close. Returns are of the step of the calendar that ends there, risk is of the period that follows.

    Columns of `factors`, a row a factor of Sigma: group, factor_return, std_error, t_stat. Columns of `assets`, a row an asset that
    has a V: specific_var, ts_var (before all layers but serial correlation), source, total_var, r2 (the factors' share of
    total_var), weight (in the market), beta (to the market), cap, in_estimation, ret, specific_return. NaN is not known.
    """

    model: FactorModel  # whose date it is
    release: str | None
    risk: RiskModel  # for one period of its frequency
    periods_per_year: float  # of that frequency
    factors: pd.DataFrame
    assets: pd.DataFrame
    regime_multiplier: float | None  # lambda of Sigma, which is times its square; None: no regime

    @property
    def date(self) -> Date:
        """The close."""
        return self.risk.date


def dated_model(
    model: FactorModel, date: Day | None = None, variant: str | None = None, *, periods_per_year: float | None = None
) -> DatedModel:
    """What the model says as of a date; nothing of it was known later.

    The market is the estimation universe of the date, weighted by cap; where the model has no caps, equally.

    Args:
        model: a release, or a model in memory.
        date: as of this close; None for the model's newest.
        variant: None for the first of the configuration.
        periods_per_year: in the place of what the calendar tells.

    Raises:
        MissingRiskError: no such variant, date or Sigma, no exposures, or no asset with a V.
        ConfigError: the calendar does not tell how many periods make a year.
    """
    risk = model.risk(date, variant)
    if not risk.usable:
        raise MissingRiskError(f"{risk.variant} as of {risk.date}: none of {len(risk.assets)} assets has a V")
    diagnostics = model.risk_diagnostics(risk.date, risk.variant)["value"]
    regime = diagnostics.get("regime_multiplier")
    return DatedModel(
        model=model,
        release=model.release_id,
        risk=risk,
        periods_per_year=model.periods_per_year(risk.variant) if periods_per_year is None else periods_per_year,
        factors=_factors(model, risk),
        assets=_assets(model, risk),
        regime_multiplier=None if regime is None else float(regime),
    )


def _factors(model: FactorModel, risk: RiskModel) -> pd.DataFrame:
    index = pd.Index(risk.factors, name="factor")
    columns = ["factor_return", "std_error", "t_stat"]
    fitted = _if_there(lambda: model.regression(risk.date)[columns])
    numbers = pd.DataFrame(np.nan, index, columns) if fitted is None else fitted.reindex(index)
    numbers.insert(0, "group", list(risk.groups))
    return numbers


def _assets(model: FactorModel, risk: RiskModel) -> pd.DataFrame:
    index = pd.Index(risk.usable, name="asset_id")
    X, F, specific_var, _ = risk.parts(risk.usable)
    of_factors = np.einsum("nk,kl,nl->n", X, F, X, optimize=True)
    total = of_factors + specific_var
    known = model.panel(exposure_date=risk.exposure_date).reindex(index)
    fitted = _if_there(lambda: model.cross_section(risk.date)["specific_return"])
    earned = _if_there(lambda: model.panel(return_date=risk.date)["ret"])
    layers = model.specific_risk(risk.date, risk.variant).reindex(index)
    members = known["in_estimation"].astype(bool) if "in_estimation" in known else pd.Series(True, index)
    caps = known["cap"] if "cap" in known else pd.Series(np.nan, index)
    weight = _weights(caps if "cap" in known else pd.Series(1.0, index), members)
    return pd.DataFrame(
        {
            "specific_var": specific_var,
            "ts_var": layers["ts_var"],
            "source": layers["source"],
            "total_var": total,
            "r2": np.divide(of_factors, total, out=np.full(total.size, np.nan), where=total > 0),
            "weight": weight,
            "beta": _betas(risk, weight),
            "cap": caps,
            "in_estimation": members,
            "ret": np.nan if earned is None else earned.reindex(index),
            "specific_return": np.nan if fitted is None else fitted.reindex(index),
        },
        index=index,
    )


def _weights(sizes: pd.Series, members: pd.Series) -> pd.Series:
    """Shares of the market, which sum to 1; NaN for what is not in it."""
    counted = sizes.where(members & (sizes > 0))
    shares: pd.Series = counted / counted.sum()
    return shares


def _betas(risk: RiskModel, weight: pd.Series) -> pd.Series:
    """V b / b'V b; NaN where the market has no member with a V, or no risk."""
    market = weight.dropna()
    if market.empty or risk.risk_of(market).variance == 0:
        return pd.Series(np.nan, weight.index)
    return risk.risk_against(market, market).asset_betas


def _if_there(read: Callable[[], _Read]) -> _Read | None:
    """What was read; None where the model has no regression or return of the date, as on its first."""
    try:
        return read()
    except MissingRiskError:
        return None
