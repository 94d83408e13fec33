"""Huber's regression against statsmodels and against a plain loop over the KKT system."""

import numpy as np
import pytest
from cross_section_cases import Case, Membership, cap_share_rows, fitted_rows, generated, mean_one_weights, with_columns
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import null_space
from statsmodels.api import RLM
from statsmodels.robust.norms import HuberT

import sigmalake.numerics.regression.robust.huber as kernel
from sigmalake.numerics.linear.least_squares import pure_factor_portfolios
from sigmalake.numerics.regression.rules import RegressionRules
from sigmalake.numerics.types import Floats

HUBER = RegressionRules(min_assets=1, huber=1.345)
MODELS = {
    "styles": {"market": False, "n_styles": 3},
    "market and styles": {"n_styles": 4},
    "sectors without a market": {"market": False, "groups": {"sector": Membership(4)}, "n_styles": 2},
    "market, sectors and countries": {"groups": {"sector": Membership(5), "country": Membership(3, fractional=True)}},
    "market, sectors and a partial group": {
        "groups": {"sector": Membership(4), "currency": Membership(3, partial=True)},
        "n_styles": 2,
    },
}


def wild(seed: int, n_assets: int = 120, **model: object) -> Case:
    """Returns with fat tails and a few that are far off."""
    rng = np.random.default_rng(seed)
    made = generated(rng, n_assets, whole=False, **model)
    noise = 0.02 * rng.standard_t(3, n_assets) / np.sqrt(mean_one_weights(made) + 0.1)
    return made._replace(returns=made.returns + noise)


@pytest.fixture(params=MODELS)
def case(request: pytest.FixtureRequest) -> Case:
    return wild(41, **MODELS[request.param])


def plain_loop(case: Case, tuning: float = 1.345, penalty: Floats | None = None) -> tuple[Floats, Floats]:
    """f and h: the whole KKT system again and again, 2000 times."""
    rows, C = fitted_rows(case), cap_share_rows(case)
    X, w, r = case.exposures[rows], mean_one_weights(case)[rows], case.returns[rows]
    zeros, h = np.zeros((len(C), len(C))), np.ones(len(r))
    for _ in range(2000):
        gram = X.T @ (X * (w * h)[:, None]) + np.diag(np.zeros(X.shape[1]) if penalty is None else penalty)
        system = np.vstack([np.hstack([gram, C.T]), np.hstack([C, zeros])])
        f = np.linalg.solve(system, np.append(X.T @ (w * h * r), np.zeros(len(C))))[: X.shape[1]]
        e = np.sqrt(w) * (r - X @ f)
        scale = np.median(np.abs(e)) / 0.6744897501960817
        h = np.array([1.0 if abs(x) <= tuning * scale else tuning * scale / abs(x) for x in e])
    return f, h


def test_statsmodels_gives_the_same_factor_returns_and_standard_errors(case: Case) -> None:
    rows, section = fitted_rows(case), case.fit(HUBER)
    C = cap_share_rows(case)
    basis = null_space(C) if len(C) else np.eye(len(case.factors))
    root = np.sqrt(mean_one_weights(case)[rows])
    model = RLM(root * case.returns[rows], (root[:, None] * case.exposures[rows]) @ basis, M=HuberT(t=1.345))
    fitted = model.fit(maxiter=5000, tol=1e-15, conv="coefs")
    assert section.status == "ok"
    np.testing.assert_allclose(section.factor_returns, basis @ fitted.params, rtol=1e-8, atol=1e-11)
    errors = np.sqrt(np.diag(basis @ fitted.bcov_scaled @ basis.T))
    np.testing.assert_allclose(section.std_errors, errors, rtol=1e-8)
    np.testing.assert_allclose(section.weights[rows], root**2 * fitted.weights / (root**2 * fitted.weights).mean(), rtol=1e-8)
    assert section.n_reweighted == (fitted.weights < 1.0).sum() > 0


