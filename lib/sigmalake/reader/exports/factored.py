"""V kept factored, for whoever optimises: X, F and a root of the specific part, with their labels."""

from typing import NamedTuple

import numpy as np

from sigmalake.numerics.portfolio.linked_cov import LinkedCov
from sigmalake.numerics.portfolio.roots import SpecificRoot, factor_root, specific_root
from sigmalake.numerics.types import Floats


class Loadings(NamedTuple):
    """V = B B' + diag(d^2): uncorrelated factors of variance 1, and a diagonal of specific volatilities."""

    factor: Floats  # (N, K + M) B = [X L, the roots of the blocks of M linked assets]
    specific: Floats  # (N,) d, fraction; 0 for a linked asset, whose specific risk is in B


class FactoredRisk(NamedTuple):
    """V = X F X' + D of some assets, D = R R. Fractions over the horizon that was requested.

    `specific_root` is R: an array of specific volatilities where D is diagonal; where issues of one issuer are linked, a sparse
    symmetric matrix with a block an issuer.
    """

    exposures: Floats  # (N, K) X: styles in standard deviations, memberships as shares
    factor_cov: Floats  # (K, K) F, fraction^2; may be singular where constraints tie the factors
    specific_root: SpecificRoot  # (N,) or (N, N) R, fraction
    assets: tuple[str, ...]  # (N,) labels of the rows of X
    factors: tuple[str, ...]  # (K,) labels of its columns
    groups: tuple[str, ...]  # (K,) the group of each factor

    @property
    def factor_root(self) -> Floats:
        """L, (K, K), with L L' = F, fraction."""
        return factor_root(self.factor_cov)

    @property
    def loadings(self) -> Loadings:
        """The same V with uncorrelated factors and a diagonal specific part, for tools that know no linked issues."""
        shared = self.exposures @ self.factor_root
        if isinstance(self.specific_root, np.ndarray):
            return Loadings(shared, self.specific_root)
        root = self.specific_root.tocoo()
        beside = root.coords[0] != root.coords[1]
        linked = np.unique(root.coords[0][beside])
        vols: Floats = self.specific_root.diagonal()
        vols[linked] = 0.0
        return Loadings(np.hstack([shared, self.specific_root[:, linked].toarray()]), vols)


def factored_risk(
    exposures: Floats,
    factor_cov: Floats,
    specific_var: Floats,
    linked: LinkedCov,
    *,
    assets: tuple[str, ...],
    factors: tuple[str, ...],
    groups: tuple[str, ...],
) -> FactoredRisk:
    """The factored form of the parts of V, which are taken as they are.

    Raises:
        ValueError: a specific variance is no number >= 0, or a block of linked assets is not positive semi-definite.
    """
    return FactoredRisk(exposures, factor_cov, specific_root(specific_var, linked), assets, factors, groups)
