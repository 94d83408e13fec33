"""The portfolios that test a risk model: holdings as of one date, from what is known at that date."""

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from sigmalake.numerics.linear.constraints import below_one
from sigmalake.numerics.portfolio.linked_cov import UNLINKED, LinkedCov
from sigmalake.numerics.portfolio.woodbury import factor_inverse, solve_asset_cov
from sigmalake.numerics.types import Floats, Ints

DECILES = 10


class AssetDraws(NamedTuple):
    """Random numbers of each asset."""

    tilts: Floats  # (N, P) exponential, mean 1
    alphas: Floats  # (N, Q) standard normal


def asset_draws(asset_ids: Sequence[str], seed: int, n_tilts: int, n_alphas: int) -> AssetDraws:
    """Numbers seeded by (seed, asset) alone.

    They depend neither on the other assets nor on the date, so that an increment equals a rebuild; asking for more
    portfolios leaves the first ones as they were.
    """
    drawn = [_draws_of(asset, seed, n_tilts, n_alphas) for asset in asset_ids]
    tilts = np.array([tilt for tilt, _ in drawn]).reshape(len(drawn), n_tilts)
    return AssetDraws(tilts, np.array([alpha for _, alpha in drawn]).reshape(len(drawn), n_alphas))


@lru_cache(maxsize=1 << 15)  # names of a market; 60 numbers each are 16 MB
def _draws_of(asset: str, seed: int, n_tilts: int, n_alphas: int) -> tuple[Floats, Floats]:
    tilts, alphas = (_generator(asset, seed, what) for what in ("tilt", "alpha"))
    return tilts.standard_exponential(n_tilts), alphas.standard_normal(n_alphas)


def _generator(asset: str, seed: int, what: str) -> np.random.Generator:
    digest = hashlib.sha256(f"{seed}\x1f{what}\x1f{asset}".encode()).digest()
    return np.random.default_rng(np.frombuffer(digest, dtype=np.uint32).tolist())


def random_active(caps: Floats, tilts: Floats) -> Floats:
    """h_p = w_p - m: long-only w with weights proportional to cap x tilt, less the market m.

    Exponential tilts of mean 1 make the market the middle of the random portfolios; half of the weight, about, differs.

    Args:
        caps: (N,) of the estimation universe, > 0.
        tilts: (N, P) >= 0.

    Returns:
        (N, P), each column with a sum of 0.
    """
    caps = below_one(caps)
    market = caps / caps.sum()
    weights = market[:, None] * tilts
    holdings: Floats = weights / weights.sum(axis=0) - market[:, None]
    return holdings


def minimum_variance(
    exposures: Floats, factor_cov: Floats, specific_var: Floats, alphas: Floats, linked: LinkedCov = UNLINKED
) -> Floats:
    """h = V^-1 a / (a' V^-1 a): the least variance with an alpha of 1.

    The sharpest test: the optimiser goes where V is too low (Menchero, Wang, Orr 2011). Sums are free.

    Args:
        exposures: (N, K).
        factor_cov: (K, K) fraction^2 per period.
        specific_var: (N,) >= 0, fraction^2 per period.
        alphas: (N, Q) a column a portfolio.
        linked: specific covariances of linked issues.

    Returns:
        (N, Q).

    Raises:
        ValueError: V has no inverse, see `factor_inverse` and `solve_asset_cov`.
    """
    solved = solve_asset_cov(factor_inverse(exposures, factor_cov, specific_var, linked), alphas)
    holdings: Floats = solved / (alphas * solved).sum(axis=0)
    return holdings


def deciles(values: Floats) -> Ints:
    """(N,) from 0, the smallest tenth, to 9; equal values in the order given. Sizes differ by one at most."""
    rank = np.empty(len(values), dtype=np.int64)
    rank[np.argsort(values, kind="stable")] = np.arange(len(values))
    return rank * DECILES // max(1, len(values))