def test_a_plain_loop_over_the_kkt_system_gives_the_same_factor_returns(case: Case) -> None:
    section, (expected, h) = case.fit(HUBER), plain_loop(case)
    np.testing.assert_allclose(section.factor_returns, expected, rtol=1e-8, atol=1e-11)
    w = mean_one_weights(case)[fitted_rows(case)] * h
    np.testing.assert_allclose(section.weights[fitted_rows(case)], w / w.mean(), rtol=1e-8)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(sorted(MODELS)), st.floats(0.8, 3.0))
def test_bounded_residuals_leave_nothing_to_the_exposures(seed: int, model: str, tuning: float) -> None:
    """The estimating equation: sum psi(e) A lies in the span of C', and psi is bounded by the tuning."""
    case = wild(seed, 70, **MODELS[model])
    section, rows = case.fit(RegressionRules(min_assets=1, huber=tuning)), fitted_rows(case)
    if section.status == "not_converged":  # a search finds such a date; it must say so, and give no answer
        assert "after 500 iterations" in section.detail
        assert np.isnan(section.factor_returns).all()
        return
    assert section.status == "ok"
    root = np.sqrt(mean_one_weights(case)[rows])
    e = root * section.specific_returns[rows]
    bound = tuning * np.median(np.abs(e)) / 0.6744897501960817
    present = np.isfinite(section.factor_returns)
    free = null_space(cap_share_rows(case)[:, present]) if len(cap_share_rows(case)) else np.eye(present.sum())
    left = free.T @ (root[:, None] * case.exposures[np.ix_(rows, present)]).T @ np.clip(e, -bound, bound)
    assert np.abs(left).max() < 1e-8 * bound * len(e)


@pytest.mark.parametrize("tuning", [0.8, 1.345, 3.0])
@pytest.mark.parametrize("model", sorted(MODELS))
def test_ordinary_dates_of_70_names_converge(model: str, tuning: float) -> None:
    statuses = [wild(seed, 70, **MODELS[model]).fit(RegressionRules(min_assets=1, huber=tuning)).status for seed in range(10)]
    assert statuses == ["ok"] * 10


def test_the_fit_is_the_plain_one_with_the_weights_that_are_stored(case: Case) -> None:
    section = case.fit(HUBER)
    again = case._replace(weights=section.weights).fit()
    np.testing.assert_allclose(again.factor_returns, section.factor_returns, rtol=1e-10, atol=1e-14)
    for name in ("r2", "adj_r2", "r2_uncentred", "residual_var", "n_fitted", "rank", "dof"):
        assert getattr(section, name) == pytest.approx(getattr(again, name), rel=1e-10)
    rows = fitted_rows(case)
    portfolios = pure_factor_portfolios(case.exposures, section.weights, cap_share_rows(case))
    np.testing.assert_allclose(portfolios[:, rows] @ case.returns[rows], section.factor_returns, rtol=1e-9, atol=1e-13)


def test_vif_and_condition_number_do_not_depend_on_the_returns(case: Case) -> None:
    section, plain = case.fit(HUBER), case.fit()
    np.testing.assert_array_equal(section.vif, plain.vif)
    assert section.condition_number == plain.condition_number


def test_a_tuning_that_reaches_everyone_is_least_squares(case: Case) -> None:
    section, plain = case.fit(RegressionRules(min_assets=1, huber=1e6)), case.fit()
    np.testing.assert_allclose(section.factor_returns, plain.factor_returns, rtol=1e-12)
    np.testing.assert_allclose(section.std_errors, plain.std_errors, rtol=1e-12)
    assert (section.n_reweighted, section.n_iterations) == (0, 1)


