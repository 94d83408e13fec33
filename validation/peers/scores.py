"""Forecasts against what followed: by portfolio and month the sums that every measure and its error come from."""

from typing import NamedTuple

import numpy as np
from validation.peers.forecasts import Forecast
from validation.peers.market import Market, Origin

from sigmalake.numerics.evaluation.evaluation_portfolios import asset_draws, random_active
from sigmalake.numerics.types import Floats, Ints

RANDOM, SHARP = 50, 10  # portfolios
BLOCK, DRAWS = 3, 1000  # of the bootstrap: months in a row, and samples
ROLLING = 3  # months of a rolling bias
KINDS = ("minimum variance", "minimum variance with an alpha", "random active")


class Sums(NamedTuple):
    """Of a kind's portfolios over the periods of each month: (M, P) each; NaN where there is no forecast."""

    n: Floats  # periods
    b: Floats  # of b = R / sigma
    b_squared: Floats
    loss: Floats  # of ln sigma^2 + b^2
    r: Floats  # of R
    r_squared: Floats
    month_squared: Floats  # (sum R)^2 / (n sigma^2), of the month as one return

    def over(self, months: Ints) -> "Sums":
        """Sums over months, each as often as it is named: (..., P) of (..., L) numbers of months."""
        return Sums(*(part[months].sum(axis=-2) for part in self))


def month_sums(origin: Origin, market: Market, forecast: Forecast) -> dict[str, Sums]:
    """One forecast's portfolios over the periods that it is held for; weights are as at the forecast, a missing return is 0."""
    draws = asset_draws(origin.assets, 0, RANDOM, SHARP)
    held = market.returns.iloc[origin.position + 1 : origin.end + 1][origin.assets].fillna(0.0).to_numpy()
    caps = np.ones(len(origin.assets)) if origin.caps is None else origin.caps
    holdings = {KINDS[2]: random_active(caps, draws.tilts)}
    ones = np.ones((len(origin.assets), 1))
    try:
        holdings |= {kind: _sharp(forecast, of) for kind, of in ((KINDS[0], ones), (KINDS[1], draws.alphas))}
    except ValueError:  # V has no inverse: nothing is of least variance
        holdings |= {KINDS[0]: np.full_like(ones, np.nan), KINDS[1]: np.full_like(draws.alphas, np.nan)}
    return {kind: _sums(held @ h, forecast.variances(h)) for kind, h in holdings.items()}


def _sharp(forecast: Forecast, alphas: Floats) -> Floats:
    solved = forecast.solve(alphas)
    holdings: Floats = solved / (alphas * solved).sum(axis=0)
    return holdings


def _sums(R: Floats, variances: Floats) -> Sums:
    b = R / np.sqrt(variances)
    parts = np.ones_like(b), b, b**2, np.log(variances) + b**2, R, R**2
    return Sums(*(part.sum(axis=0) for part in parts), R.sum(axis=0) ** 2 / (len(R) * variances))


def stacked(months: list[Sums]) -> Sums:
    """Of (P,) a month, (M, P)."""
    return Sums(*(np.array(parts) for parts in zip(*months, strict=True)))


def bias(sums: Sums) -> Floats:
    """B = sd(b), mean over portfolios."""
    found: Floats = np.sqrt((sums.b_squared - sums.b**2 / sums.n) / (sums.n - 1)).mean(axis=-1)
    return found


def monthly_bias(sums: Sums, n_months: int) -> Floats:
    """Root of the mean square of a month's return over its forecast, mean over portfolios within the root."""
    found: Floats = np.sqrt(sums.month_squared.mean(axis=-1) / n_months)
    return found


def volatility(sums: Sums, a_year: int) -> Floats:
    """Standard deviation of R, per cent a year, mean over portfolios."""
    found: Floats = 100 * np.sqrt(a_year * (sums.r_squared - sums.r**2 / sums.n) / (sums.n - 1)).mean(axis=-1)
    return found


def qlike(sums: Sums) -> Floats:
    """Mean of ln sigma^2 + b^2, over portfolios, too."""
    found: Floats = (sums.loss / sums.n).mean(axis=-1)
    return found


def rolling_errors(sums: Sums) -> Floats:
    """(M - 2,) |B - 1| over each three months in a row, mean over portfolios."""
    windows = np.arange(len(sums.n) - ROLLING + 1)[:, None] + np.arange(ROLLING)
    of = sums.over(windows)
    B = np.sqrt((of.b_squared - of.b**2 / of.n) / (of.n - 1))
    found: Floats = np.abs(B - 1).mean(axis=-1)
    return found


def resampled(n_months: int, seed: int = 0) -> Ints:
    """(DRAWS, M) numbers of months, drawn in blocks of three in a row, round the end (circular block bootstrap)."""
    n_blocks = -(-n_months // BLOCK)
    first = np.random.default_rng(seed).integers(n_months, size=(DRAWS, n_blocks))
    rows: Ints = (first[:, :, None] + np.arange(BLOCK)).reshape(DRAWS, -1)[:, :n_months] % n_months
    return rows


class Figure(NamedTuple):
    """A measure of one peer, and what is drawn of it from other samples of the same months."""

    value: float
    drawn: Floats  # (DRAWS,)

    @property
    def error(self) -> float:
        """Standard error."""
        return float(self.drawn.std())


class Scores(NamedTuple):
    """Measures of one peer on one kind of portfolio."""

    bias: Figure
    monthly_bias: Figure
    volatility: Figure
    qlike: Figure
    rolling: Figure


def scores(sums: Sums, months: Ints, a_year: int) -> Scores:
    """Over some months in a row, each measure with its draws."""
    here = Sums(*(part[months] for part in sums))
    every, drawn = np.arange(len(months)), resampled(len(months))
    whole, samples = here.over(every), here.over(drawn)
    rolled = rolling_errors(here)
    again = rolled[resampled(len(rolled))].mean(axis=1)
    return Scores(
        Figure(float(bias(whole)), bias(samples)),
        Figure(float(monthly_bias(whole, len(months))), monthly_bias(samples, len(months))),
        Figure(float(volatility(whole, a_year)), volatility(samples, a_year)),
        Figure(float(qlike(whole)), qlike(samples)),
        Figure(float(rolled.mean()), again),
    )
