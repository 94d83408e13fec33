"""A cross-section of extreme scales from a seed, and what has to hold of its regression."""

import warnings
from collections.abc import Iterator

import numpy as np

from fuzz.command import texts_of
from fuzz.draws import happens, one_of
from sigmalake.numerics.factors import Factor, Kind, pack_exposures
from sigmalake.numerics.regression.cross_section import CrossSection, fit_cross_section
from sigmalake.numerics.regression.rules import RegressionRules, Thin
from sigmalake.numerics.types import Bools, Floats

Arrays = tuple[Floats, Floats, Floats, Floats, Bools, list[Factor]]
LEAST, LARGEST = 5e-324, 1.7e308
WELL_CONDITIONED = 1e6
CLOSE = 1e-9  # relative to the terms that are summed, times the condition number
VALUED = {"ok", "thin"}


def broken_section(seed: int) -> list[str]:
    """What does not hold of the regression of a seed."""
    rng = np.random.default_rng([seed, 3])
    with np.errstate(over="ignore", invalid="ignore"):
        section, rules = _arrays(rng), _rules(rng)
    returns, exposures, *others, factors = section
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        packed = fit_cross_section(returns, pack_exposures(exposures, factors), *others, factors, rules)
        dense = fit_cross_section(returns, exposures, *others, factors, rules)
    broken = [f"{name}: {text}" for name, fit in (("packed", packed), ("dense", dense)) for text in _broken(fit, section)]
    return [*texts_of(warned), *broken, *_unlike(packed, dense, section), *_not_least(packed, section, rules)]


def _arrays(rng: np.random.Generator) -> Arrays:
    n = int(rng.integers(2, 60))
    blocks, factors = [], []
    if happens(rng, 0.8):
        blocks.append(np.ones((n, 1)))
        factors.append(Factor("market", "market", Kind.MARKET))
    for group in ("sector", "country")[: int(rng.integers(0, 3))]:
        levels, partial = int(rng.integers(1, 6)), happens(rng, 0.3)
        shares = np.eye(levels)[rng.integers(0, levels, n)]
        if happens(rng, 0.3):
            shares = rng.dirichlet(np.full(levels, one_of(rng, [0.01, 0.3, 3.0])), n)
        blocks.append(shares * (one_of(rng, [1.0, 0.5, 1e-300]) if partial else 1.0))
        factors += [Factor(f"{group}_{i}", group, Kind.PARTIAL if partial else Kind.MEMBERSHIP) for i in range(levels)]
    n_styles = int(rng.integers(0 if factors else 1, 4))
    styles = rng.normal(size=(n, n_styles))
    for k in range(n_styles):
        styles[:, k] = _scaled(rng, styles[:, k])
    if n_styles > 1 and happens(rng, 0.2):
        styles[:, 0] = _bounded(styles[:, 1] * one_of(rng, [1.0, -1.0, 1e200, 1e-200]) + one_of(rng, [0.0, 1e-12, 1.0]))
    blocks.append(styles)
    factors += [Factor(f"style_{k}", "style", Kind.STYLE) for k in range(n_styles)]
    returns = _scaled(rng, 0.02 * rng.normal(size=n))
    returns[rng.random(n) < one_of(rng, [0.0, 0.1, 0.9])] = np.nan
    inside = rng.random(n) < one_of(rng, [1.0, 0.8, 0.1])
    caps = _positive(_scaled(rng, np.exp(one_of(rng, [0.0, 1.0, 5.0]) * rng.normal(size=n))))
    weights = np.where(inside, np.abs(_scaled(rng, np.sqrt(caps))), 0.0)
    return returns, np.column_stack(blocks), caps, weights, inside, factors


def _scaled(rng: np.random.Generator, values: Floats) -> Floats:
    """The values in another unit, each in a unit of its own, far from 0, alike, or some of them at the ends of floating point."""
    n, some = len(values), rng.random(len(values)) < 0.2
    ways = (
        *[values] * 4,
        *[values * 10.0 ** rng.uniform(-300, 300)] * 3,
        values * 10.0 ** rng.uniform(-1, 1, n).cumsum(),
        values * 10.0 ** rng.uniform(-300, 300, n),
        values + one_of(rng, [1.0, 1e8, 1e16, 1e300]),
        np.full(n, one_of(rng, [0.0, 1.0, 1e-300, 1e300, LARGEST, LEAST])),
        np.where(some, one_of(rng, [LARGEST, -LARGEST, LEAST, 1e154, 1e-154, 0.0]), values),
    )
    return _bounded(one_of(rng, ways))


