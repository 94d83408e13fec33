"""A date's risk as the factor model of cvxrisk."""

from typing import TYPE_CHECKING

import numpy as np

from sigmalake.numerics.types import Floats
from sigmalake.reader.exports.factored import FactoredRisk
from sigmalake.reader.exports.tools import tool

if TYPE_CHECKING:
    from cvx.risk.factor import FactorModel


def cvxrisk_model(factored: FactoredRisk, lower: Floats | float = 0.0, upper: Floats | float = 1.0) -> "FactorModel":
    """A `cvx.risk.factor.FactorModel` of these assets, ready for `minrisk_problem`.

    cvxrisk takes a Cholesky factor of its factors' covariance, which Sigma need not have, and knows no linked issues. So it is
    given uncorrelated factors of variance 1, which have no names: bound an exposure to a factor of the model by a constraint
    `(X[:, k], least, most)` of the problem. `FactorModel.estimate(weights)` is the volatility of the weights. Leave `base` of
    `minrisk_problem` alone: cvxrisk 1.5.1 subtracts it from the specific part only, so that the benchmark itself has risk; the
    tracking error is what `RiskModel.risk_expression` is for.

    Args:
        factored: of a risk model; its horizon is that of the risk.
        lower: bounds of the weights, one for all or (N,).
        upper: the same.

    Raises:
        InfrastructureError: cvxrisk is not installed.
    """
    risk = tool("cvx.risk.factor", "cvxrisk>=1.5", "a model of cvxrisk")
    exposures, specific = factored.loadings
    n_assets, n_factors = exposures.shape
    model: FactorModel = risk.FactorModel(assets=n_assets, k=n_factors)
    model.update(
        exposure=exposures.T,
        cov=np.eye(n_factors),
        idiosyncratic_risk=specific,
        lower_assets=np.broadcast_to(lower, n_assets),
        upper_assets=np.broadcast_to(upper, n_assets),
        lower_factors=np.full(n_factors, -np.inf),
        upper_factors=np.full(n_factors, np.inf),
    )
    return model
