"""What holdings would earn if some factors moved as given, and the others as these let expect."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from sigmalake.errors import DataError
from sigmalake.numerics.portfolio.scenario import conditional_factor_returns
from sigmalake.reader.holdings import Holdings, Missing
from sigmalake.reader.portfolios.units import Unit, checked_shocks

if TYPE_CHECKING:
    from sigmalake.reader.risk_model import RiskModel


class ScenarioReport(NamedTuple):
    """Expected returns in a scenario, fractions of the value. `by_asset` and `by_factor` each sum to `portfolio_return`."""

    portfolio_return: float
    factor_returns: pd.Series  # by factor: the shock, or the conditional mean
    by_asset: pd.Series  # by asset, as the holdings are ordered: h X f
    by_factor: pd.Series  # by factor: x f
    left_out: dict[str, str]  # holdings without risk data, each with its reason; in no number here


def run_scenario(
    risk: "RiskModel",
    holdings: Holdings,
    shocks: Mapping[str, float],
    *,
    shocks_in: Unit | None = None,
    missing: Missing = "raise",
) -> ScenarioReport:
    """Shocks to some factors; the others move by their conditional mean, Sigma_OS Sigma_SS^-1 s; no specific returns.

    Args:
        risk: the model that says how factors move together.
        holdings: by asset, fractions of the value, any sign.
        shocks: by factor, returns in fractions; -0.1 is a fall of 10 %.
        shocks_in: `percent` for shocks like -10; `fraction` for shocks beyond 100 % that are meant.
        missing: what to do about holdings without risk data: `raise`, or `leave_out` and list them in the report.

    Raises:
        MissingRiskError: a holding has no risk data, or none is left.
        DataError: no shocks, an unknown factor, one without variance, shocks to factors that are linearly dependent, a number
            that is not finite, or one beyond 100 % without its unit.
    """
    checked, left_out = risk.split_holdings(holdings, missing)
    held = checked[checked != 0]
    factor_returns = _factor_returns(risk, checked_shocks(shocks, shocks_in))
    parts = risk.parts(list(held.index))
    by_asset = pd.Series(held.to_numpy() * (parts.exposures @ factor_returns), held.index)
    by_factor = pd.Series((parts.exposures.T @ held.to_numpy()) * factor_returns, list(risk.factors), name="return")
    return ScenarioReport(
        portfolio_return=float(by_factor.sum()),
        factor_returns=pd.Series(factor_returns, list(risk.factors), name="factor_return"),
        by_asset=by_asset.reindex(checked.index, fill_value=0.0).rename("return"),
        by_factor=by_factor,
        left_out=left_out,
    )


def _factor_returns(risk: "RiskModel", shocks: Mapping[str, float]) -> np.ndarray:
    if not shocks:
        raise DataError("the scenario has no shocks; give a return by factor")
    position = {factor: n for n, factor in enumerate(risk.factors)}
    if unknown := [factor for factor in shocks if factor not in position]:
        raise DataError(f"the scenario shocks {', '.join(unknown)}; Sigma has {', '.join(risk.factors)}")
    sizes = np.array(list(shocks.values()), dtype=float)
    if not np.isfinite(sizes).all():
        raise DataError(f"the scenario has shocks that are not finite numbers: {dict(shocks)}")
    try:
        return conditional_factor_returns(risk.factor_cov, np.array([position[factor] for factor in shocks]), sizes)
    except ValueError as error:
        raise DataError(f"the scenario of {', '.join(shocks)} has no answer: {error}; give other factors") from None