def _bounded(values: Floats) -> Floats:
    return np.clip(values, -LARGEST, LARGEST)


def _positive(values: Floats) -> Floats:
    return np.clip(np.abs(values), LEAST, LARGEST)


def _rules(rng: np.random.Generator) -> RegressionRules:
    return RegressionRules(
        thin=one_of(rng, list(Thin)), min_members=one_of(rng, [0.0, 2.0, 5.0]), min_assets=one_of(rng, [None, 0, 1, 1]),
        outliers_beyond=one_of(rng, [None, None, 0.01, 3.0]), huber=one_of(rng, [None, None, 1.345]),
        ridge=one_of(rng, [0.0, 0.0, 0.01, 1e6]),
    )  # fmt: skip


def _broken(fit: CrossSection, section: Arrays) -> Iterator[str]:
    """Numbers that are infinite, or missing without a status that says so."""
    returns = section[0]
    for name, value in fit._asdict().items():
        if isinstance(value, float | np.ndarray) and np.isinf(value).any():
            yield f"{name} is infinite (status {fit.status})"
    valued = np.array([fit.status == "ok" and status in VALUED for status in fit.factor_status])
    known = np.isfinite(fit.factor_returns)
    if (known & ~valued).any():
        yield f"a factor of status {np.array(fit.factor_status)[known & ~valued]} has a return (status {fit.status})"
    thin = np.array([status == "thin" for status in fit.factor_status])
    if (valued & ~known & ~thin).any():
        yield f"a factor of status ok has no return (status {fit.status})"
    if fit.status == "ok":
        if not (np.isfinite(fit.weights).all() and (fit.weights >= 0).all()):
            yield "weights are not finite and >= 0"
        if np.isfinite(fit.specific_returns[np.isnan(returns)]).any():
            yield "an asset without a return has a specific return"
        if fit.r2 > 1 + 1e-9 or fit.residual_var < 0:
            yield f"r2 is {fit.r2}, residual_var {fit.residual_var}"
    elif not fit.detail:
        yield f"status {fit.status} without a detail"


def _terms(fit: CrossSection, section: Arrays) -> Floats:
    """(N,) what is summed to a specific return."""
    returns, exposures = section[:2]
    return np.abs(np.nan_to_num(returns)) + np.abs(exposures) @ np.abs(np.nan_to_num(fit.factor_returns))


def _unlike(one: CrossSection, other: CrossSection, section: Arrays) -> Iterator[str]:
    """Where the sums over memberships and the dense route say different things of a date that both can decide."""
    if (one.status, one.factor_status, one.n_fitted, one.rank) != (other.status, other.factor_status, other.n_fitted, other.rank):
        yield f"packed is {one.status, one.factor_status, one.n_fitted, one.rank}, dense {other.status, other.factor_status, other.n_fitted, other.rank}"  # noqa: E501
    elif one.status == "ok" and other.condition_number < WELL_CONDITIONED:
        with np.errstate(over="ignore"):
            allowed = CLOSE * max(1.0, other.condition_number) * _terms(other, section)
        differ = np.abs(one.specific_returns - other.specific_returns) > allowed
        if differ.any():
            yield f"specific returns of {int(differ.sum())} assets differ between packed and dense"


def _not_least(fit: CrossSection, section: Arrays, rules: RegressionRules) -> Iterator[str]:
    """Where X'W u of a style is not 0 although nothing draws it: then the squares are not the least."""
    _, exposures, _, _, _, factors = section
    if fit.status != "ok" or rules.ridge or rules.thin is Thin.SHRINK or not fit.condition_number < WELL_CONDITIONED:
        return
    u, terms = np.nan_to_num(fit.specific_returns), _terms(fit, section)
    for k, factor in enumerate(factors):
        if factor.kind is not Kind.STYLE or fit.factor_status[k] != "ok":
            continue
        with np.errstate(over="ignore", under="ignore"):
            wx = fit.weights * exposures[:, k] / max(np.abs(exposures[:, k]).max(), LEAST)
            left, bound = abs(wx @ u), CLOSE * max(1.0, fit.condition_number) * (np.abs(wx) @ terms)
        if not left <= bound:
            yield f"{factor.name}: X'Wu is {left:.3g}, beyond {bound:.3g} (condition number {fit.condition_number:.3g})"
