"""Delta as of a date with all its layers: each asset's own variance, then what the cross-section and the regime add."""

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

import numpy as np

from sigmalake.numerics.factor_cov.regime import RegimeMultiplier, mean_squared_bias
from sigmalake.numerics.factor_cov.windows import Diagnostic
from sigmalake.numerics.factors import Factor, PackedExposures
from sigmalake.numerics.specific_risk.blend_weight import blend_weights
from sigmalake.numerics.specific_risk.layered import LayeredSpecificVar, TimeSeriesVar
from sigmalake.numerics.specific_risk.linked_issues import IssuerCov, issuer_cov
from sigmalake.numerics.specific_risk.regime import SpecificRegime, specific_squared_bias
from sigmalake.numerics.specific_risk.size_shrinkage import shrink_by_size
from sigmalake.numerics.specific_risk.structural_vol import StructuralVol, structural_vol
from sigmalake.numerics.types import Bools, Floats, Ints
from sigmalake.numerics.windows.ewma import fewest

Given = TypeVar("Given")

FAILED = "specific_var_failed"


class Coverage(NamedTuple):
    """The assets of an as-of date and what is known of them at its close. What no layer asks for may be None."""

    columns: Ints  # (M,) of the specific returns
    is_known: Bools  # (M,) has exposures at the close; the others only had them one period before
    exposures: Floats | PackedExposures | None  # (P, K) X of the known ones
    factors: Sequence[Factor]  # its columns
    caps: Floats | None  # (M,) NaN where unknown; all 1 in a model without caps
    issuers: Ints | None  # (M,) a number an issuer, below 0 where unknown


class SpecificHistory(NamedTuple):
    """All that is computed for many as-of dates at once, from specific returns and caps."""

    estimator: LayeredSpecificVar
    specific_returns: Floats  # (R, N)
    as_of: Ints  # (A,)
    time_series: TimeSeriesVar  # (A, N)
    gamma: Floats | None  # (A, N) None without a structural model
    squared_bias: Floats | None  # (R,) B^2, NaN where not needed; None without a regime


class SpecificRisk(NamedTuple):
    """Delta of M assets as of one date, and every layer below it. NaN: none; None: the layer is off."""

    specific_var: Floats  # (M,) fraction^2 per period
    source: list[str]  # (M,) time_series, blend, structural or none
    n_obs: Ints  # (M,)
    ts_var: Floats  # (M,) fraction^2 per period, serial correlation included
    structural_var: Floats | None  # (M,) fraction^2 per period
    blend_weight: Floats | None  # (M,) gamma
    shrink_weight: Floats | None  # (M,) v
    regime_multiplier: float | None  # lambda
    linked: IssuerCov | None  # positions among the M assets
    diagnostics: tuple[Diagnostic, ...]


def specific_history(
    estimator: LayeredSpecificVar, specific_returns: Floats, as_of: Ints, caps_before: Floats | None = None
) -> SpecificHistory:
    """What needs no cross-section, for all as-of dates at once.

    Args:
        estimator: with its layers.
        specific_returns: (R, N) fractions, newest last, NaN where missing.
        as_of: (A,) positions of rows, ascending.
        caps_before: (R, N) known one period before the row, NaN where unknown; None: every cap is 1.
    """
    structural, regime = estimator.structural, estimator.regime
    gamma = None
    if structural is not None:
        periods = structural.periods(estimator.weighting.window)
        gamma = blend_weights(specific_returns, as_of, periods, structural.fewest_obs, structural.ramp_obs)
    return SpecificHistory(
        estimator,
        specific_returns,
        as_of,
        estimator.time_series(specific_returns, as_of),
        gamma,
        None if regime is None else _squared_bias(estimator, regime, specific_returns, as_of, caps_before),
    )


def specific_risk(history: SpecificHistory, number: int, coverage: Coverage) -> SpecificRisk:
    """Delta as of one date, its layers in the model's order.

    Args:
        history: of many as-of dates.
        number: which of them.
        coverage: its assets.

    Raises:
        ValueError: a layer is on whose exposures, caps or issuers are not given.
    """
    found = _time_series(history, number, coverage)
    found = _blended(found, history, number, coverage)
    found = _shrunk(found, history, coverage)
    found = _scaled(found, history, number)
    return _linked(found, history, number, coverage)


def _squared_bias(
    estimator: LayeredSpecificVar, regime: SpecificRegime, specific_returns: Floats, as_of: Ints, caps_before: Floats | None
) -> Floats:
    """(R,) B^2 of every date of the as-of dates' regime windows, against the variances one period before, without lags."""
    rows = np.unique(as_of[:, None] - np.arange(regime.periods))
    rows = rows[rows >= 1]
    squared_bias = np.full(len(specific_returns), np.nan)
    forecast = estimator.estimate(specific_returns, rows - 1).var
    caps = None if caps_before is None else caps_before[rows]
    squared_bias[rows] = specific_squared_bias(specific_returns[rows], forecast, caps, regime.winsorise_beyond)
    return squared_bias


