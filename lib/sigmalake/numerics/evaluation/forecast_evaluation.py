"""One date's forecasts against the returns of the next: factors, eigenfactors, test portfolios and single assets."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, NamedTuple, Self

import numpy as np

from sigmalake.numerics.evaluation.evaluation_portfolios import DECILES, asset_draws, deciles, minimum_variance, random_active
from sigmalake.numerics.evaluation.forecast_measures import ForecastRun, standardise
from sigmalake.numerics.linear.constraints import below_one
from sigmalake.numerics.portfolio.linked_cov import UNLINKED, LinkedCov, specific_times, take_linked
from sigmalake.numerics.settings import setting
from sigmalake.numerics.types import Bools, Floats, Ints

_RANK = 1e-12  # an eigenvalue with a smaller share of the largest is rounding


class EvaluationKind(StrEnum):
    """What is forecast."""

    FACTOR = "factor"  # each factor's return
    EIGENFACTOR = "eigenfactor"  # Sigma's eigenvectors, the least variance first
    MARKET = "market"  # the estimation universe by cap
    RANDOM_ACTIVE = "random_active"
    MINIMUM_VARIANCE = "minimum_variance"
    OWN = "own"  # the user's portfolios
    ASSET_BY_SIZE = "asset_by_size"  # single assets of the estimation universe, in deciles by cap
    ASSET_BY_VOLATILITY = "asset_by_volatility"  # by forecast volatility
    SPECIFIC_BY_SIZE = "specific_by_size"  # their specific returns, against Delta alone
    SPECIFIC_BY_VOLATILITY = "specific_by_volatility"  # by forecast specific volatility


@dataclass(frozen=True, kw_only=True)
class EvaluationRules:
    """Which test portfolios are made."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    random_active: int = setting(50, "random active portfolios, whose middle is the market", unit="portfolios", source="choice")
    minimum_variance: int = setting(
        10, "portfolios of least variance, each with a random alpha", unit="portfolios", source="choice"
    )
    seed: int = setting(0, "seed of the random numbers, which depend on it and the asset alone")

    def __post_init__(self) -> None:
        for name in ("random_active", "minimum_variance", "seed"):
            if (value := getattr(self, name)) < 0:
                raise ValueError(f"{name} is {value}; it must be 0 or more")


class OwnPortfolio(NamedTuple):
    """A user's portfolio as of the date of the forecast."""

    name: str
    asset_ids: Sequence[str]
    weights: Floats  # any sign and sum


class DateForecast(NamedTuple):
    """The model as of t, and the returns of t+1, or of t+1 to t+h compounded, over the same assets and factors."""

    factors: Sequence[str]  # (K,) of Sigma
    factor_cov: Floats  # (K, K) fraction^2
    factor_returns: Floats  # (K,) of t+1; NaN: not estimated
    asset_ids: Sequence[str]  # (N,) the coverage
    exposures: Floats  # (N, K) known at t
    specific_var: Floats  # (N,) fraction^2; NaN: none
    usable: Bools  # (N,) can have a V
    caps: Floats | None  # (N,) known at t; None: the model has none
    in_estimation: Bools  # (N,)
    returns: Floats  # (N,) of t+1; NaN: missing
    specific_returns: Floats  # (N,) of t+1; NaN: missing
    linked: LinkedCov = UNLINKED  # specific covariances of linked issues, by position in the coverage

    def over(self, horizon: int) -> Self:
        """With the risk of that many periods, as if returns had no memory [model 4.8]: Sigma, Delta and linked issues times h."""
        if horizon == 1:
            return self
        linked = LinkedCov(self.linked.pairs, self.linked.cov * horizon)
        return self._replace(factor_cov=self.factor_cov * horizon, specific_var=self.specific_var * horizon, linked=linked)


