"""A risk model as a prior of skfolio: covariance and factor structure for its optimisers. Importing this needs skfolio."""

from typing import Any

import numpy as np
import pandas as pd

from sigmalake.errors import DataError
from sigmalake.reader.exports.tools import tool
from sigmalake.reader.holdings import Missing, check_missing
from sigmalake.reader.risk_model import RiskModel

tool("skfolio", "skfolio>=1.12", "a prior of skfolio")

from skfolio.moments import BaseMu, EmpiricalMu  # noqa: E402 - where it lacks, the line above has said so
from skfolio.prior import BasePrior, FactorModel, ReturnDistribution  # noqa: E402
from sklearn.base import clone  # noqa: E402


class RiskModelPrior(BasePrior):
    """Gives an optimiser of skfolio the covariance of a risk model in the place of one that is estimated from returns.

        MeanRisk(prior_estimator=RiskModelPrior(risk)).fit(returns)

    The assets are the columns of the returns, in their order. skfolio optimises on the factored form: X L beside the specific
    volatilities, or beside a root of all of D where issues are linked.

    Args:
        risk: of a date, per the same period as the returns that are fitted: a horizon of 1 for the model's own returns.
        mu_estimator: of the expected returns, fractions per period; None: their means, `skfolio.moments.EmpiricalMu`.
        missing: what to do about columns without a V: `raise`, or `leave_out`, which tells skfolio that they cannot be held.
    """

    def __init__(self, risk: RiskModel, mu_estimator: BaseMu | None = None, missing: Missing = "raise") -> None:
        self.risk = risk
        self.mu_estimator = mu_estimator
        self.missing = missing

    def fit(self, X: Any, y: Any = None, **fit_params: Any) -> "RiskModelPrior":  # noqa: ARG002 - skfolio's signature
        """Expected returns from the returns, everything else from the risk model.

        Args:
            X: a frame of returns, a row a date and a column an asset, called by its id, fractions per period.
            y: not used.
            fit_params: not used.

        Raises:
            DataError: X is no frame, or expected returns that are missing.
            MissingRiskError: columns without a V, unless they may be left out; or none is left.
        """
        check_missing(self.missing)
        if not isinstance(X, pd.DataFrame):
            raise DataError(f"returns are a {type(X).__name__}; give a DataFrame whose columns are asset ids")
        split, _ = self.risk.split_holdings(pd.Series(1.0, index=X.columns), self.missing)
        known = np.isin(np.asarray(X.columns, dtype=str), split.index)
        self.feature_names_in_ = np.asarray(X.columns, dtype=object)
        self.n_features_in_ = X.shape[1]
        self.mu_estimator_ = EmpiricalMu() if self.mu_estimator is None else clone(self.mu_estimator)
        self.mu_estimator_.fit(X)
        self.return_distribution_ = self._distribution(X, known, np.asarray(self.mu_estimator_.mu_, dtype=float))
        return self

    def _distribution(self, X: pd.DataFrame, known: np.ndarray, mu: np.ndarray) -> ReturnDistribution:
        """NaN stands for what is not known, as skfolio has it."""
        assets = [str(asset) for asset in X.columns[known]]
        n_assets = known.size
        loadings, F, specific_var, linked = self.risk.parts(assets)
        cov, exposures = np.full((n_assets, n_assets), np.nan), np.full((n_assets, F.shape[0]), np.nan)
        cov[np.ix_(known, known)], exposures[known] = self.risk.asset_cov(assets).to_numpy(), loadings
        idio = np.full(n_assets, np.nan)
        idio[known] = specific_var
        if linked.cov.size:
            first, second = np.flatnonzero(known)[linked.pairs].T
            idio = np.diag(idio)
            idio[first, second] = idio[second, first] = linked.cov
        if n_bad := int(np.isnan(mu[known]).sum()):
            raise DataError(f"{n_bad} of {known.sum()} assets have no expected return; leave them out of the returns, or fill them")
        mu = np.where(known, mu, np.nan)
        of_factors = np.linalg.lstsq(loadings, mu[known], rcond=None)[0]
        structure = FactorModel(
            observations=X.index.to_numpy(),
            asset_names=np.asarray(X.columns, dtype=object),
            factor_names=np.array(self.risk.factors),
            factor_families=np.array(self.risk.groups),
            loading_matrix=exposures,
            exposures=None,
            factor_covariance=F,
            factor_mu=of_factors,
            factor_returns=None,
            idio_covariance=idio,
            idio_mu=mu - exposures @ of_factors,
            idio_returns=None,
            idio_variances=None,
        )
        returns = X.to_numpy(dtype=float, copy=True)
        returns[:, known] = np.nan_to_num(returns[:, known])
        return ReturnDistribution(mu=mu, covariance=cov, returns=returns, factor_model=structure)
