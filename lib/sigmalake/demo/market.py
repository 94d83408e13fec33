"""A generated equity market whose factor returns, Sigma and Delta are known: for the demo and the tests."""

from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from sigmalake.numerics.types import Bools, Floats

INDUSTRIES = (
    *("energy", "materials", "industrials", "discretionary", "staples", "health", "financials", "technology"),
    *("communication", "utilities", "real_estate"),
)
STYLES = ("size", "value", "momentum", "volatility", "growth", "liquidity", "quality", "leverage", "dividend_yield")

_MARKET_VOL, _INDUSTRY_VOL, _STYLE_VOL = 0.01, 0.005, (0.003, 0.0015)  # fraction a day; styles from first to last
_SPECIFIC_VOL = 0.018  # the median asset's, fraction a day
_STYLE_MEMORY = 0.995  # AR(1) coefficient of a descriptor, a day
_SMALL = 0.15  # share of the listed names, by cap, outside the estimation universe
_MISSING = 0.002  # share of returns that are null


class Truth(NamedTuple):
    """What the panel was made from. Factors: market, industries, styles."""

    factors: tuple[str, ...]  # (K,) names; the panel's column of an industry is ind_<name>, of a style its name
    dates: tuple[date, ...]  # (T,)
    asset_ids: tuple[str, ...]  # (N,) ascending
    factor_returns: Floats  # (T, K) fractions; the cap-weighted mean of the industries is 0; NaN on the first date
    factor_cov: Floats  # (K, K) fraction^2 a day, of the factor returns before that shift; X Sigma X' is the same
    specific_vol: Floats  # (N,) fraction a day


class Defect(StrEnum):
    """What `dirty` does to a row."""

    OUTLIER = "outlier"  # a return of +-50 %: a usable row
    CONFLICT = "conflicting duplicate"  # a second row of the key with another cap and return
    COPY = "identical copy"
    NAN_EXPOSURE = "NaN exposure"
    INFINITE_EXPOSURE = "infinite exposure"
    CAP = "cap not above 0"
    SHARE = "share outside 0 to 1"  # the sum is still 1
    SHARE_SUM = "shares do not sum to 1"
    NULL_DATE = "null date"
    NULL_ASSET = "null asset_id"


class Planted(NamedTuple):
    """A defect in a panel, and where."""

    defect: Defect
    date: date | None  # as the row now reads
    asset_id: str | None
    n_unusable: int  # rows: both of a conflict, the second of identical ones, no outlier


class Market(NamedTuple):
    """A panel, a row a date and asset, and the truth about it.

    Columns: date, asset_id, ret (simple excess return over (t-1, t], NaN where unknown), cap, the industries' shares,
    the styles, in_estimation. Exposures, caps and flags are those of the close of `date`: ret(t) = X(t-1) f(t) + u(t).
    """

    panel: pd.DataFrame
    truth: Truth
    planted: tuple[Planted, ...] = ()


def generate_market(
    *,
    n_assets: int = 500,
    n_dates: int = 750,
    n_industries: int = 11,
    n_styles: int = 6,
    seed: int = 0,
    start: date = date(2021, 1, 4),
) -> Market:
    """A market over business days with constant Sigma and Delta, listings, delistings and missing returns.

    Args:
        n_assets: names ever listed; about 10 % list late, another 10 % leave early.
        n_dates: business days from `start` on.
        n_industries: a quarter of the names is split over two or three of them.
        n_styles: descriptors that wander slowly; the first, size, is the logarithm of the cap.
        seed: the same seed, the same market.
        start: first date.
    """
    _check_sizes(n_assets, n_dates, n_industries, n_styles)
    rng = np.random.default_rng(seed)
    industries = [INDUSTRIES[i] if i < len(INDUSTRIES) else f"industry_{i + 1}" for i in range(n_industries)]
    factors = ("market", *industries, *STYLES[:n_styles])
    factor_cov = _factor_cov(rng, n_industries, n_styles)
    specific_vol = _SPECIFIC_VOL * np.exp(np.clip(rng.normal(0, 0.25, n_assets), -0.55, 0.55))
    shares = _industry_shares(rng, n_assets, n_industries)
    listed = _listed(rng, n_dates, n_assets)

    factor_returns = rng.multivariate_normal(np.zeros(len(factors)), factor_cov, n_dates, method="cholesky")
    paths = _walk(rng, factor_returns, shares, specific_vol, listed)
    known = listed & np.roll(listed, 1, axis=0) & (rng.random(listed.shape) >= _MISSING)
    known[0] = False

    dates = tuple(pd.bdate_range(start, periods=n_dates).date)
    asset_ids = tuple(f"A{i:0{len(str(n_assets))}d}" for i in range(1, n_assets + 1))
    row, asset = np.nonzero(listed)
    columns: dict[str, object] = {
        "date": np.array(dates, dtype=object)[row],
        "asset_id": np.array(asset_ids, dtype=object)[asset],
        "ret": np.where(known, paths.returns, np.nan)[row, asset],
        "cap": paths.caps[row, asset],
    }
    columns |= {f"ind_{name}": shares[asset, i] for i, name in enumerate(industries)}
    columns |= {name: paths.styles[row, asset, i] for i, name in enumerate(STYLES[:n_styles])}
    columns["in_estimation"] = paths.in_estimation[row, asset]
    truth = Truth(factors, dates, asset_ids, _identified(factor_returns, shares, paths), factor_cov, specific_vol=specific_vol)
    return Market(pd.DataFrame(columns), truth)