class Evaluated(NamedTuple):
    """Portfolios of one kind on one date."""

    kind: EvaluationKind
    portfolios: Sequence[str]  # (P,) names
    run: ForecastRun  # a row a portfolio
    n_assets: Ints  # (P,) whose returns are in it; 0 for factors
    left_out: Ints  # (P,) held, but without a V at t or a return at t+1
    left_out_weight: Floats  # (P,) their share of the gross weight
    without: str  # why a portfolio has no forecast, where it has none


def evaluate_date(date: DateForecast, rules: EvaluationRules, own: Sequence[OwnPortfolio] = ()) -> list[Evaluated]:
    """sigma of t beside R of t+1 for every portfolio that tests the model [model 7].

    Portfolios are made of what is known at t. A holding without a V at t, or without a return at t+1, leaves the forecast
    as well as the return and is counted; the other weights stand as they were.

    Args:
        date: the model and what followed.
        rules: how many portfolios.
        own: the user's.
    """
    universe = np.flatnonzero(date.in_estimation & date.usable)
    found = [_factors(date), _eigenfactors(date), _holdings(date, EvaluationKind.MARKET, ["market"], _market(date))]
    if len(universe):
        found += _random(date, universe, rules)
    found += [_own(date, portfolio) for portfolio in own]
    return [part for part in [*found, *_single_assets(date, universe)] if len(part.portfolios)]


def _factors(date: DateForecast) -> Evaluated:
    vols = np.sqrt(np.diag(date.factor_cov))
    return _of_factors(EvaluationKind.FACTOR, date.factors, vols, date.factor_returns)


def _eigenfactors(date: DateForecast) -> Evaluated:
    """Each with its largest weight positive; one missing factor return is in all of them."""
    if not len(date.factors):
        return _of_factors(EvaluationKind.EIGENFACTOR, [], np.empty(0), np.empty(0))
    values, vectors = np.linalg.eigh(date.factor_cov)
    vectors = vectors * np.sign(vectors[np.abs(vectors).argmax(axis=0), np.arange(len(values))])
    vols = np.sqrt(np.where(values > _RANK * values[-1], values, 0.0))
    names = [f"{k + 1:0{len(str(len(values)))}d}" for k in range(len(values))]
    return _of_factors(EvaluationKind.EIGENFACTOR, names, vols, vectors.T @ date.factor_returns)


def _of_factors(kind: EvaluationKind, names: Sequence[str], vols: Floats, returns: Floats) -> Evaluated:
    none = np.zeros(len(names), dtype=np.int64)
    run = standardise(vols, returns, np.arange(len(names)), len(names))
    return Evaluated(kind, names, run, none, none, none.astype(float), "no factor return on the date, or no variance")


def _market(date: DateForecast) -> Floats:
    caps = below_one(np.where(date.in_estimation, 1.0 if date.caps is None else date.caps, 0.0))
    return (caps / (caps.sum() or 1.0))[:, None]


def _random(date: DateForecast, universe: Ints, rules: EvaluationRules) -> list[Evaluated]:
    ids = [date.asset_ids[row] for row in universe]
    draws = asset_draws(ids, rules.seed, rules.random_active, rules.minimum_variance)
    caps = np.ones(len(universe)) if date.caps is None else date.caps[universe]
    active = _spread(random_active(caps, draws.tilts), universe, len(date.asset_ids))
    return [
        _holdings(date, EvaluationKind.RANDOM_ACTIVE, _numbered(rules.random_active), active),
        *([_minimum_variance(date, universe, draws.alphas)] if rules.minimum_variance else []),
    ]


def _minimum_variance(date: DateForecast, universe: Ints, alphas: Floats) -> Evaluated:
    """Portfolios that hold nothing, with the reason, where V has no inverse."""
    kind, names = EvaluationKind.MINIMUM_VARIANCE, _numbered(alphas.shape[1])
    linked = take_linked(date.linked, universe, len(date.asset_ids))
    try:
        sharp = minimum_variance(date.exposures[universe], date.factor_cov, date.specific_var[universe], alphas, linked)
    except ValueError as error:
        return _holdings(date, kind, names, np.zeros((len(date.asset_ids), len(names))))._replace(without=str(error))
    return _holdings(date, kind, names, _spread(sharp, universe, len(date.asset_ids)))


