"""What holds exactly, on any cross-section."""

import numpy as np
import pytest
from cross_section_cases import (
    ANY_SIZE,
    Case,
    Membership,
    cap_share_rows,
    fitted_rows,
    generated,
    mean_one_weights,
    solve_kkt,
)
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.linalg import null_space

from sigmalake.numerics.factors import Factor, Kind
from sigmalake.numerics.linear.constraints import null_space_basis
from sigmalake.numerics.linear.least_squares import pure_factor_portfolios
from sigmalake.numerics.regression.cross_section import CrossSection
from sigmalake.numerics.regression.rules import RegressionRules, RegressionWeights
from sigmalake.numerics.weights import regression_weights

memberships = st.builds(Membership, st.integers(1, 6), st.booleans(), st.booleans())


@st.composite
def cases(draw: st.DrawFn, *, market: bool | None = None, whole: bool = False) -> Case:
    """Cross-sections with empty, thin and nearly empty groups, missing returns and any kind of weights."""
    with_market = draw(st.booleans()) if market is None else market
    groups = draw(st.dictionaries(st.sampled_from(["sector", "country", "currency"]), memberships, max_size=3))
    n_styles = draw(st.integers(0 if with_market or groups else 1, 4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n_assets = draw(st.integers(35, 90))
    case = generated(rng, n_assets, market=with_market, groups=groups, n_styles=n_styles, whole=whole)
    weighting = draw(st.sampled_from([each for each in RegressionWeights if each is not RegressionWeights.INVERSE_SPECIFIC_VAR]))
    column = rng.uniform(0.1, 5.0, n_assets) * (rng.random(n_assets) < 0.9)
    case = case._replace(weights=regression_weights(weighting, case.caps, column, case.in_estimation))
    assume(
        fitted_rows(case).sum() > len(case.factors)
    )  # a date without a degree of freedom has no answer: test_cross_section_bad_dates
    return case


def estimated(section: CrossSection) -> np.ndarray:
    return np.isfinite(section.factor_returns)


def size_of(case: Case) -> float:
    """The scale of sums of w u x: rounding is measured against it."""
    rows = fitted_rows(case)
    return float(mean_one_weights(case)[rows] @ np.abs(case.returns[rows]))


@settings(max_examples=60, deadline=None)
@given(cases(market=True))
def test_weighted_specific_returns_sum_to_zero_with_a_market_factor(case: Case) -> None:
    section, rows = case.fit(), fitted_rows(case)
    assert abs(section.weights[rows] @ section.specific_returns[rows]) < 1e-12 * size_of(case)


@settings(max_examples=80, deadline=None)
@given(cases())
def test_what_the_exposures_leave_lies_in_the_span_of_the_constraints(case: Case) -> None:
    section, rows = case.fit(), fitted_rows(case)
    free = null_space(cap_share_rows(case)[:, estimated(section)])
    left = case.exposures[np.ix_(rows, estimated(section))].T @ (section.weights * section.specific_returns)[rows]
    assert np.abs(free.T @ left).max() < 1e-11 * size_of(case)


@settings(max_examples=80, deadline=None)
@given(cases())
def test_factor_returns_satisfy_the_constraints(case: Case) -> None:
    factor_returns = np.nan_to_num(case.fit().factor_returns)
    assert np.abs(cap_share_rows(case) @ factor_returns).max(initial=0.0) < 1e-13 * (1.0 + np.abs(factor_returns).max())


@settings(max_examples=80, deadline=None)
@given(cases())
def test_returns_are_what_the_factors_explain_plus_the_specific_returns(case: Case) -> None:
    section = case.fit()
    whole = section.fitted_returns + section.specific_returns
    has_answer = np.isfinite(whole)
    np.testing.assert_allclose(whole[has_answer], case.returns[has_answer], rtol=0, atol=1e-15)
    explained = case.exposures @ np.nan_to_num(section.factor_returns)
    finite = np.isfinite(section.fitted_returns)
    np.testing.assert_allclose(section.fitted_returns[finite], explained[finite], rtol=0, atol=1e-15)
    assert finite[fitted_rows(case)].all()


@settings(max_examples=80, deadline=None)
@given(cases(), st.floats(1e-9, 1e9))
def test_scaling_the_weights_changes_nothing(case: Case, scale: float) -> None:
    one, other = case.fit(), case._replace(weights=case.weights * scale).fit()
    for name in ("factor_returns", "std_errors", "specific_returns", "fitted_returns", "weights"):
        np.testing.assert_allclose(getattr(other, name), getattr(one, name), rtol=1e-12, atol=1e-13)
    assert other.factor_status == one.factor_status
    assert other.residual_var == pytest.approx(one.residual_var, rel=1e-12)


@settings(max_examples=60, deadline=None)
@given(cases(), st.integers(0, 2**32))
def test_permuting_the_assets_permutes_their_specific_returns(case: Case, seed: int) -> None:
    order = np.random.default_rng(seed).permutation(len(case.returns))
    permuted = Case(*(array[order] for array in case[:5]), case.factors)
    one, other = case.fit(), permuted.fit()
    np.testing.assert_allclose(other.specific_returns, one.specific_returns[order], rtol=0, atol=1e-13)
    np.testing.assert_allclose(other.factor_returns, one.factor_returns, rtol=1e-10, atol=1e-13)


@settings(max_examples=60, deadline=None)
@given(cases(market=True, whole=True))
def test_the_constraint_that_identifies_the_factors_does_not_change_what_they_explain(case: Case) -> None:
    by_caps = case.fit()
    by_count = case._replace(caps=np.ones_like(case.caps)).fit()
    np.testing.assert_allclose(by_count.fitted_returns, by_caps.fitted_returns, rtol=0, atol=1e-13)
    assert by_count.residual_var == pytest.approx(by_caps.residual_var, rel=1e-10)
    assert by_count.rank == by_caps.rank


@settings(max_examples=60, deadline=None)
@given(cases())
def test_pure_factor_portfolios_have_unit_exposure_and_the_factors_return(case: Case) -> None:
    section, rows = case.fit(), fitted_rows(case)
    X, C = case.exposures[:, estimated(section)], cap_share_rows(case)[:, estimated(section)]
    portfolios = pure_factor_portfolios(X, section.weights, C)
    free = null_space(C) if len(C) else np.eye(X.shape[1])
    np.testing.assert_allclose(portfolios @ X @ free, free, rtol=0, atol=1e-10)
    by_portfolio = portfolios[:, rows] @ case.returns[rows]
    np.testing.assert_allclose(by_portfolio, section.factor_returns[estimated(section)], rtol=1e-9, atol=1e-12)
    assert (portfolios[:, ~rows] == 0.0).all()


@settings(max_examples=60, deadline=None)
@given(cases())
def test_the_rank_is_that_of_the_exposures_as_the_constraints_only_identify(case: Case) -> None:
    section, rows = case.fit(), fitted_rows(case)
    design = np.sqrt(section.weights[rows])[:, None] * case.exposures[rows]
    assert section.rank == np.linalg.matrix_rank(design, rtol=1e-10)
    assert section.n_fitted == rows.sum()
    assert section.dof == section.n_fitted - section.rank


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 4), st.integers(5, 12))
def test_the_null_space_basis_is_orthonormal_and_complete(seed: int, n_rows: int, n_columns: int) -> None:
    rows = np.random.default_rng(seed).normal(size=(n_rows, n_columns))
    basis = null_space_basis(np.vstack([rows, 3.0 * rows, np.zeros((1, n_columns))]))
    assert basis.shape == (n_columns, n_columns - n_rows)
    np.testing.assert_allclose(basis.T @ basis, np.eye(basis.shape[1]), rtol=0, atol=1e-13)
    np.testing.assert_allclose(rows @ basis, 0.0, rtol=0, atol=1e-13)


