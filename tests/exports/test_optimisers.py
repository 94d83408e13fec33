"""Other people's optimisers on our V: the least variance is that of linear algebra, or meets its first-order conditions."""

import numpy as np
import pandas as pd
import pytest
from linked_risk import ASSETS, assert_same_cov, linked_risk, v_by_loops
from numpy.testing import assert_allclose, assert_array_equal

from sigmalake.errors import ConfigError, DataError, MissingRiskError
from sigmalake.reader.exports.cvxrisk_model import cvxrisk_model

cp = pytest.importorskip("cvxpy")

YEAR = 252.0


@pytest.fixture(scope="module")
def risk():
    return linked_risk(horizon=YEAR)


@pytest.fixture(scope="module")
def V(risk):  # noqa: N802 - the model's symbol
    return v_by_loops(risk).to_numpy()


@pytest.fixture(scope="module")
def closed_form(V):
    """V^-1 1 over its sum: the fully invested portfolio of least variance, short sales allowed."""
    solved = np.linalg.solve(V, np.ones(len(V)))
    return solved / solved.sum()


def minimum(risk, constraints=(), **options):
    w = cp.Variable(len(ASSETS))
    problem = cp.Problem(cp.Minimize(risk.risk_expression(w, **options)), [cp.sum(w) == 1, *(made(w) for made in constraints)])
    problem.solve(solver="CLARABEL", tol_gap_abs=1e-11, tol_gap_rel=1e-11, tol_feas=1e-11)
    return w.value, problem


def assert_least_long_only(weights, V, tolerance):
    """V w is alike where something is held, and no smaller elsewhere; the weights are >= 0 and sum to 1."""
    assert weights.sum() == pytest.approx(1.0, abs=tolerance)
    assert weights.min() > -tolerance
    slope = V @ weights / (weights @ V @ weights)
    assert slope.min() > 1 - 10 * tolerance
    assert np.abs(slope[weights > 100 * tolerance] - 1).max() < 100 * tolerance


# cvxpy


def test_the_expression_of_fixed_weights_is_their_risk(risk, V):
    h = np.random.default_rng(3).normal(size=len(ASSETS))
    w = cp.Variable(len(ASSETS), value=h)
    assert risk.risk_expression(w).value == pytest.approx(h @ V @ h, rel=1e-13)
    assert risk.risk_expression(w, measure="vol").value == pytest.approx(np.sqrt(h @ V @ h), rel=1e-13)


def test_the_expression_is_convex_and_has_no_cone_larger_than_factors_and_assets(risk):
    w = cp.Variable(len(ASSETS))
    problem = cp.Problem(cp.Minimize(risk.risk_expression(w, measure="vol")), [cp.sum(w) == 1])
    assert problem.is_dcp()
    cones = problem.get_problem_data("CLARABEL")[0]["dims"]
    assert cones.soc == [1 + len(risk.factors) + len(ASSETS)]
    assert not cones.psd


@pytest.mark.parametrize("measure", ["variance", "vol"])
def test_the_minimum_variance_of_cvxpy_is_the_closed_form(risk, closed_form, measure):
    weights, _ = minimum(risk, measure=measure)
    assert_allclose(weights, closed_form, atol=1e-8)


def test_long_only_meets_the_first_order_conditions_of_the_dense_v(risk, V):
    weights, problem = minimum(risk, [lambda w: w >= 0], measure="vol")
    assert_least_long_only(weights, V, 1e-7)
    dense = cp.Variable(len(ASSETS))
    over_v = cp.Problem(cp.Minimize(cp.quad_form(dense, cp.psd_wrap(V))), [cp.sum(dense) == 1, dense >= 0])
    assert problem.value**2 == pytest.approx(over_v.solve(solver="CLARABEL"), rel=1e-6)


