"""What the demo recovered: the truth beside the estimates, and the sampling error by which they may differ.

A factor return estimated from N names is the truth plus a noise that the specific returns leave in it. Sigma is the covariance of
estimated factor returns, so it aims at the truth plus the noise's variance: `expected`. The noise is known here, as the truth is.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from sigmalake.config.model import Config
from sigmalake.demo.history import Snapshot
from sigmalake.demo.market import Market, Truth
from sigmalake.numerics.factor_cov.estimators import EwmaFactorCov
from sigmalake.numerics.types import Bools, Floats
from sigmalake.numerics.windows.ewma import EQUAL, decay

RANDOM_PORTFOLIOS, RANDOM_NAMES = 5, 50
TILT = "value"  # the style of the long-short portfolio


class Vol(NamedTuple):
    """A volatility of one variant, fraction a day."""

    expected: float  # what the estimator aims at: the truth and the noise of the estimated factor returns
    estimated: float
    se: float  # standard error of `estimated`

    @property
    def z(self) -> float:
        """Standard errors from what was expected."""
        return (self.estimated - self.expected) / self.se


class Recovered(NamedTuple):
    """A true volatility, fraction a day, and what each variant made of it."""

    name: str
    true: float
    found: tuple[Vol, ...]
    correlation: float = np.nan  # factors: of estimated with true returns, over all dates


class SpecificRecovered(NamedTuple):
    """The specific volatilities of one variant, over the N assets that have one."""

    ratios: Floats  # (N,) estimated / true
    expected: Floats  # (N,) what these aim at: the fit leaves some of a specific return in the factor returns
    se: Floats  # (N,) standard errors of the ratios
    correlation: float  # of estimated with true, across assets
    attainable: float  # that correlation if sampling were the only error

    @property
    def z(self) -> Floats:
        """(N,) standard errors from what was expected."""
        return (self.ratios - self.expected) / self.se


class Bias(NamedTuple):
    """B = sd(b) of b = return(t+1) / forecast(t) over T dates [model 7]."""

    name: str
    value: float
    n_dates: int

    @property
    def band(self) -> float:
        """Two standard errors of B for a perfect forecast of normal returns: sqrt(2 / T)."""
        return float(np.sqrt(2 / self.n_dates))


class Errors(NamedTuple):
    """Estimated and true factor returns by date, and the true variance of the latter."""

    estimated: Floats  # (T, K)
    true: Floats  # (T, K)
    true_var: Floats  # (T, K) of the returns whose cap-weighted industry mean is 0: it moves with the cap shares

    @property
    def noise(self) -> Floats:
        """(T, K) estimated - true."""
        return self.estimated - self.true


def factor_errors(market: Market, estimated: pd.DataFrame) -> Errors:
    """The factor returns of a release beside the market's.

    Args:
        market: as generated, before rows were spoilt.
        estimated: a row a date of the market but the first, a column a factor.
    """
    truth = market.truth
    true = pd.DataFrame(truth.factor_returns, pd.DatetimeIndex(truth.dates), list(truth.factors)).loc[estimated.index]
    true_var = identified_var(cap_shares(market)[:-1], truth)
    at = [truth.dates.index(day) - 1 for day in pd.DatetimeIndex(estimated.index).date]
    return Errors(estimated[list(truth.factors)].to_numpy(), true.to_numpy(), true_var[at])


def cap_shares(market: Market) -> Floats:
    """(T, industries) share of each industry in the cap of the estimation universe, by date."""
    industries = [name for name in map(str, market.panel.columns) if name.startswith("ind_")]
    inside = market.panel[market.panel["in_estimation"]]
    caps = inside[industries].mul(inside["cap"], axis=0).groupby(inside["date"]).sum()
    shares: Floats = caps.div(caps.sum(axis=1), axis=0).to_numpy()
    return shares


def identified_var(shares: Floats, truth: Truth) -> Floats:
    """(T, K) variances of A f, where A moves the cap-weighted mean of the industries into the market."""
    n_industries, n_factors = shares.shape[1], len(truth.factors)
    moved = np.zeros((len(shares), n_factors, n_factors))
    moved[:, 0, 1 : 1 + n_industries] = shares
    moved[:, 1 : 1 + n_industries, 1 : 1 + n_industries] = -shares[:, None, :]
    A = np.eye(n_factors) + moved
    variances: Floats = np.einsum("tij,jk,tik->ti", A, truth.factor_cov, A)
    return variances


def window_weights(config: Config, variant: str, n_dates: int) -> Floats:
    """(T,) weights of a variant's volatilities as of the last date, newest last, sum 1."""
    estimator = config.risk[variant].factor_cov
    window, half_life = estimator.volatility if isinstance(estimator, EwmaFactorCov) else (estimator.windows[0], EQUAL)
    ages = np.arange(n_dates)[::-1]
    weights = np.where(ages < window, decay(np.minimum(ages, window), half_life), 0.0)
    normalised: Floats = weights / weights.sum()
    return normalised