def test_a_factor_without_constraint_keeps_its_own_column_of_the_basis() -> None:
    rows = np.array([[0.0, 0.2, 0.5, 0.3, 0.0]])
    basis = null_space_basis(rows)
    np.testing.assert_array_equal(basis[:, 0], [1, 0, 0, 0, 0])
    np.testing.assert_array_equal(basis[:, -1], [0, 0, 0, 0, 1])


def test_market_and_one_country_give_the_difference_of_the_means() -> None:
    rng = np.random.default_rng(1)
    returns, usa = 0.02 * rng.normal(size=40), np.arange(40) < 15
    factors = [Factor("market", "market", Kind.MARKET), Factor("USA", "country", Kind.PARTIAL)]
    X, ones, everyone = np.column_stack([np.ones(40), usa]), np.ones(40), np.ones(40, dtype=bool)
    section = Case(returns, X, ones, ones, everyone, factors).fit()
    expected = [returns[~usa].mean(), returns[usa].mean() - returns[~usa].mean()]
    np.testing.assert_allclose(section.factor_returns, expected, rtol=1e-12)
    pooled = (returns[usa].var() * 15 + returns[~usa].var() * 25) / 38
    assert section.residual_var == pytest.approx(pooled, rel=1e-12)
    assert section.std_errors[1] == pytest.approx(np.sqrt(pooled * (1 / 15 + 1 / 25)), rel=1e-12)