def dirty(market: Market, *, seed: int = 0, n_each: int = 3) -> Market:
    """The market with `n_each` rows spoilt for every `Defect`, all on different rows, and a record of them.

    New rows (duplicates) come last in the panel. The truth is untouched.
    """
    panel = market.panel.copy()
    industries = [name for name in map(str, panel.columns) if name.startswith("ind_")]
    style = market.truth.factors[1 + len(industries)]
    rng = np.random.default_rng(seed)
    usable = rng.choice(np.flatnonzero(panel["ret"].notna()), (len(Defect), n_each), replace=False)
    rows = dict(zip(Defect, usable, strict=True))
    conflicts = panel.take(rows[Defect.CONFLICT])
    conflicts = conflicts.assign(cap=conflicts["cap"] * 1.1, ret=conflicts["ret"] + 0.01)
    copies = panel.take(rows[Defect.COPY])

    panel.loc[rows[Defect.OUTLIER], "ret"] = rng.choice([-0.5, 0.5], n_each)
    panel.loc[rows[Defect.NAN_EXPOSURE], style] = np.nan
    panel.loc[rows[Defect.INFINITE_EXPOSURE], style] = np.inf
    panel.loc[rows[Defect.CAP], "cap"] = -1.0
    no_more = [0.0] * (len(industries) - 2)
    panel.loc[rows[Defect.SHARE], industries] = [1.25, -0.25, *no_more]
    panel.loc[rows[Defect.SHARE_SUM], industries] = [0.5, 0.25, *no_more]
    panel.loc[rows[Defect.NULL_DATE], "date"] = None
    panel.loc[rows[Defect.NULL_ASSET], "asset_id"] = None

    n_unusable = dict.fromkeys(Defect, 1) | {Defect.OUTLIER: 0, Defect.CONFLICT: 2}
    dates, asset_ids = panel["date"].to_numpy(), panel["asset_id"].to_numpy()
    planted = tuple(Planted(defect, dates[row], asset_ids[row], n_unusable[defect]) for defect in Defect for row in rows[defect])
    return Market(pd.concat([panel, conflicts, copies], ignore_index=True), market.truth, planted)


def write_panel(market: Market, path: Path | str) -> None:
    """The panel as one Parquet file. An unknown return, date, id or text is a null; an exposure of NaN stays NaN."""
    text = {str(name): pa.string() for name, column in market.panel.items() if isinstance(column.dtype, pd.StringDtype)}
    nullable = {**text, "date": pa.date32(), "asset_id": pa.string(), "ret": pa.float64()}  # pandas 3 has a type of text
    arrays = {
        name: pa.array(column, type=nullable[name], from_pandas=True) if name in nullable else pa.array(column.to_numpy())
        for name, column in market.panel.items()
    }
    pq.write_table(pa.table(arrays), path, row_group_size=1 << 16)  # Spark reads row groups in parallel


class _Paths(NamedTuple):
    """What the walk through the dates leaves; all about the close of the date."""

    returns: Floats  # (T, N) also where the panel will not show them
    caps: Floats  # (T, N)
    styles: Floats  # (T, N, S)
    in_estimation: Bools  # (T, N)