def recovered_factors(errors: Errors, weights: Sequence[Floats], last: Sequence[Snapshot], names: Sequence[str]) -> list[Recovered]:
    """Factor volatilities as of the last date: Sigma's diagonal against the truth over the same dates.

    se(sigma) = sigma sqrt(sum a^2 / 2) for normal returns with weights a. The truth is that of the first variant's window.
    """
    true = np.sqrt(weights[0] @ errors.true_var)
    expected = [np.sqrt(a @ (errors.true_var + errors.noise**2)) for a in weights]
    estimated = [np.sqrt(np.diag(snapshot.factor_cov)) for snapshot in last]
    rows = []
    for k, name in enumerate(names):
        found = tuple(Vol(e[k], s[k], e[k] * np.sqrt(a @ a / 2)) for e, s, a in zip(expected, estimated, weights, strict=True))
        rows.append(Recovered(name, true[k], found, float(np.corrcoef(errors.estimated[:, k], errors.true[:, k])[0, 1])))
    return rows


def recovered_portfolios(truth: Truth, errors: Errors, weights: Sequence[Floats], last: Sequence[Snapshot]) -> list[Recovered]:
    """Volatilities of the portfolios held at the last date, by X Sigma X' + Delta, true and estimated."""
    delta = true_specific_var(truth, last[0])
    usable = np.isfinite(np.sum([snapshot.specific_var for snapshot in last], axis=0))
    rows = []
    for name, h in holdings(last[0], usable, truth.factors, draw_names(truth.asset_ids)).items():
        x = last[0].exposures.T @ h
        factor_var, specific = float(x @ truth.factor_cov @ x), h**2 * delta
        found = []
        for snapshot, a in zip(last, weights, strict=True):
            aimed = factor_var + float(a @ (errors.noise @ x) ** 2)
            vol = np.sqrt(aimed + specific.sum())
            se = np.sqrt(2 * (a @ a) * (aimed**2 + np.sum(specific**2))) / (2 * vol)
            found.append(Vol(vol, forecast_vol(snapshot, h), se))
        rows.append(Recovered(name, float(np.sqrt(factor_var + specific.sum())), tuple(found)))
    return rows


def recovered_specific(truth: Truth, history: Sequence[Snapshot], last: Snapshot) -> SpecificRecovered:
    """Specific volatilities as of the last date. se(ratio) = 1 / sqrt(2 n), n the effective number of observations.

    Args:
        truth: what the market was made from.
        history: every close of the window or more; one in twenty is looked at for the leverages.
        last: the newest, with the variant's specific variances.
    """
    has = np.isfinite(last.specific_var)
    true, estimated = np.sqrt(true_specific_var(truth, last)[has]), np.sqrt(last.specific_var[has])
    kept = pd.concat([_kept_by_fit(truth, close) for close in history[-1 : -1 - last.n_periods : -20]], axis=1).mean(axis=1)
    se = 1 / np.sqrt(2 * last.effective_periods * last.n_obs[has] / last.n_periods)
    attainable = np.sqrt(np.var(true) / (np.var(true) + np.mean((true * se) ** 2)))
    expected = np.sqrt(kept[list(np.array(last.assets)[has])].to_numpy())
    return SpecificRecovered(estimated / true, expected, se, float(np.corrcoef(estimated, true)[0, 1]), float(attainable))