def _time_series(history: SpecificHistory, number: int, coverage: Coverage) -> SpecificRisk:
    """Each asset's own variance, and how many long-run variances were held at a bound."""
    var, n_obs, clipped = (values[number, coverage.columns] for values in history.time_series[:3])
    source: list[str] = np.where(np.isnan(var), "none", "time_series").tolist()
    failure = history.time_series.failures.get(number)
    failed = () if failure is None else (Diagnostic(FAILED, None, failure),)
    found = SpecificRisk(var, source, n_obs, var, None, None, None, None, None, failed)
    if not history.estimator.lags:
        return found
    low, high = history.estimator.lags_bounds
    n_var = int((~np.isnan(var)).sum())
    detail = f"of {n_var} long-run variances, held within {low:g} and {high:g} times the plain ones"
    return _and(found, Diagnostic("serial_correlation_clipped", float(clipped.sum()), detail))


def _blended(found: SpecificRisk, history: SpecificHistory, number: int, coverage: Coverage) -> SpecificRisk:
    """sigma = gamma sigma_TS + (1 - gamma) sigma_STR for the assets with exposures."""
    if history.gamma is None:
        return found
    known = coverage.is_known
    ts_vol = np.sqrt(found.ts_var)
    gamma = np.where(ts_vol > 0, history.gamma[number, coverage.columns], 0.0)
    caps = _given("caps", coverage.caps)
    if coverage.exposures is None:
        raise ValueError("exposures of the coverage are not given; a layer of Delta needs them")
    fit = structural_vol(ts_vol[known], gamma[known], coverage.exposures, caps[known], coverage.factors)
    structural = np.full(len(gamma), np.nan)
    structural[known] = fit.vol
    blends = ~np.isnan(structural)
    mixed = gamma * np.nan_to_num(ts_vol, nan=0.0) + (1 - gamma) * structural
    var = np.where(gamma >= 1, found.ts_var, mixed**2)
    names = np.select([gamma >= 1, gamma > 0], ["time_series", "blend"], "structural")
    source = np.where(blends, names, np.array(found.source, dtype=names.dtype))
    return _and(
        found._replace(
            specific_var=np.where(blends, var, found.ts_var),
            source=source.tolist(),
            structural_var=structural**2,
            blend_weight=np.where(blends, gamma, np.nan),
        ),
        *_fit_diagnostics(fit),
    )


def _fit_diagnostics(fit: StructuralVol) -> list[Diagnostic]:
    if not fit.has_fit:
        detail = f"no structural model: {fit.n_fitted} assets with gamma = 1; {fit.n_needed} are needed"
        return [Diagnostic("structural_n_fitted", float(fit.n_fitted), detail)]
    missing = f"; no estimate for {', '.join(fit.unexplained)}" if fit.unexplained else ""
    return [
        Diagnostic("structural_n_fitted", float(fit.n_fitted), f"assets with gamma = 1; rank {fit.rank}{missing}"),
        Diagnostic("structural_e0", fit.smearing, "E0, the mean of exp(residual)"),
        Diagnostic("structural_held", float(fit.n_held), "assets held at ten times the fitted volatilities, or a tenth of them"),
    ]


def _shrunk(found: SpecificRisk, history: SpecificHistory, coverage: Coverage) -> SpecificRisk:
    options = history.estimator.size_shrinkage
    if options is None:
        return found
    shrunk = shrink_by_size(np.sqrt(found.specific_var), _given("caps", coverage.caps), options.q, options.groups)
    return found._replace(specific_var=shrunk.vol**2, shrink_weight=shrunk.weight)


def _scaled(found: SpecificRisk, history: SpecificHistory, number: int) -> SpecificRisk:
    regime = history.estimator.regime
    if regime is None or history.squared_bias is None:
        return found
    newest = int(history.as_of[number]) + 1
    recent = history.squared_bias[max(0, newest - regime.periods) : newest]
    min_dates = fewest(None, regime.periods)
    multiplier = mean_squared_bias(recent, regime.half_life, min_dates)
    factor = float(np.sqrt(multiplier.squared))
    return _and(
        found._replace(specific_var=found.specific_var * multiplier.squared, regime_multiplier=factor),
        Diagnostic("specific_regime_multiplier", factor, _regime_detail(multiplier, min_dates)),
    )


def _regime_detail(multiplier: RegimeMultiplier, min_dates: int) -> str:
    short = f"; {min_dates} are needed, so it is 1" if multiplier.n_dates < min_dates else ""
    return f"lambda; Delta is times its square; from {multiplier.n_dates} dates{short}"


def _linked(found: SpecificRisk, history: SpecificHistory, number: int, coverage: Coverage) -> SpecificRisk:
    options, (window, half_life) = history.estimator.linked, history.estimator.weighting
    if options is None:
        return found
    row = int(history.as_of[number])
    rows = history.specific_returns[max(0, row - options.periods(window) + 1) : row + 1, coverage.columns]
    issuers, fewest_dates = _given("issuers", coverage.issuers), options.fewest_dates(window)
    linked = issuer_cov(rows, found.specific_var, issuers, half_life, options.shrinkage, fewest_dates)
    left_out = f"; {linked.n_left_out} of their shares have too few common returns" if linked.n_left_out else ""
    detail = f"pairs of shares of {linked.n_issuers} issuers{left_out}"
    return _and(found._replace(linked=linked), Diagnostic("linked_pairs", float(linked.cov.size), detail))


def _and(found: SpecificRisk, *diagnostics: Diagnostic) -> SpecificRisk:
    return found._replace(diagnostics=(*found.diagnostics, *diagnostics))


def _given(name: str, value: Given | None) -> Given:
    if value is None:
        raise ValueError(f"{name} of the coverage are not given; a layer of Delta needs them")
    return value
