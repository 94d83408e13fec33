"""Shares of one issuer: the covariance of their specific returns."""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from sigmalake.numerics.settings import setting
from sigmalake.numerics.types import Floats, Ints
from sigmalake.numerics.windows.ewma import check_min_periods, check_window, decay, fewest


@dataclass(frozen=True, kw_only=True)
class LinkedIssues:
    """Specific covariances between the shares of an issuer, their correlations shrunk towards 0 (**choice**)."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    shrinkage: float = setting(
        0.1, "share of the identity in the correlations of an issuer's shares", unit="share", source="choice"
    )
    window: int | None = setting(None, "window of the correlations; none: the variances' window", unit="periods")
    min_periods: int | None = setting(
        None, "common dates of an issuer's shares; none: half the window, 60 at most", unit="periods", source="choice"
    )

    def __post_init__(self) -> None:
        if not 0 <= self.shrinkage <= 1:
            raise ValueError(f"shrinkage is {self.shrinkage}; it must be from 0 (none) to 1 (no correlation), e.g. 0.1")

    def periods(self, window: int) -> int:
        """The window, where none is given that of the variances."""
        return window if self.window is None else self.window

    def check_window(self, window: int) -> None:
        """Refuse a window without a correlation, or `min_periods` beyond it."""
        check_window("linked.window", self.periods(window))
        check_min_periods(self.min_periods, self.periods(window))

    def fewest_dates(self, window: int) -> int:
        """Common dates that are needed."""
        return fewest(self.min_periods, self.periods(window))


class IssuerCov(NamedTuple):
    """The entries of the issuers' blocks above the diagonal; Delta is their diagonal."""

    first: Ints  # (L,) position of an asset
    second: Ints  # (L,) position of another of the same issuer, after the first
    cov: Floats  # (L,) fraction^2 per period
    n_issuers: int  # with two shares or more that have a specific variance
    n_left_out: int  # of their shares, without a pair: too few common dates, or no variation

    @classmethod
    def none(cls) -> "IssuerCov":
        """No pair."""
        return cls(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), np.empty(0), 0, 0)


def issuer_cov(
    specific_returns: Floats, specific_var: Floats, issuers: Ints, half_life: float, shrinkage: float, min_periods: int
) -> IssuerCov:
    """cov_ij = (1 - shrinkage) rho_ij sqrt(Delta_i Delta_j) for the shares i, j of one issuer.

    rho is the weighted correlation of u over the dates on which all of the issuer's shares have one, so that each
    issuer's block is positive semi-definite whatever the variances. While these dates are fewer than `min_periods`, the
    share with the fewest returns (on ties the last) leaves; so does a share without variation (**choice**).

    Args:
        specific_returns: (T, N) one window, fractions, NaN where missing.
        specific_var: (N,) Delta, fraction^2 per period, NaN where there is none.
        issuers: (N,) a number an issuer; below 0: unknown.
        half_life: periods.
        shrinkage: 0 to 1.
        min_periods: common dates needed, >= 2.
    """
    blocks, n_left_out = [], 0
    candidates = np.flatnonzero((issuers >= 0) & (specific_var > 0))
    order = candidates[np.argsort(issuers[candidates], kind="stable")]
    groups = np.split(order, np.flatnonzero(np.diff(issuers[order])) + 1)
    several = [shares for shares in groups if shares.size > 1]
    for shares in several:
        kept, rho = _correlations(specific_returns, shares, half_life, min_periods)
        n_left_out += shares.size - kept.size
        row, column = np.triu_indices(kept.size, 1)
        vol = np.sqrt(specific_var[kept])
        blocks.append((kept[row], kept[column], (1 - shrinkage) * rho[row, column] * vol[row] * vol[column]))
    if not blocks:
        return IssuerCov.none()
    first, second, cov = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
    in_order = np.lexsort((second, first))
    return IssuerCov(first[in_order], second[in_order], cov[in_order], len(several), n_left_out)


def _correlations(specific_returns: Floats, shares: Ints, half_life: float, min_periods: int) -> tuple[Ints, Floats]:
    """The shares that have enough common dates, and their correlations; none where fewer than two have."""
    while shares.size > 1:
        u = specific_returns[:, shares]
        rows = np.flatnonzero(~np.isnan(u).any(axis=1))
        if rows.size < min_periods:
            n_obs = (~np.isnan(u)).sum(axis=0)
            shares = np.delete(shares, shares.size - 1 - int(np.argmin(n_obs[::-1])))
            continue
        weights = decay(rows[-1] - rows, half_life)
        weights /= weights.sum()
        deviations = u[rows] - u[rows[-1]]
        deviations -= weights @ deviations
        cov = (deviations * weights[:, None]).T @ deviations
        varies = np.diag(cov) > 0
        if varies.all():
            vol = np.sqrt(np.diag(cov))
            return shares, cov / np.outer(vol, vol)
        shares = shares[varies]
    return shares[:0], np.empty((0, 0))