def _walk(rng: np.random.Generator, factor_returns: Floats, shares: Floats, specific_vol: Floats, listed: Bools) -> _Paths:
    """Returns from yesterday's exposures, caps from the returns, today's exposures from the caps: one step a date."""
    n_dates, n_assets = listed.shape
    n_styles = factor_returns.shape[1] - 1 - shares.shape[1]
    returns = rng.normal(0, 1, listed.shape) * specific_vol
    returns += factor_returns[:, :1] + factor_returns[:, 1 : 1 + shares.shape[1]] @ shares.T
    style_returns = factor_returns[:, 1 + shares.shape[1] :]
    shocks = rng.normal(0, np.sqrt(1 - _STYLE_MEMORY**2), (n_dates, n_assets, n_styles))
    descriptors = rng.normal(0, 1, (n_assets, n_styles))
    caps = np.tile(np.exp(rng.normal(8, 1.2, n_assets)), (n_dates, 1))
    styles = np.zeros((n_dates, n_assets, n_styles))
    in_estimation = np.zeros_like(listed)
    for t in range(n_dates):
        if t > 0:
            returns[t] += styles[t - 1] @ style_returns[t]
            caps[t] = caps[t - 1] * (1 + returns[t])
        descriptors = _STYLE_MEMORY * descriptors + shocks[t]
        descriptors[:, :1] = np.log(caps[t])[:, None]
        in_estimation[t] = listed[t] & (caps[t] >= np.quantile(caps[t, listed[t]], _SMALL))
        styles[t] = _standardised(descriptors, caps[t], in_estimation[t])
    return _Paths(returns, caps, styles, in_estimation)


def _standardised(descriptors: Floats, caps: Floats, universe: Bools) -> Floats:
    """Cap-weighted mean 0 and sd 1 about it over the universe."""
    deviations = descriptors - np.average(descriptors[universe], axis=0, weights=caps[universe])
    sd: Floats = np.sqrt(np.mean(deviations[universe] ** 2, axis=0))
    return deviations / sd


def _identified(factor_returns: Floats, shares: Floats, paths: _Paths) -> Floats:
    """The same returns with the cap-weighted mean of the industries, as of the day before, moved into the market."""
    caps = np.where(paths.in_estimation, paths.caps, 0.0)[:-1]
    cap_shares = caps @ shares / caps.sum(axis=1, keepdims=True)
    industries = slice(1, 1 + shares.shape[1])
    identified = factor_returns.copy()
    identified[0] = np.nan
    mean = np.sum(cap_shares * factor_returns[1:, industries], axis=1)
    identified[1:, 0] += mean
    identified[1:, industries] -= mean[:, None]
    return identified


def _factor_cov(rng: np.random.Generator, n_industries: int, n_styles: int) -> Floats:
    """Sigma: usual volatilities, and correlations from three common causes."""
    vols = np.r_[_MARKET_VOL, np.full(n_industries, _INDUSTRY_VOL), np.linspace(*_STYLE_VOL, n_styles)]
    causes = rng.normal(0, 0.35, (vols.size, 3))
    cov = causes @ causes.T + np.eye(vols.size)
    scale = vols / np.sqrt(np.diag(cov))
    return cov * np.outer(scale, scale)


def _industry_shares(rng: np.random.Generator, n_assets: int, n_industries: int) -> Floats:
    """(N, industries) shares in sixteenths, so that they sum to exactly 1."""
    shares = np.zeros((n_assets, n_industries))
    assets = np.arange(n_assets)
    first = rng.permutation(assets % n_industries)
    second, third = (first + rng.integers(1, n_industries, (2, n_assets))) % n_industries
    in_second = np.where(rng.random(n_assets) < 0.25, rng.integers(3, 8, n_assets), 0)
    in_third = np.where((in_second > 0) & (rng.random(n_assets) < 0.3), 2, 0)
    for industry, sixteenths in ((first, 16 - in_second - in_third), (second, in_second), (third, in_third)):
        np.add.at(shares, (assets, industry), sixteenths / 16)
    return shares


def _listed(rng: np.random.Generator, n_dates: int, n_assets: int) -> Bools:
    """(T, N): a tenth of the names lists late, another tenth leaves early."""
    when = rng.permutation(n_assets)
    late, early = when < n_assets // 10, (when >= n_assets // 10) & (when < 2 * (n_assets // 10))
    turning = rng.integers(n_dates // 10, n_dates - n_dates // 10, n_assets)
    t = np.arange(n_dates)[:, None]
    return np.where(late, t >= turning, np.where(early, t < turning, True))


def _check_sizes(n_assets: int, n_dates: int, n_industries: int, n_styles: int) -> None:
    if n_dates < 2 or n_industries < 2 or n_assets < 5 * n_industries or not 1 <= n_styles <= len(STYLES):
        raise ValueError(
            f"no market from n_assets={n_assets}, n_dates={n_dates}, n_industries={n_industries}, n_styles={n_styles}: "
            f"2 dates, 2 industries, 5 assets an industry and 1 to {len(STYLES)} styles are needed"
        )