def test_a_tracking_error_counts_what_the_benchmark_holds_beyond_the_weights(risk, V):
    own = ASSETS[:10]
    benchmark = {"A03": 0.5, "A11": 0.3, "A20": 0.2}
    h = np.zeros(len(ASSETS))
    h[:10] = np.random.default_rng(4).dirichlet(np.ones(10))
    b = pd.Series(benchmark).reindex(ASSETS, fill_value=0.0).to_numpy()
    w = cp.Variable(10, value=h[:10])
    found = risk.risk_expression(w, benchmark, assets=own)
    assert found.value == pytest.approx((h - b) @ V @ (h - b), rel=1e-13)
    against = risk.risk_against(pd.Series(h[:10], own), benchmark)
    assert found.value == pytest.approx(against.active.variance, rel=1e-13)
    assert cp.Problem(cp.Minimize(found)).is_dcp()


def test_the_least_tracking_error_is_that_of_the_benchmark_itself(risk):
    benchmark = pd.Series(np.random.default_rng(5).dirichlet(np.ones(len(ASSETS))), ASSETS)
    weights, problem = minimum(risk, [lambda w: w >= 0], benchmark=benchmark)
    assert_allclose(weights, benchmark, atol=1e-5)
    assert problem.value == pytest.approx(0.0, abs=1e-10)


def test_mistakes_in_an_expression_are_named(risk):
    with pytest.raises(ConfigError, match=r"weights have the shape \(3,\); give a cvxpy expression of shape \(24,\)"):
        risk.risk_expression(cp.Variable(3))
    with pytest.raises(ConfigError, match=r"weights have the shape None"):
        risk.risk_expression([0.5, 0.5], assets=["A01", "A02"])
    with pytest.raises(ValueError, match="measure is 'risk'; give 'variance' or 'vol'"):
        risk.risk_expression(cp.Variable(24), measure="risk")
    with pytest.raises(MissingRiskError, match="no risk for 1 of 1 holdings: A99"):
        risk.risk_expression(cp.Variable(24), {"A99": 1.0})


# cvxrisk


def test_cvxrisk_estimates_our_volatility_and_finds_the_least(risk, V):
    pytest.importorskip("cvx.risk.factor")
    from cvx.core import Variable
    from cvx.risk.portfolio import minrisk_problem

    model = cvxrisk_model(risk.factored())
    h = np.random.default_rng(6).dirichlet(np.ones(len(ASSETS)))
    assert model.estimate(h) == pytest.approx(np.sqrt(h @ V @ h), rel=1e-13)
    weights = Variable(len(ASSETS))
    problem = minrisk_problem(model, weights)
    problem.solve()
    assert problem.status == "Solved"
    assert_least_long_only(weights.value, V, 1e-5)
    bounded = minrisk_problem(model, weights, constraints=[(risk.exposures[:, 4], 0.5, None)])
    bounded.solve()
    assert weights.value @ risk.exposures[:, 4] == pytest.approx(0.5, abs=1e-6)


def test_cvxrisk_takes_bounds_of_weights(risk, closed_form):
    pytest.importorskip("cvx.risk.factor")
    from cvx.core import Variable
    from cvx.risk.portfolio import minrisk_problem

    weights = Variable(len(ASSETS))
    minrisk_problem(cvxrisk_model(risk.factored(), lower=-1.0, upper=np.ones(len(ASSETS))), weights).solve()
    assert_allclose(weights.value, closed_form, atol=1e-6)


# skfolio


@pytest.fixture(scope="module")
def returns():
    draw = np.random.default_rng(8)
    days = pd.bdate_range("2023-12-01", periods=50)
    return pd.DataFrame(draw.normal(0, 0.02, (50, len(ASSETS))), days, ASSETS)


@pytest.fixture(scope="module")
def skfolio_prior():
    pytest.importorskip("skfolio")
    from sigmalake.reader.exports import skfolio_prior

    return skfolio_prior


def test_skfolio_finds_the_least_variance_of_our_v(skfolio_prior, returns, V, risk):
    from skfolio.optimization import MeanRisk

    optimiser = MeanRisk(prior_estimator=skfolio_prior.RiskModelPrior(risk)).fit(returns)
    assert_least_long_only(optimiser.weights_, V, 1e-6)
    long_only, _ = minimum(risk, [lambda w: w >= 0], measure="vol")
    assert_allclose(optimiser.weights_, long_only, atol=1e-5)


