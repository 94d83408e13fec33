"""VIF of styles against statsmodels, and where it is known beforehand."""

import numpy as np
import pytest
from cross_section_cases import Case, Membership, fitted_rows, generated, mean_one_weights, with_columns
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import orth
from statsmodels.api import WLS
from statsmodels.stats.outliers_influence import variance_inflation_factor

from sigmalake.numerics.factors import Kind


def correlated(seed: int, n_assets: int = 80, **model: object) -> Case:
    case = generated(np.random.default_rng(seed), n_assets, n_styles=3, whole=False, **model)
    case.exposures[:, -1] += 0.8 * case.exposures[:, -2] + 0.5
    return case


def styles(case: Case) -> list[int]:
    return [k for k, factor in enumerate(case.factors) if factor.kind is Kind.STYLE]


def test_statsmodels_gives_the_same_inflation_of_assets_repeated_by_their_weight() -> None:
    case = correlated(61)
    counts = np.random.default_rng(1).integers(1, 5, len(case.returns))
    weighted = case._replace(weights=counts * case.in_estimation.astype(float))
    rows = fitted_rows(weighted)
    repeated = np.repeat(case.exposures[rows], counts[rows], axis=0)
    expected = [variance_inflation_factor(repeated, k) for k in styles(case)]
    np.testing.assert_allclose(weighted.fit().vif[styles(case)], expected, rtol=1e-10)


def test_without_a_constant_the_inflation_is_about_zero() -> None:
    case = correlated(67, market=False, groups={"currency": Membership(2, fractional=True, partial=True)})
    rows, w, found = fitted_rows(case), mean_one_weights(case), case.fit().vif
    for k in styles(case):
        fitted = WLS(case.exposures[rows, k], np.delete(case.exposures[rows], k, axis=1), weights=w[rows]).fit()
        assert found[k] == pytest.approx(fitted.uncentered_tss / fitted.ssr, rel=1e-10)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.booleans(), st.booleans())
def test_a_weighted_regression_of_the_style_on_the_others_says_the_same(seed: int, market: bool, partial: bool) -> None:
    groups = {"sector": Membership(3, fractional=True), "currency": Membership(2, partial=partial)}
    case = correlated(seed, market=market, groups=groups)
    rows, w = fitted_rows(case), mean_one_weights(case)
    for k in styles(case):
        others = orth(np.delete(case.exposures[rows], k, axis=1))
        fitted = WLS(case.exposures[rows, k], others, weights=w[rows]).fit()
        expected = fitted.centered_tss / fitted.ssr
        assert case.fit().vif[k] == pytest.approx(expected, rel=1e-9)


def test_only_styles_have_an_inflation() -> None:
    case = correlated(62, groups={"sector": Membership(3)})
    vif = case.fit().vif
    assert np.isnan(vif[:4]).all()
    assert (vif[4:] >= 1.0).all()


def test_orthogonal_styles_have_inflation_one() -> None:
    x = np.array([1.0, -1.0, 1.0, -1.0] * 10)
    y = np.array([1.0, 1.0, -1.0, -1.0] * 10)
    case = generated(np.random.default_rng(63), 40)
    made = with_columns(case, x, y)._replace(weights=np.ones(40))
    np.testing.assert_allclose(made.fit().vif[1:], 1.0, rtol=1e-12)


def test_the_inflation_of_two_styles_is_that_of_their_correlation() -> None:
    case = generated(np.random.default_rng(64), 100, n_styles=2)
    case.exposures[:, 2] += 2.0 * case.exposures[:, 1]
    w = case.weights / case.weights.sum()
    x, y = (case.exposures[:, k] - w @ case.exposures[:, k] for k in (1, 2))
    correlation = w @ (x * y) / np.sqrt((w @ x**2) * (w @ y**2))
    np.testing.assert_allclose(case.fit().vif[1:], 1.0 / (1.0 - correlation**2), rtol=1e-11)


def test_unit_and_origin_of_a_style_and_of_the_weights_change_nothing() -> None:
    case = correlated(65, groups={"sector": Membership(3)})
    moved = case.exposures.copy()
    moved[:, -1] = 1e3 * moved[:, -1] - 70.0
    other = case._replace(exposures=moved, weights=case.weights * 1e-5).fit()
    np.testing.assert_allclose(other.vif, case.fit().vif, rtol=1e-9)


def test_a_dependent_style_has_none_and_a_date_without_fit_neither() -> None:
    case = correlated(66)
    assert np.isnan(with_columns(case, case.exposures[:, -1]).fit().vif[-1])
    assert np.isnan(case._replace(returns=np.full(80, np.nan)).fit().vif).all()
