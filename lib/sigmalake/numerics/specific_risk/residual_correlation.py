"""What a diagonal Delta leaves: the correlations of standardised specific returns, against what independence would give."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from sigmalake.numerics.settings import FilledIn, setting
from sigmalake.numerics.specific_risk.standardised_residuals import StandardisedResiduals, standardise_residuals
from sigmalake.numerics.types import Floats, Ints
from sigmalake.numerics.windows.ewma import check_min_periods, check_window, fewest

LISTED = 10  # largest eigenvalues, and assets of the first component


@dataclass(frozen=True, kw_only=True)
class ResidualRules:
    """The window over which residual correlations are tested."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    window: int = setting(252, "window with equal weights", unit="periods", source="choice")
    min_periods: int | None = setting(
        None, "dates with residuals that a test needs; none: half the window, 60 at most", unit="periods", source="choice"
    )

    def __post_init__(self) -> None:
        check_window("window", self.window)
        check_min_periods(self.min_periods, self.window)

    @property
    def fewest_periods(self) -> int:
        """Dates that a test needs, the default filled in."""
        return fewest(self.min_periods, self.window)

    @property
    def filled_in(self) -> FilledIn:
        """Of the settings that may be left out, the values that count."""
        return {("min_periods",): self.fewest_periods}


class PairMeans(NamedTuple):
    """Means over pairs of assets, each pair weighted by the product of its shares."""

    correlation: float
    squared: float
    expected_squared: float  # if specific returns were independent


class ResidualCorrelation(NamedTuple):
    """What residuals have in common over a window. NaN where there is no pair."""

    n_assets: int  # N
    n_periods: int  # T
    free: float  # N*: the directions that the factors leave
    eigenvalues: Floats  # the largest, descending; the mean of all N is 1
    edge: float
    n_above: int  # eigenvalues above the edge
    pairs: PairMeans  # over all pairs
    groups: Mapping[int, PairMeans]  # over the pairs within a membership factor, by its column of X
    members: Mapping[int, float]  # the sum of its shares
    leading: Ints  # columns of the assets that are most correlated with the first component, the most correlated first
    leading_correlation: Floats  # theirs; the largest is positive


def residual_correlation(specific_returns: Floats, exposures: Floats, groups: Ints) -> ResidualCorrelation:
    """Eigenvalues of residual correlations against the edge (N/N*) (1 + sqrt(N*/T))^2, and mean squared correlations.

    Marchenko and Pastur 1967: independent returns have hardly an eigenvalue above (1 + sqrt(N/T))^2. Here the noise lives in
    the N* directions that the factors leave; with N* = N it is that edge. Eigenvalues are those of the T x T Gram matrix
    Z Z' / T, which has the same as the N x N correlations Z'Z / T other than 0. Sums over all pairs come from it, too:
    sum_ij x_i x_j rho_ij^2 = |Z diag(x) Z'|^2 / T^2. Their expectation is exact but for terms of second order:
    sum_ij x_i x_j (T_ij / (T_i T_j) T/(T-1) + C_ij^2), with C the correlations that the projection itself makes.

    Args:
        specific_returns: (T, N) fractions per period, NaN where missing.
        exposures: (N, K) X as of the newest date.
        groups: columns of X that are memberships.
    """
    found = standardise_residuals(specific_returns, exposures)
    shares = exposures[found.columns]
    n_periods, n_assets = found.values.shape
    if n_assets < 2:
        return _nothing(n_assets, n_periods, found.free)
    gram = found.values @ found.values.T / n_periods
    values, vectors = np.linalg.eigh(gram)
    edge = n_assets / found.free * (1 + np.sqrt(found.free / n_periods)) ** 2
    component = found.values.T @ vectors[:, -1] / np.sqrt(n_periods)
    component *= np.sign(component[np.abs(component).argmax()])
    leading = np.argsort(-np.abs(component), kind="stable")[:LISTED]
    return ResidualCorrelation(
        n_assets=n_assets,
        n_periods=n_periods,
        free=found.free,
        eigenvalues=values[::-1][: min(LISTED, n_assets)],
        edge=float(edge),
        n_above=int((values > edge).sum()),
        pairs=_pair_means(found, np.ones(n_assets), gram),
        groups={int(k): _pair_means(found, shares[:, k]) for k in groups},
        members={int(k): float(shares[:, k].sum()) for k in groups},
        leading=found.columns[leading],
        leading_correlation=component[leading],
    )


def _pair_means(found: StandardisedResiduals, shares: Floats, gram: Floats | None = None) -> PairMeans:
    """Over the pairs of two assets with a share; `gram` is Z diag(x) Z' / T, where it is known."""
    held = np.flatnonzero(shares)
    x, Z, Q, n_obs = shares[held], found.values[:, held], found.basis[held], found.n_obs[held]
    own = float(x @ x)
    weight = float(x.sum()) ** 2 - own
    if len(held) < 2 or weight <= 0:
        return PairMeans(np.nan, np.nan, np.nan)
    n_periods = len(Z)
    total = float(((Z @ x) ** 2).sum()) / n_periods
    if gram is not None:
        squares = float((gram**2).sum())
    elif len(held) < n_periods:
        squares = float(x @ (Z.T @ Z / n_periods) ** 2 @ x)
    else:
        squares = float((((Z * x) @ Z.T / n_periods) ** 2).sum())
    observed = found.is_observed[:, held] / n_obs
    noise = float(((observed @ x) ** 2).sum() - (x**2 / n_obs).sum()) * n_periods / (n_periods - 1)
    free = 1.0 - (Q**2).sum(axis=1)
    projected = float(((Q.T @ (Q * (x / free)[:, None])) ** 2).sum() - ((x * (1 - free) / free) ** 2).sum())
    return PairMeans((total - own) / weight, (squares - own) / weight, (noise + projected) / weight)


def _nothing(n_assets: int, n_periods: int, free: float) -> ResidualCorrelation:
    none = PairMeans(np.nan, np.nan, np.nan)
    return ResidualCorrelation(
        n_assets, n_periods, free, np.empty(0), np.nan, 0, none, {}, {}, np.empty(0, dtype=np.int64), np.empty(0)
    )