def test_skfolio_with_short_sales_is_the_closed_form(skfolio_prior, returns, risk, closed_form):
    from skfolio.optimization import MeanRisk

    prior = skfolio_prior.RiskModelPrior(risk)
    assert_allclose(MeanRisk(prior_estimator=prior, min_weights=-1.0).fit(returns).weights_, closed_form, atol=1e-6)


@pytest.mark.parametrize("linked", [True, False])
def test_skfolio_has_v_its_factors_and_its_root(skfolio_prior, returns, linked):
    risk = linked_risk() if linked else linked_risk({})
    V = v_by_loops(risk) if linked else v_by_loops(risk, {})
    shuffled = returns[ASSETS[::-1]]
    found = skfolio_prior.RiskModelPrior(risk).fit(shuffled).return_distribution_
    expected = V.loc[ASSETS[::-1], ASSETS[::-1]].to_numpy()
    assert_same_cov(found.covariance, expected, 1e-14)
    root = found.covariance_sqrt
    diagonal = 0.0 if linked else np.diag(root.diagonal**2)
    assert_same_cov(sum(part @ part.T for part in root.components) + diagonal, expected, 1e-10)  # skfolio's ridge
    assert list(found.factor_model.factor_names) == list(risk.factors)
    assert_allclose(found.mu, shuffled.mean(), rtol=1e-12)
    assert_allclose(found.factor_model.loading_matrix @ found.factor_model.factor_mu + found.factor_model.idio_mu, found.mu)


def test_skfolio_may_leave_out_what_has_no_v(skfolio_prior, returns, risk, V):
    from skfolio.optimization import MeanRisk

    wider = returns.assign(NEW=0.01)
    with pytest.raises(MissingRiskError, match="no risk for 1 of 25 holdings: NEW"):
        skfolio_prior.RiskModelPrior(risk).fit(wider)
    optimiser = MeanRisk(prior_estimator=skfolio_prior.RiskModelPrior(risk, missing="leave_out")).fit(wider)
    assert optimiser.weights_[-1] == 0
    assert_least_long_only(optimiser.weights_[:-1], V, 1e-6)


def test_skfolio_takes_a_constraint_on_our_factors_and_expected_returns(skfolio_prior, returns, risk):
    from skfolio.moments import ShrunkMu
    from skfolio.optimization import MeanRisk
    from sklearn.base import clone

    prior = clone(skfolio_prior.RiskModelPrior(risk, mu_estimator=ShrunkMu()))
    fitted = MeanRisk(prior_estimator=prior, linear_constraints=["size == 0.3"]).fit(returns)
    assert fitted.weights_ @ risk.exposures[:, 4] == pytest.approx(0.3, abs=1e-6)
    assert_allclose(fitted.prior_estimator_.return_distribution_.mu, ShrunkMu().fit(returns).mu_)


def test_mistakes_of_a_prior_are_named(skfolio_prior, returns, risk):
    with pytest.raises(DataError, match="returns are a ndarray; give a DataFrame whose columns are asset ids"):
        skfolio_prior.RiskModelPrior(risk).fit(returns.to_numpy())
    with pytest.raises(ValueError, match="missing is 'drop'"):
        skfolio_prior.RiskModelPrior(risk, missing="drop").fit(returns)


# What takes a frame: PyPortfolioOpt, Riskfolio-Lib


def test_pyportfolioopt_takes_the_frame(risk, V):
    pytest.importorskip("pypfopt")
    from pypfopt import EfficientFrontier

    frontier = EfficientFrontier(None, risk.asset_cov())
    weights = pd.Series(frontier.min_volatility())
    assert list(weights.index) == ASSETS
    assert_least_long_only(weights.to_numpy(), V, 1e-5)


def test_riskfolio_takes_the_frame(risk, V, returns):
    riskfolio = pytest.importorskip("riskfolio", reason="Riskfolio-Lib needs pandas 3, which Spark's extra excludes")
    portfolio = riskfolio.Portfolio(returns=returns)
    portfolio.mu, portfolio.cov = returns.mean().to_frame().T, risk.asset_cov()
    weights = portfolio.optimization(model="Classic", rm="MV", obj="MinRisk", hist=True)["weights"]
    assert_array_equal(weights.index, ASSETS)
    assert_least_long_only(weights.to_numpy(), V, 1e-5)
