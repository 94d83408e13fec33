"""A date's regression beside given factors, against the fit that estimates them all, and in closed form."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from sigmalake.numerics.factors import Factor, Given, Kind, pack_exposures
from sigmalake.numerics.regression.cross_section import fit_cross_section
from sigmalake.numerics.regression.given_factors import fit_beside_given, portfolios_of_others
from sigmalake.numerics.regression.rules import RegressionRules

FACTORS = [
    Factor("market", "market", Kind.MARKET), *(Factor(name, "sector", Kind.MEMBERSHIP) for name in ("bank", "tech", "oil")),
    Factor("size", "style", Kind.STYLE), *(Factor(name, "currency", Kind.MEMBERSHIP) for name in ("EUR", "USD")),
    Factor("value", "style", Kind.STYLE),
]  # fmt: skip
RULES, N = RegressionRules(), 40


@pytest.fixture(scope="module")
def date():
    """Returns, X, caps and weights of one date; a return is missing, and an asset is outside the estimation universe."""
    rng = np.random.default_rng(4)
    sectors, currencies = np.eye(3)[np.arange(N) % 3], np.eye(2)[rng.integers(0, 2, N)]
    X = np.column_stack([np.ones(N), sectors, rng.standard_normal(N), currencies, rng.standard_normal(N)])
    r, caps, inside = rng.normal(0.0, 0.02, N), rng.lognormal(0.0, 1.0, N), np.arange(N) != 5
    r[7] = np.nan
    return r, X, caps, np.where(inside, np.sqrt(caps), 0.0), inside


def given(names, how=Given.IN_RETURNS):
    return [factor._replace(given=how) if factor.name in names else factor for factor in FACTORS]


def fit(date, factors, F, rules=RULES):
    r, X, *known = date
    return fit_beside_given(r, pack_exposures(X, factors), *known, factors, np.asarray(F), rules)


@pytest.mark.parametrize("names", [{"size"}, {"EUR", "USD"}, {"bank", "tech", "oil", "size"}])
def test_factors_given_as_the_whole_fit_estimates_them_leave_the_others_and_the_residuals_as_they_are(date, names):
    r, X, *known = date
    whole, factors = fit_cross_section(r, X, *known, FACTORS, RULES), given(names)
    is_given = np.array([factor.given is not None for factor in factors])
    found = fit(date, factors, whole.factor_returns[is_given])
    assert_allclose(found.factor_returns, whole.factor_returns, rtol=0, atol=1e-13)
    assert_allclose(found.specific_returns, whole.specific_returns, rtol=0, atol=1e-13)
    assert_allclose([found.r2, found.r2_uncentred], [whole.r2, whole.r2_uncentred], rtol=1e-11)
    assert found.rank == whole.rank - len(names) + ("EUR" in names) + ("bank" in names)  # a group's constraint goes with it
    assert [status for status, g in zip(found.factor_status, is_given, strict=True) if g] == ["given"] * is_given.sum()
    assert np.isnan(found.std_errors[is_given]).all()


def test_a_factor_without_a_return_takes_what_is_exposed_out_of_the_fit_and_nothing_is_taken_to_be_zero(date):
    factors, (r, X, *known) = given({"EUR", "USD"}), date
    in_euro = X[:, 5] == 1
    found = fit(date, factors, [np.nan, 0.01])
    assert found.factor_status[5:7] == ("not_given", "given")
    assert np.isnan(found.factor_returns[5])
    assert np.isnan(found.specific_returns[in_euro]).all()
    without = fit((np.where(in_euro, np.nan, r), X, *known), factors, [0.5, 0.01])
    assert_allclose(found.factor_returns[:5], without.factor_returns[:5], rtol=0, atol=0)
    assert f"EUR ({in_euro.sum()} assets are exposed)" in found.detail
    nothing = fit(date, factors, [np.nan, np.nan])
    assert (nothing.status, nothing.n_fitted) == ("not_given", 0)
    assert np.isnan(nothing.factor_returns).all()


def test_given_factors_alone_leave_residuals_and_no_regression(date):
    factors, (r, X, caps, weights, _) = [factor._replace(given=Given.IN_RETURNS) for factor in FACTORS], date
    F = np.linspace(-0.01, 0.02, len(factors))
    found = fit(date, factors, F)
    u, fitted = r - X @ F, np.isfinite(r) & (weights > 0)
    w = np.where(fitted, weights, 0.0)
    assert_allclose(found.specific_returns, u, rtol=0, atol=1e-15)
    assert_allclose(found.weights, w / w[fitted].mean(), rtol=1e-14)
    assert_allclose(found.residual_var, (found.weights * u**2)[fitted].sum() / fitted.sum(), rtol=1e-13)
    assert (found.rank, found.dof, found.status) == (0, fitted.sum(), "ok")
    empty = fit((np.full(N, np.nan), X, caps, weights, weights > 0), factors, F)
    assert (empty.status, empty.n_fitted) == ("too_few", 0)


def test_portfolios_earn_what_the_given_factors_leave(date):
    factors, (r, X, caps, _, inside), F = given({"size", "EUR", "USD"}), date, np.array([0.01, -0.02, 0.03])
    found = fit(date, factors, F)
    P = portfolios_of_others(X, caps, inside, found.weights, factors, found.factor_returns, found.factor_status)
    left = np.nan_to_num(r) - X[:, 4:7] @ F
    assert_allclose(P[[0, 1, 2, 3, 7]] @ left, found.factor_returns[[0, 1, 2, 3, 7]], rtol=0, atol=1e-14)
    assert np.isnan(P[4:7]).all()