def _kept_by_fit(truth: Truth, close: Snapshot) -> pd.Series:
    """E(residual^2) / Delta by asset: residuals are (I - X P) u, and the weights of the fit are sqrt(cap)."""
    root = np.sqrt(np.where(close.in_estimation, np.sqrt(close.caps), 0.0))
    residual_of = np.eye(len(root)) - close.exposures @ np.linalg.pinv(root[:, None] * close.exposures) * root
    true = true_specific_var(truth, close)
    return pd.Series(residual_of**2 @ true / true, list(close.assets))


def true_specific_var(truth: Truth, snapshot: Snapshot) -> Floats:
    """(N,) of the snapshot's assets."""
    by_asset = pd.Series(truth.specific_vol**2, list(truth.asset_ids))
    return np.asarray(by_asset[list(snapshot.assets)], dtype=np.float64)


def draw_names(asset_ids: Sequence[str]) -> list[frozenset[str]]:
    """The names of each random portfolio, the same on every date."""
    rng = np.random.default_rng(0)
    size = min(RANDOM_NAMES, len(asset_ids) // 4)
    return [frozenset(rng.choice(np.array(asset_ids), size, replace=False).tolist()) for _ in range(RANDOM_PORTFOLIOS)]


def holdings(snapshot: Snapshot, usable: Bools, factors: Sequence[str], drawn: Sequence[frozenset[str]]) -> dict[str, Floats]:
    """The demo's portfolios among the usable assets: long-only ones sum to 1, the tilt is long 1 and short 1."""
    universe = usable & snapshot.in_estimation
    style = snapshot.exposures[:, list(factors).index(TILT)]
    low, high = np.quantile(style[universe], [0.2, 0.8])
    long, short = universe & (style >= high), universe & (style <= low)
    found = {
        "market, cap-weighted": np.where(universe, snapshot.caps, 0.0) / snapshot.caps[universe].sum(),
        "equal-weighted": universe / universe.sum(),
        f"{TILT}, long-short": long / long.sum() - short / short.sum(),
    }
    for number, names in enumerate(drawn):
        held = usable & np.array([asset in names for asset in snapshot.assets])
        found[f"random {number + 1}"] = held / held.sum()
    return found


def forecast_vol(snapshot: Snapshot, h: Floats) -> float:
    """sqrt(x' Sigma x + sum h^2 Delta) with x = X'h."""
    x = snapshot.exposures.T @ h
    held = h != 0
    return float(np.sqrt(x @ snapshot.factor_cov @ x + np.sum(h[held] ** 2 * snapshot.specific_var[held])))


def portfolio_bias(history: Sequence[Snapshot], truth: Truth) -> list[Bias]:
    """B of each portfolio: the forecast of a close against the return of the next date, over all that have one.

    A name without a forecast or without a return on the next date is in neither.
    """
    standardised: dict[str, list[float]] = {}
    drawn = draw_names(truth.asset_ids)
    for snapshot in history:
        usable = np.isfinite(snapshot.specific_var) & np.isfinite(snapshot.next_returns)
        if not usable.any():
            continue
        for name, h in holdings(snapshot, usable, truth.factors, drawn).items():
            value = np.sum(h[usable] * snapshot.next_returns[usable]) / forecast_vol(snapshot, h)
            standardised.setdefault(name, []).append(value)
    return [Bias(name, float(np.std(b, ddof=1)), len(b)) for name, b in standardised.items()]


def factor_bias(history: Sequence[Snapshot], errors: Errors, dates: Sequence[object], factors: Sequence[str]) -> list[Bias]:
    """B of each factor: its forecast of a close against its estimated return on the next date."""
    row = {day: number for number, day in enumerate(dates)}
    known = [snapshot for snapshot in history if snapshot.next_date in row]
    vols = np.sqrt([np.diag(snapshot.factor_cov) for snapshot in known])
    b = errors.estimated[[row[snapshot.next_date] for snapshot in known]] / vols
    return [Bias(name, float(np.std(b[:, k], ddof=1)), len(known)) for k, name in enumerate(factors)]