def test_one_factor_alone_gives_the_ratio_of_weighted_sums() -> None:
    case = generated(np.random.default_rng(2), 30, market=False, n_styles=1)
    section, x, w = case.fit(), case.exposures[:, 0], case.weights
    assert section.factor_returns[0] == pytest.approx((w * x) @ case.returns / (w @ x**2), rel=1e-12)
    explained = (w * x) @ case.returns / (w @ x**2) * x
    expected = 1.0 - w @ (case.returns - explained) ** 2 / (w @ case.returns**2)
    assert section.r2_uncentred == pytest.approx(expected, rel=1e-12)


def test_a_group_without_market_has_the_weighted_means_of_its_members() -> None:
    case = generated(np.random.default_rng(3), 60, market=False, groups={"sector": Membership(4)})
    section = case.fit()
    for k in range(4):
        members = case.exposures[:, k] == 1.0
        mean = np.average(case.returns[members], weights=case.weights[members])
        assert section.factor_returns[k] == pytest.approx(mean, rel=1e-12)
    assert section.rank == 4


def test_the_market_is_the_cap_weighted_mean_of_the_sectors() -> None:
    case = generated(np.random.default_rng(4), 60, groups={"sector": Membership(4)})
    section, means, shares = case.fit(), np.zeros(4), np.zeros(4)
    for k in range(4):
        members = case.exposures[:, 1 + k] == 1.0
        means[k] = np.average(case.returns[members], weights=case.weights[members])
        shares[k] = case.caps[members].sum() / case.caps.sum()
    assert section.factor_returns[0] == pytest.approx(shares @ means, rel=1e-12)
    np.testing.assert_allclose(section.factor_returns[1:], means - shares @ means, rtol=1e-10)


def test_zero_weight_asset_keeps_its_residual() -> None:
    case = generated(np.random.default_rng(5), 50, groups={"sector": Membership(3)}, n_styles=2)
    case.weights[7] = 0.0
    section = case.fit()
    expected = case.returns[7] - case.exposures[7] @ section.factor_returns
    assert section.specific_returns[7] == pytest.approx(expected, abs=1e-15)
    assert section.weights[7] == 0.0
    assert section.n_fitted == 49
    elsewhere = case._replace(returns=np.where(np.arange(50) == 7, 9.9, case.returns)).fit()
    np.testing.assert_array_equal(elsewhere.factor_returns, section.factor_returns)


def test_a_missing_return_leaves_the_fit_but_not_the_shares_of_the_constraint() -> None:
    case = generated(np.random.default_rng(6), 50, groups={"sector": Membership(3)}, n_styles=2)
    case.returns[7] = np.nan
    section = case.fit()
    assert np.isnan(section.specific_returns[7])
    assert section.fitted_returns[7] == pytest.approx(case.exposures[7] @ section.factor_returns)
    np.testing.assert_allclose(section.factor_returns, solve_kkt(case, cap_share_rows(case)), rtol=1e-10)
    assert section.n_fitted == 49


def test_an_asset_outside_the_estimation_universe_has_a_specific_return_and_no_say() -> None:
    case = generated(np.random.default_rng(7), 50, groups={"sector": Membership(3)})
    outside = np.arange(50) == 7
    left_out = case._replace(in_estimation=~outside, weights=np.where(outside, 0.0, case.weights))
    section = left_out.fit()
    smaller = Case(*(array[~outside] for array in left_out[:5]), case.factors).fit()
    np.testing.assert_allclose(section.factor_returns, smaller.factor_returns, rtol=1e-12)
    assert np.isfinite(section.specific_returns[7])


