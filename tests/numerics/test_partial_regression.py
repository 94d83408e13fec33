"""A factor's points and line: what Frisch and Waugh's theorem says, by routes that share nothing with the kernel."""

import numpy as np
import pytest
from cross_section_cases import Case, Membership, cap_share_rows, generated, with_columns
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.linalg import null_space

from sigmalake.numerics.factors import Kind
from sigmalake.numerics.regression.cross_section import CrossSection
from sigmalake.numerics.regression.partial_regression import PartialRegression, partial_regression
from sigmalake.numerics.regression.rules import RegressionRules
from sigmalake.numerics.types import Floats

RULES = {
    "plain": RegressionRules(min_assets=1),
    "drop": RegressionRules(min_assets=1, thin="drop"),
    "outliers": RegressionRules(min_assets=1, outliers_beyond=2.5),
    "huber": RegressionRules(min_assets=1, huber=1.345),
}
GROUPS = {"sector": Membership(7, fractional=True), "country": Membership(3), "currency": Membership(2, partial=True)}


def points_of(case: Case, section: CrossSection, column: int) -> PartialRegression:
    inputs = (case.returns, case.exposures, case.caps, section.weights, case.in_estimation, case.factors)
    return partial_regression(*inputs, section.factor_returns, section.factor_status, column)


def slope_of(found: PartialRegression, weights: Floats) -> float:
    """The weighted line through the points, with an intercept where they are not adjusted."""
    used = (weights > 0) & np.isfinite(found.returns)
    x, r, w = found.exposures[used], found.returns[used] - found.intercept, weights[used]
    return float((w * x) @ r / ((w * x) @ x))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(sorted(RULES)), st.booleans(), st.booleans())
def test_the_slope_of_every_factors_points_is_its_return(seed: int, rules: str, market: bool, dependent: bool) -> None:
    case = generated(np.random.default_rng(seed), 70, market=market, groups=GROUPS, n_styles=2, whole=False)
    case = with_columns(case, 2.0 * case.exposures[:, -1], np.ones(70)) if dependent else case
    section = case.fit(RULES[rules])
    for k in np.flatnonzero(np.isfinite(section.factor_returns)):
        found = points_of(case, section, int(k))
        assert_allclose(slope_of(found, section.weights), section.factor_returns[k], rtol=1e-7, atol=1e-10)
        assert_allclose(found.slope, section.factor_returns[k], rtol=1e-7, atol=1e-10)


@pytest.mark.parametrize("market", [True, False])
def test_the_points_are_what_two_regressions_on_the_other_factors_leave(market: bool) -> None:
    case = generated(np.random.default_rng(5), 90, market=market, groups={"sector": Membership(4)}, n_styles=2, whole=False)
    section = case.fit()
    used = (section.weights > 0) & np.isfinite(case.returns)
    root = np.sqrt(section.weights[used])[:, None]
    for k in range(len(case.factors)):
        fixed = np.vstack([cap_share_rows(case), np.eye(len(case.factors))[k]])
        others = case.exposures @ null_space(fixed)
        free = null_space(cap_share_rows(case))
        own = case.exposures @ (free @ free[k] / (free[k] @ free[k]))
        left = [v - others @ np.linalg.lstsq(root * others[used], root[:, 0] * v[used], rcond=None)[0] for v in (own, case.returns)]
        found = points_of(case, section, k)
        assert found.adjusted
        assert_allclose(found.exposures, left[0], rtol=0, atol=1e-12)
        assert_allclose(found.returns, left[1], rtol=0, atol=1e-12)


@pytest.mark.parametrize("fractional", [False, True], ids=["0/1", "fractional"])
@pytest.mark.parametrize("market", [False, True])
def test_a_single_country_keeps_its_exposures_and_returns_as_they_are(fractional: bool, market: bool) -> None:
    rng = np.random.default_rng(6)
    case = generated(rng, 40, market=market, groups={"country": Membership(1, partial=True)})
    share = rng.uniform(0, 1, 40) if fractional else (rng.random(40) < 0.4).astype(float)
    case.exposures[:, -1] = share
    section = case.fit()
    found = points_of(case, section, len(case.factors) - 1)
    assert not found.adjusted
    assert_allclose(found.exposures, share, rtol=0, atol=0)
    assert_allclose(found.returns, case.returns, rtol=0, atol=0)
    design = np.column_stack([np.ones(40), share]) if market else share[:, None]
    root = np.sqrt(case.weights)
    line = np.linalg.lstsq(design * root[:, None], case.returns * root, rcond=None)[0]
    assert_allclose([found.slope, found.intercept], [line[-1], line[0] if market else 0.0], rtol=1e-11, atol=1e-15)
    if not fractional and market:  # the slope is the difference of two weighted means
        means = [np.average(case.returns[share == value], weights=case.weights[share == value]) for value in (0, 1)]
        assert_allclose(found.slope, means[1] - means[0], rtol=1e-11)


def test_with_ridge_the_points_have_the_slope_of_the_fit_without_it() -> None:
    case = generated(np.random.default_rng(7), 60, n_styles=2)
    found = points_of(case, case.fit(RegressionRules(min_assets=1, ridge=0.5)), 1)
    assert_allclose(found.slope, case.fit().factor_returns[1], rtol=1e-10)


def test_a_factor_without_a_return_is_refused_with_its_status() -> None:
    case = with_columns(generated(np.random.default_rng(8), 60, n_styles=1), np.zeros(60))
    with pytest.raises(ValueError, match="added_0 has no factor return: it is empty"):
        points_of(case, case.fit(), 2)


def test_the_only_factor_of_a_constrained_group_is_refused() -> None:
    case = generated(np.random.default_rng(9), 60, groups={"country": Membership(1)}, n_styles=1)
    section = case.fit()
    assert case.factors[1].kind is Kind.MEMBERSHIP
    with pytest.raises(ValueError, match=r"country_0 (is fixed at 0|has no factor return)"):
        points_of(case, section, 1)