def test_a_return_that_is_far_off_hardly_moves_the_factors(case: Case) -> None:
    asset = np.flatnonzero(fitted_rows(case))[3]
    spoilt = case._replace(returns=np.where(np.arange(len(case.returns)) == asset, 50.0, case.returns))
    by_huber = np.abs(spoilt.fit(HUBER).factor_returns - case.fit(HUBER).factor_returns).max()
    by_least_squares = np.abs(spoilt.fit().factor_returns - case.fit().factor_returns).max()
    assert by_huber < 0.02 * by_least_squares


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32), st.floats(1e-6, 1e6))
def test_scaling_returns_or_weights_scales_the_answer(seed: int, scale: float) -> None:
    case = wild(seed, 60, groups={"sector": Membership(3)}, n_styles=1)
    one = case.fit(HUBER)
    other = case._replace(returns=case.returns * scale, weights=case.weights / scale).fit(HUBER)
    np.testing.assert_allclose(other.factor_returns, one.factor_returns * scale, rtol=1e-7, atol=1e-10 * scale)
    np.testing.assert_allclose(other.weights, one.weights, rtol=1e-7)


def test_standard_errors_are_the_spread_of_the_estimates_under_fat_tails() -> None:
    rng = np.random.default_rng(5)
    case = generated(rng, 150, groups={"sector": Membership(3)}, n_styles=2)
    explained, root = case.exposures @ (0.01 * rng.normal(size=6)), np.sqrt(mean_one_weights(case))
    dates = [case._replace(returns=explained + 0.02 * rng.standard_t(4, 150) / root) for _ in range(250)]
    sections = [date.fit(HUBER) for date in dates]
    spread = np.std([section.factor_returns for section in sections], axis=0)
    told = np.mean([section.std_errors for section in sections], axis=0)
    np.testing.assert_allclose(told, spread, rtol=0.15)
    assert (spread < np.std([date.fit().factor_returns for date in dates], axis=0)).all()


def test_most_assets_fitted_exactly_end_the_iteration_and_are_told() -> None:
    case = generated(np.random.default_rng(6), 60, groups={"sector": Membership(3)}, n_styles=1)
    exact = case._replace(returns=case.exposures @ np.array([0.01, 0.02, -0.01, 0.005, 0.003]))
    section = exact.fit(HUBER)
    assert section.status == "ok"
    assert section.detail.startswith("Huber: the scale of the residuals is 0 after 0 iterations")
    np.testing.assert_array_equal(section.factor_returns, exact.fit().factor_returns)


def test_a_date_that_does_not_converge_has_no_factor_returns_and_says_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "MAX_ITERATIONS", 3)
    section = wild(41, **MODELS["market and styles"]).fit(HUBER)
    assert (section.status, section.n_iterations, section.rank) == ("not_converged", 3, 5)
    assert section.factor_status == ("no_fit",) * 5
    assert np.isnan(section.factor_returns).all()
    assert section.detail.startswith("Huber's reweighting has not converged: after 3 iterations residuals change by")


def test_dependent_columns_stay_out_while_assets_are_reweighted(case: Case) -> None:
    doubled = with_columns(case, 3.0 * case.exposures[:, -1]).fit(HUBER)
    assert doubled.factor_status[-1] == "collinear"
    np.testing.assert_allclose(doubled.factor_returns[:-1], case.fit(HUBER).factor_returns, rtol=1e-9)


def test_ridge_and_huber_together_solve_the_penalised_kkt_system() -> None:
    case = wild(44, groups={"sector": Membership(4)}, n_styles=3)
    rows, w = fitted_rows(case), mean_one_weights(case)
    lengths = np.sum(w[rows, None] * case.exposures[rows] ** 2, axis=0)
    penalty = np.where([factor.group == "style" for factor in case.factors], 0.3 * lengths, 0.0)
    expected, _ = plain_loop(case, penalty=penalty)
    section = case.fit(RegressionRules(min_assets=1, huber=1.345, ridge=0.3))
    np.testing.assert_allclose(section.factor_returns, expected, rtol=1e-8, atol=1e-11)