def test_weights_have_mean_one_over_the_fit_and_are_zero_elsewhere() -> None:
    case = generated(np.random.default_rng(8), 50, n_styles=2, whole=False)
    section, rows = case.fit(), fitted_rows(case)
    assert section.weights[rows].mean() == pytest.approx(1.0, rel=1e-14)
    assert (section.weights[~rows] == 0.0).all()
    np.testing.assert_allclose(section.weights, mean_one_weights(case), rtol=1e-13)


def test_members_are_the_fitted_assets_with_an_exposure() -> None:
    case = generated(np.random.default_rng(9), 60, groups={"sector": Membership(4, fractional=True)}, whole=False)
    expected = [(case.exposures[fitted_rows(case), k] != 0).sum() for k in range(5)]
    np.testing.assert_array_equal(case.fit().n_members, expected)


@pytest.mark.parametrize(
    ("weighting", "expected"),
    [("sqrt_cap", [2.0, 0.0, 1.0]), ("cap", [4.0, 0.0, 1.0]), ("equal", [1.0, 0.0, 1.0]), ("column", [0.5, 0.0, 0.0])],
)
def test_regression_weights_are_zero_outside_the_estimation_universe(weighting: str, expected: list[float]) -> None:
    caps, column, inside = np.array([4.0, 9.0, 1.0]), np.array([0.5, np.nan, 0.0]), np.array([True, False, True])
    np.testing.assert_array_equal(regression_weights(RegressionWeights(weighting), caps, column, inside), expected)


def test_column_weights_without_a_column_are_refused() -> None:
    with pytest.raises(ValueError, match="needs a column of weights"):
        regression_weights(RegressionWeights.COLUMN, np.ones(3), None, np.ones(3, dtype=bool))


def test_the_statistics_are_those_of_the_textbook() -> None:
    case = generated(np.random.default_rng(10), 60, groups={"sector": Membership(4)}, n_styles=2, whole=False)
    section, rows = case.fit(), fitted_rows(case)
    w, r, u = section.weights[rows], case.returns[rows], section.specific_returns[rows]
    unexplained, mean = sum(w * u * u), sum(w * r) / sum(w)
    assert section.residual_var == pytest.approx(unexplained / (rows.sum() - 6), rel=1e-13)
    assert section.r2 == pytest.approx(1 - unexplained / sum(w * (r - mean) ** 2), rel=1e-12)
    assert section.adj_r2 == pytest.approx(1 - (1 - section.r2) * (rows.sum() - 1) / (rows.sum() - 6), rel=1e-12)
    assert section.r2_uncentred == pytest.approx(1 - unexplained / sum(w * r * r), rel=1e-12)
    assert (section.rank, section.dof, section.status, section.detail) == (6, rows.sum() - 6, "ok", "")


def test_returns_that_are_all_alike_have_no_r2() -> None:
    case = generated(np.random.default_rng(11), 40, groups={"sector": Membership(3)}, n_styles=1)
    alike = case._replace(returns=np.full(40, 0.0123)).fit()
    assert np.isnan([alike.r2, alike.adj_r2]).all()
    assert alike.r2_uncentred == pytest.approx(1.0)
    assert alike.factor_returns[0] == pytest.approx(0.0123)
    still = case._replace(returns=np.zeros(40)).fit()
    assert np.isnan(still.r2_uncentred)
    assert still.status == "ok"


def test_the_condition_number_is_that_of_the_scaled_design() -> None:
    case = generated(np.random.default_rng(12), 60, market=False, n_styles=3)
    design = np.sqrt(case.weights)[:, None] * case.exposures
    expected = np.linalg.cond(design / np.linalg.norm(design, axis=0))
    assert case.fit().condition_number == pytest.approx(expected, rel=1e-9)
    scaled = case._replace(exposures=case.exposures * [1e-6, 1.0, 1e6])
    assert scaled.fit().condition_number == pytest.approx(expected, rel=1e-9)


def test_the_arguments_are_not_changed() -> None:
    case = generated(np.random.default_rng(13), 40, groups={"sector": Membership(9)}, n_styles=1, whole=False)
    before = [array.copy() for array in case[:5]]
    for rules in (ANY_SIZE, RegressionRules(thin="drop", min_assets=1)):
        case.fit(rules)
    for array, copy in zip(case[:5], before, strict=True):
        np.testing.assert_array_equal(array, copy)
