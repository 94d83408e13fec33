"""A forecast of V: the variance of holdings and V y = b, in a factored or a spectral form."""

from typing import NamedTuple, Protocol

import numpy as np

from sigmalake.numerics.portfolio.linked_cov import UNLINKED, LinkedCov, specific_times
from sigmalake.numerics.portfolio.woodbury import factor_inverse, solve_asset_cov
from sigmalake.numerics.types import Floats


class Forecast(Protocol):
    """V of one date's assets, fraction^2 per period."""

    def variances(self, holdings: Floats) -> Floats:
        """h' V h of each column of (N, P) holdings."""

    def solve(self, values: Floats) -> Floats:
        """V^-1 b for each column of (N, P) values; ValueError: V has no inverse."""


class Factored(NamedTuple):
    """V = X Sigma X' + D."""

    exposures: Floats  # (N, K)
    factor_cov: Floats  # (K, K)
    specific_var: Floats  # (N,)
    linked: LinkedCov = UNLINKED

    def variances(self, holdings: Floats) -> Floats:
        """h' V h."""
        x = self.exposures.T @ holdings
        own = specific_times(self.specific_var, self.linked, holdings)
        found: Floats = (x * (self.factor_cov @ x)).sum(axis=0) + (holdings * own).sum(axis=0)
        return found

    def solve(self, values: Floats) -> Floats:
        """V^-1 b by Woodbury's identity."""
        return solve_asset_cov(factor_inverse(*self), values)


class Spectral(NamedTuple):
    """V = U diag(values) U' + rest (I - U U'), U with orthonormal columns."""

    vectors: Floats  # (N, K)
    values: Floats  # (K,)
    rest: float  # variance of every direction beyond U

    def variances(self, holdings: Floats) -> Floats:
        """h' V h."""
        return self._weighted(self.values, self.rest, holdings, holdings).sum(axis=0)

    def solve(self, values: Floats) -> Floats:
        """V^-1 b, direction by direction."""
        full = self.vectors.shape[1] == len(self.vectors)
        if min(self.values.min(), np.inf if full else self.rest) <= 0:
            raise ValueError("there are more assets than returns")
        return self._times(1 / self.values, 0.0 if full else 1 / self.rest, values)

    def _times(self, values: Floats, rest: float, b: Floats) -> Floats:
        along = self.vectors.T @ b
        found: Floats = self.vectors @ ((values - rest)[:, None] * along) + rest * b
        return found

    def _weighted(self, values: Floats, rest: float, left: Floats, right: Floats) -> Floats:
        return left * self._times(values, rest, right)