def _own(date: DateForecast, portfolio: OwnPortfolio) -> Evaluated:
    row = {asset: n for n, asset in enumerate(date.asset_ids)}
    holdings = np.zeros((len(row), 1))
    strangers = []
    for asset, weight in zip(portfolio.asset_ids, portfolio.weights, strict=True):
        if asset in row:
            holdings[row[asset]] = weight
        elif weight != 0:
            strangers.append(abs(weight))
    found = _holdings(date, EvaluationKind.OWN, [portfolio.name], holdings)
    gross, outside = float(np.abs(portfolio.weights).sum()), float(sum(strangers))
    within = found.left_out_weight * (gross - outside)
    return found._replace(left_out=found.left_out + len(strangers), left_out_weight=(within + outside) / (gross or 1.0))


def _holdings(date: DateForecast, kind: EvaluationKind, names: Sequence[str], holdings: Floats) -> Evaluated:
    """Portfolios given as (N, P) weights: sigma^2 = x' Sigma x + h' D h, D = Delta and what is linked; R = sum h r."""
    present = date.usable & ~np.isnan(date.returns)
    h = np.where(present[:, None], holdings, 0.0)
    x = date.exposures.T @ h
    own = specific_times(np.where(present, date.specific_var, 0.0), date.linked, h)
    variance = (x * (date.factor_cov @ x)).sum(axis=0) + (h * own).sum(axis=0)
    R = np.where(present, date.returns, 0.0) @ h
    gross = np.abs(holdings).sum(axis=0)
    held, kept = (holdings != 0).sum(axis=0), (h != 0).sum(axis=0)
    share = (gross - np.abs(h).sum(axis=0)) / np.where(gross > 0, gross, 1.0)
    run = standardise(np.sqrt(np.maximum(variance, 0.0)), R, np.arange(len(names)), len(names))
    return Evaluated(kind, names, run, kept, held - kept, np.maximum(share, 0.0), "nothing is held that has a V and a return")


def _single_assets(date: DateForecast, universe: Ints) -> list[Evaluated]:
    """Assets in deciles, by what is known at t; total returns against V's diagonal, specific ones against Delta."""
    X, own = date.exposures[universe], date.specific_var[universe]
    specific_vol = np.sqrt(own)
    vol = np.sqrt(np.maximum((X @ date.factor_cov * X).sum(axis=1), 0.0) + own)
    R, u = date.returns[universe], date.specific_returns[universe]
    parts = [
        _deciles(EvaluationKind.ASSET_BY_VOLATILITY, vol, vol, R),
        _deciles(EvaluationKind.SPECIFIC_BY_VOLATILITY, specific_vol, specific_vol, u),
    ]
    if date.caps is not None:
        caps = date.caps[universe]
        parts += [
            _deciles(EvaluationKind.ASSET_BY_SIZE, caps, vol, R),
            _deciles(EvaluationKind.SPECIFIC_BY_SIZE, caps, specific_vol, u),
        ]
    return parts


def _deciles(kind: EvaluationKind, by: Floats, vols: Floats, returns: Floats) -> Evaluated:
    tenth = deciles(by)
    listed = np.unique(tenth)  # fewer than ten assets leave some tenths empty
    of = np.searchsorted(listed, tenth)
    run = standardise(vols, returns, of, len(listed))
    sizes = np.bincount(of, minlength=len(listed))
    left_out = sizes - run.n_forecasts
    names = [f"{k + 1:0{len(str(DECILES))}d}" for k in listed]
    return Evaluated(kind, names, run, run.n_forecasts, left_out, left_out / sizes, "no asset of it has a return")


def _numbered(count: int) -> list[str]:
    return [f"{n + 1:03d}" for n in range(count)]


def _spread(holdings: Floats, rows: Ints, size: int) -> Floats:
    """Weights of some assets among all of them."""
    spread = np.zeros((size, holdings.shape[1]))
    spread[rows] = holdings
    return spread
