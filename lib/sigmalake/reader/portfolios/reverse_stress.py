"""The likeliest factor returns with which holdings lose a given amount."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
import scipy

from sigmalake.errors import DataError
from sigmalake.numerics.portfolio.reverse_stress import reverse_stress
from sigmalake.reader.holdings import Holdings, Missing
from sigmalake.reader.portfolios.units import Unit, checked_loss

if TYPE_CHECKING:
    from sigmalake.reader.risk_model import RiskModel


class ReverseStressReport(NamedTuple):
    """Factor returns over the model's horizon, fractions. `by_factor` and `by_asset` each sum to -`loss`."""

    loss: float  # fraction of the value, > 0
    factor_returns: pd.Series  # by factor: f* = -loss Sigma x / (x' Sigma x)
    by_factor: pd.Series  # by factor: x f*
    by_asset: pd.Series  # by asset, as the holdings are ordered: h X f*
    distance: float  # Mahalanobis distance of f* from 0, in standard deviations: loss over the volatility of the factor part
    factor_probability: float  # that the factors lose at least as much over the horizon, if they are normal with mean 0
    total_probability: float  # the same with the specific part: 1 - Phi(loss / sigma)
    left_out: dict[str, str]  # holdings without risk data, each with its reason; in no number here


def reverse_stress_of(
    risk: "RiskModel", holdings: Holdings, loss: float, *, loss_in: Unit | None = None, missing: Missing = "raise"
) -> ReverseStressReport:
    """Of all factor returns that lose an amount, the likeliest: the nearest to 0 in Mahalanobis distance.

    Args:
        risk: the model, over its horizon.
        holdings: by asset, fractions of the value, any sign.
        loss: > 0, a fraction of the value; 0.1 is a loss of 10 %.
        loss_in: `percent` for a loss of 10; `fraction` for a loss beyond 100 % that is meant.
        missing: what to do about holdings without risk data: `raise`, or `leave_out` and list them in the report.

    Raises:
        DataError: the loss is not above 0, or beyond 100 % without its unit; the factors give the holdings no risk.
        MissingRiskError: a holding has no risk data, or none is left.
    """
    size = checked_loss(loss, loss_in)
    report = risk.risk_of(holdings, missing=missing)
    checked, left_out = risk.split_holdings(holdings, missing)
    held = checked[checked != 0]
    x = report.exposures.to_numpy()
    try:
        stress = reverse_stress(x, risk.factor_cov, size)
    except ValueError as error:
        raise DataError(f"the reverse stress has no answer: {error}") from None
    by_asset = pd.Series(held.to_numpy() * (risk.parts(list(held.index)).exposures @ stress.factor_returns), held.index)
    return ReverseStressReport(
        loss=size,
        factor_returns=pd.Series(stress.factor_returns, list(risk.factors), name="factor_return"),
        by_factor=pd.Series(x * stress.factor_returns, list(risk.factors), name="return"),
        by_asset=by_asset.reindex(checked.index, fill_value=0.0).rename("return"),
        distance=stress.distance,
        factor_probability=stress.probability,
        total_probability=float(scipy.special.ndtr(-size / np.sqrt(report.variance))),
        left_out=left_out,
    )
