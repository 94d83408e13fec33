"""Generated cross-sections, and the same regression by routes that share nothing with the kernel."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy.linalg import null_space

from sigmalake.numerics.factors import Factor, Kind, pack_exposures
from sigmalake.numerics.regression.cross_section import CrossSection, fit_cross_section
from sigmalake.numerics.regression.rules import RegressionRules
from sigmalake.numerics.types import Bools, Floats

ANY_SIZE = RegressionRules(min_assets=1)


class Case(NamedTuple):
    """The arguments of fit_cross_section but the rules, in its order."""

    returns: Floats
    exposures: Floats
    caps: Floats
    weights: Floats
    in_estimation: Bools
    factors: list[Factor]

    def fit(self, rules: RegressionRules = ANY_SIZE) -> CrossSection:
        """As a date of `panel` is fitted: by the packed X."""
        return fit_cross_section(*self._replace(exposures=pack_exposures(self.exposures, self.factors)), rules)

    def dense_fit(self, rules: RegressionRules = ANY_SIZE) -> CrossSection:
        """The oracle of the route by sums."""
        return fit_cross_section(*self, rules)


class Membership(NamedTuple):
    """A group to generate."""

    levels: int
    fractional: bool = False
    partial: bool = False


def generated(
    rng: np.random.Generator,
    n_assets: int,
    *,
    market: bool = True,
    groups: Mapping[str, Membership] | None = None,
    n_styles: int = 0,
    whole: bool = True,
) -> Case:
    """A cross-section; not `whole`: some returns are missing and some assets outside the estimation universe."""
    blocks, factors = [], []
    if market:
        blocks.append(np.ones((n_assets, 1)))
        factors.append(Factor("market", "market", Kind.MARKET))
    for group, membership in (groups or {}).items():
        blocks.append(_shares(rng, n_assets, membership))
        kind = Kind.PARTIAL if membership.partial else Kind.MEMBERSHIP
        factors += [Factor(f"{group}_{level}", group, kind) for level in range(membership.levels)]
    blocks.append(rng.normal(size=(n_assets, n_styles)))
    factors += [Factor(f"style_{k}", "style", Kind.STYLE) for k in range(n_styles)]
    exposures = np.column_stack(blocks)
    returns = exposures @ (0.01 * rng.normal(size=len(factors))) + 0.02 * rng.normal(size=n_assets)
    in_estimation = np.ones(n_assets, dtype=bool) if whole else rng.random(n_assets) < 0.85
    if not whole:
        returns[rng.random(n_assets) < 0.07] = np.nan
    caps = np.exp(1.2 * rng.normal(size=n_assets))
    return Case(returns, exposures, caps, np.sqrt(caps) * in_estimation, in_estimation, factors)


def _shares(rng: np.random.Generator, n_assets: int, membership: Membership) -> Floats:
    first, second = rng.integers(0, membership.levels, (2, n_assets))
    share = rng.uniform(0.3, 1.0, n_assets) if membership.fractional else np.ones(n_assets)
    shares = np.zeros((n_assets, membership.levels))
    np.add.at(shares, (np.arange(n_assets), first), share)
    np.add.at(shares, (np.arange(n_assets), second), 1.0 - share)
    return shares * rng.uniform(0.2, 0.9, n_assets)[:, None] if membership.partial else shares


def cap_share_rows(case: Case, equal: bool = False) -> Floats:
    """C by a double loop over assets and factors; with equal shares instead of the cap shares if asked."""
    names: list[str] = []
    for factor in case.factors:
        if factor.kind is Kind.MEMBERSHIP and factor.group not in names:
            names.append(factor.group)
    if not any(factor.kind is Kind.MARKET for factor in case.factors):
        names = names[1:]
    rows = np.zeros((len(names), len(case.factors)))
    for row, name in enumerate(names):
        for k, factor in enumerate(case.factors):
            for n in np.flatnonzero(case.in_estimation):
                if factor.group == name:
                    rows[row, k] += (1.0 if equal else case.caps[n]) * case.exposures[n, k]
    return rows / rows.sum(axis=1, keepdims=True)


def fitted_rows(case: Case) -> Bools:
    return (case.weights > 0.0) & np.isfinite(case.returns)


def mean_one_weights(case: Case) -> Floats:
    rows = fitted_rows(case)
    return np.where(rows, case.weights / case.weights[rows].mean(), 0.0)


def solve_kkt(case: Case, constraints: Floats) -> Floats:
    """f from [[X'WX, C'], [C, 0]] [f, l] = [X'Wr, 0]."""
    rows, (n_constraints, n_factors) = fitted_rows(case), constraints.shape
    X, w, r = case.exposures[rows], mean_one_weights(case)[rows], case.returns[rows]
    upper = np.hstack([X.T @ (w[:, None] * X), constraints.T])
    lower = np.hstack([constraints, np.zeros((n_constraints, n_constraints))])
    right = np.append(X.T @ (w * r), np.zeros(n_constraints))
    return np.linalg.solve(np.vstack([upper, lower]), right)[:n_factors]


def projected_fit(case: Case, constraints: Floats) -> Floats:
    """sqrt(w) X f of the fitted assets by a singular value decomposition, whatever the rank."""
    rows = fitted_rows(case)
    root = np.sqrt(mean_one_weights(case)[rows])
    design = (root[:, None] * case.exposures[rows]) @ null_space(constraints)
    return design @ np.linalg.lstsq(design, root * case.returns[rows], rcond=1e-11)[0]


def without(case: Case, columns: Sequence[int]) -> Case:
    kept = [k for k in range(len(case.factors)) if k not in columns]
    return case._replace(exposures=case.exposures[:, kept], factors=[case.factors[k] for k in kept])


def three_sectors(rng: np.random.Generator) -> Case:
    """Market, three sectors of 20 assets each, two styles."""
    made = generated(rng, 60, groups={"sector": Membership(3)}, n_styles=2)
    made.exposures[:, 1:4] = np.repeat(np.eye(3), 20, axis=0)
    return made


def with_columns(case: Case, *columns: np.ndarray, kind: Kind = Kind.STYLE, group: str = "style") -> Case:
    added = [Factor(f"added_{k}", group, kind) for k in range(len(columns))]
    return case._replace(exposures=np.column_stack([case.exposures, *columns]), factors=[*case.factors, *added])


def assert_same_answer(section: CrossSection, expected: CrossSection, columns: list[int]) -> None:
    """The factors of `expected` are the `columns` of `section`; all else is the same."""
    np.testing.assert_allclose(section.factor_returns[columns], expected.factor_returns, rtol=1e-9, atol=1e-14)
    np.testing.assert_allclose(section.std_errors[columns], expected.std_errors, rtol=1e-9)
    np.testing.assert_allclose(section.specific_returns, expected.specific_returns, rtol=0, atol=1e-14)
    assert (section.rank, section.dof) == (expected.rank, expected.dof)
    others = np.setdiff1d(np.arange(len(section.factor_returns)), columns)
    assert np.isnan(section.factor_returns[others]).all()
    assert np.isnan(section.std_errors[others]).all()
