"""The regression of one date beside factors whose returns are given."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmalake.numerics.factors import Factor, PackedExposures, exposures_to, given_factors
from sigmalake.numerics.linear.constraints import below_one
from sigmalake.numerics.regression.answer import CrossSection, FactorStatus, Status
from sigmalake.numerics.regression.cross_section import fit_cross_section
from sigmalake.numerics.regression.details import joined
from sigmalake.numerics.regression.fit_statistics import fit_statistics
from sigmalake.numerics.regression.pure_portfolios import date_portfolios
from sigmalake.numerics.regression.rules import RegressionRules
from sigmalake.numerics.types import Bools, Floats


def fit_beside_given(
    returns: Floats,
    exposures: PackedExposures,
    caps: Floats,
    weights: Floats,
    in_estimation: Bools,
    factors: Sequence[Factor],
    given_returns: Floats,
    rules: RegressionRules,
) -> CrossSection:
    """Factor and specific returns of one date, some factors given: r - X_g F_g is regressed on the other factors.

    u = r - X_g F_g - X f; with given factors alone u = r - X_g F_g, p = 0 and s2 = sum w u^2 / N. R^2 is of the whole r. An asset
    that is exposed to a factor without a given return has no u, and is not in the fit (Chen, Roll and Ross 1986 give all
    factors; Menchero, Morozov, Shepard 2010 the currencies).

    Args:
        returns: (N,) whole excess returns of the period, fractions; NaN is missing.
        exposures: (N, K) X, known at t-1, like all that follows but the given returns.
        caps: (N,) > 0.
        weights: (N,) >= 0, 0 outside the estimation universe.
        in_estimation: (N,) the universe of the constraints' shares.
        factors: the K columns.
        given_returns: (G,) of the given factors, in their order; NaN: not given.
        rules: of the regression.
    """
    given = given_factors(factors)
    explained = explained_by_given(exposures, factors, given_returns)
    left, others = returns - explained, [factor for factor, is_given in zip(factors, given, strict=True) if not is_given]
    if others:
        fit = fit_cross_section(left, exposures_to(exposures, factors, ~given), caps, weights, in_estimation, others, rules)
    else:
        fit = _without_regression(left, weights)
    if fit.status == Status.TOO_FEW and (weights[np.isnan(explained)] > 0.0).any():
        fit = fit._replace(status=Status.NOT_GIVEN.value)
    return _whole(fit, returns, explained, exposures, factors, given_returns)


def explained_by_given(exposures: PackedExposures, factors: Sequence[Factor], given_returns: Floats) -> Floats:
    """(N,) X_g F_g; NaN for an asset that is exposed to a factor without a given return.

    Args:
        exposures: (N, K) X.
        factors: its columns.
        given_returns: (G,) of the given factors, in their order; NaN: not given.
    """
    given = given_factors(factors)
    X = exposures_to(exposures, factors, given).dense([factor for factor in factors if factor.given is not None])
    missing = np.isnan(given_returns)
    return np.where((X[:, missing] != 0.0).any(axis=1), np.nan, X @ np.where(missing, 0.0, given_returns))


def portfolios_of_others(
    exposures: Floats,
    caps: Floats,
    in_estimation: Bools,
    weights: Floats,
    factors: Sequence[Factor],
    factor_returns: Floats,
    factor_status: Sequence[str],
) -> Floats:
    """`date_portfolios` of the estimated factors, f = P (r - X_g F_g); NaN in the rows of given ones, which no portfolio earns.

    Args:
        exposures: (N, K) X.
        caps: (N,) as given to the fit.
        in_estimation: (N,) as given to it.
        weights: (N,) of its answer.
        factors: the K columns.
        factor_returns: (K,) its answer.
        factor_status: (K,) its answer.
    """
    given = given_factors(factors)
    if not given.any():
        return date_portfolios(exposures, caps, in_estimation, weights, factors, factor_returns, factor_status)
    others = [(k, factor) for k, factor in enumerate(factors) if factor.given is None]
    statuses, known = [factor_status[k] for k, _ in others], (caps, in_estimation, weights)
    found = date_portfolios(exposures[:, ~given], *known, [factor for _, factor in others], factor_returns[~given], statuses)
    return placed(given, np.full((int(given.sum()), len(exposures)), np.nan), found)


def _without_regression(left: Floats, weights: Floats) -> CrossSection:
    """The residuals of a date whose factors are all given."""
    fitted = np.isfinite(left) & (weights > 0.0)
    n_fitted, w = int(fitted.sum()), np.where(fitted, below_one(weights), 0.0)
    nothing = np.empty(0)
    return CrossSection(
        factor_returns=nothing,
        std_errors=nothing,
        n_members=np.empty(0, dtype=np.int64),
        factor_status=(),
        specific_returns=left,
        fitted_returns=np.zeros(len(left)),
        weights=w / w[fitted].mean() if n_fitted else w,
        n_fitted=n_fitted,
        rank=0,
        dof=n_fitted,
        r2=np.nan,
        adj_r2=np.nan,
        r2_uncentred=np.nan,
        residual_var=np.nan,
        condition_number=np.nan,
        status=(Status.OK if n_fitted else Status.TOO_FEW).value,
        detail="" if n_fitted else "no estimation asset has a return and a weight above 0",
        vif=nothing,
        is_outlier=np.zeros(len(left), dtype=np.bool_),
        n_outliers=0,
        n_reweighted=0,
        n_iterations=0,
    )


def _whole(
    fit: CrossSection,
    returns: Floats,
    explained: Floats,
    exposures: PackedExposures,
    factors: Sequence[Factor],
    given_returns: Floats,
) -> CrossSection:
    """The fit of what was left, with the given factors in their places, as the answer for the whole returns."""
    given, fitted = given_factors(factors), fit.weights > 0.0
    of_given = exposures_to(exposures, factors, given).dense([factor for factor in factors if factor.given is not None])
    statuses = [FactorStatus.NOT_GIVEN.value if np.isnan(value) else FactorStatus.GIVEN.value for value in given_returns]
    found = fit._replace(
        factor_returns=placed(given, given_returns, fit.factor_returns),
        std_errors=placed(given, np.full(len(statuses), np.nan), fit.std_errors),
        n_members=placed(given, np.count_nonzero(of_given[fitted], axis=0), fit.n_members).astype(np.int64),
        factor_status=tuple(placed(given, np.array(statuses, dtype=object), np.array(fit.factor_status, dtype=object))),
        vif=placed(given, np.full(len(statuses), np.nan), fit.vif),
        fitted_returns=explained + fit.fitted_returns,
        detail=joined(fit.detail, _lost_detail(of_given, factors, given_returns)),
    )
    if fit.status != Status.OK:
        return found
    on_fit = (returns[fitted], fit.specific_returns[fitted], fit.weights[fitted])
    return found._replace(**fit_statistics(*on_fit, fit.rank)._asdict())


def placed(given: Bools, of_given: NDArray[Any], of_others: NDArray[Any]) -> NDArray[Any]:
    """Rows of the given factors and of the others, in the order of all."""
    found = np.empty((len(given), *of_others.shape[1:]), dtype=of_others.dtype if len(of_others) else of_given.dtype)
    found[given], found[~given] = of_given, of_others
    return found


def _lost_detail(of_given: Floats, factors: Sequence[Factor], given_returns: Floats) -> str:
    """Which given factors have no return, and how many assets lose theirs by it."""
    names = [factor.name for factor in factors if factor.given is not None]
    exposed = np.where(np.isnan(given_returns), np.count_nonzero(of_given, axis=0), 0)
    lost = [f"{names[k]} ({exposed[k]} assets are exposed)" for k in np.flatnonzero(exposed).tolist()]
    return f"no given return, and so no specific return of what is exposed: {', '.join(lost)}" if lost else ""
