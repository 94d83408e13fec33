"""The portfolios of a date's fit, from what its rows store."""

import numpy as np
import pytest
from cross_section_cases import Case, Membership, cap_share_rows, fitted_rows, generated, with_columns
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import null_space

from sigmalake.numerics.factors import Kind
from sigmalake.numerics.regression.cross_section import CrossSection
from sigmalake.numerics.regression.pure_portfolios import date_portfolios
from sigmalake.numerics.regression.rules import RegressionRules
from sigmalake.numerics.types import Floats

RULES = {
    "plain": RegressionRules(min_assets=1),
    "drop": RegressionRules(min_assets=1, thin="drop"),
    "outliers": RegressionRules(min_assets=1, outliers_beyond=2.5),
    "huber": RegressionRules(min_assets=1, huber=1.345),
    "all": RegressionRules(min_assets=1, thin="drop", outliers_beyond=3.0, huber=1.345),
}
GROUPS = {"sector": Membership(7, fractional=True), "country": Membership(3), "currency": Membership(2, partial=True)}


def portfolios_of(case: Case, section: CrossSection) -> Floats:
    inputs = (case.exposures, case.caps, case.in_estimation, section.weights, case.factors)
    return date_portfolios(*inputs, section.factor_returns, section.factor_status)


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(sorted(RULES)), st.booleans(), st.booleans())
def test_the_portfolios_return_the_factor_returns(seed: int, rules: str, market: bool, dependent: bool) -> None:
    case = generated(np.random.default_rng(seed), 70, market=market, groups=GROUPS, n_styles=2, whole=False)
    case = with_columns(case, 2.0 * case.exposures[:, -1], np.ones(70)) if dependent else case
    section = case.fit(RULES[rules])
    portfolios, there = portfolios_of(case, section), np.isfinite(section.factor_returns)
    if section.status == "not_converged":  # a search finds such a date: no factor returns, and no portfolios
        assert "after 500 iterations" in section.detail
        assert np.isnan(portfolios).all()
        return
    used = section.weights > 0.0
    np.testing.assert_allclose(portfolios[:, used] @ case.returns[used], section.factor_returns, rtol=1e-8, atol=1e-12)
    assert (portfolios[np.ix_(there, ~used)] == 0.0).all()
    assert np.isnan(portfolios[~there]).all()


@pytest.mark.parametrize("rules", ["plain", "outliers", "huber"])
def test_the_portfolios_have_their_own_factor_and_up_to_the_constraint_no_other(rules: str) -> None:
    case = generated(np.random.default_rng(82), 90, groups={"sector": Membership(4)}, n_styles=2, whole=False)
    portfolios, R = portfolios_of(case, case.fit(RULES[rules])), null_space(cap_share_rows(case))
    np.testing.assert_allclose(portfolios @ case.exposures @ R, R, rtol=0, atol=1e-13)
    styles = [k for k, factor in enumerate(case.factors) if factor.kind is Kind.STYLE]
    np.testing.assert_allclose(portfolios[styles] @ case.exposures, np.eye(len(case.factors))[styles], rtol=0, atol=1e-13)
    np.testing.assert_allclose(portfolios.sum(axis=1), [1, 0, 0, 0, 0, 0, 0], rtol=0, atol=1e-13)


def test_variances_of_the_portfolios_are_the_standard_errors() -> None:
    case = generated(np.random.default_rng(83), 90, groups={"sector": Membership(4)}, n_styles=2, whole=False)
    section, rows = case.fit(), fitted_rows(case)
    portfolios = portfolios_of(case, section)[:, rows]
    expected = np.sqrt(section.residual_var * (portfolios**2 / section.weights[rows]).sum(axis=1))
    np.testing.assert_allclose(section.std_errors, expected, rtol=1e-10)


def test_a_date_without_fit_has_no_portfolios() -> None:
    case = generated(np.random.default_rng(84), 30, n_styles=2)
    section = case._replace(returns=np.full(30, np.nan)).fit()
    assert np.isnan(portfolios_of(case, section)).all()


def test_weights_that_leave_a_factor_without_an_asset_have_no_portfolios():
    case = generated(np.random.default_rng(5), 30, groups={"sector": Membership(2)})
    case.exposures[:, 1:] = np.where(np.arange(30)[:, None] < 2, [1.0, 0.0], [0.0, 1.0])
    weights = np.where(np.arange(30) < 2, 1e-150, 1.0)  # as Huber may weigh returns of 1e150
    found = date_portfolios(
        case.exposures, case.caps * 1e306, case.in_estimation, weights, case.factors, np.zeros(3), ("ok", "ok", "ok")
    )
    assert np.isnan(found).all()
