"""A style explained by other factors, against statsmodels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.api import WLS

from sigmalake.numerics.exposures.style_regression import explain_style, fill_by_regression, orthogonalise
from sigmalake.numerics.factors import Factor, Kind

N = 80
SECTORS = [Factor(name, "sector", Kind.MEMBERSHIP) for name in ("a", "b", "c")]
COUNTRIES = [Factor(name, "country", Kind.MEMBERSHIP) for name in ("US", "FR")]
STYLES = [Factor(name, "style", Kind.STYLE) for name in ("size", "beta")]


class Date:
    """Shares of two groups, caps, weights, and a style with gaps that they partly explain."""

    def __init__(self, seed):
        rng = np.random.default_rng(seed)
        sectors = rng.dirichlet(np.full(3, 0.2), N)
        self.memberships = np.column_stack([sectors, np.eye(2)[rng.integers(0, 2, N)]])
        self.caps = rng.lognormal(3, 1.5, N)
        self.weights = np.where(rng.random(N) < 0.8, np.sqrt(self.caps), 0.0)
        self.others = rng.normal(size=(N, 2))
        explained = self.memberships @ rng.normal(size=5) + 0.3 * np.log(self.caps) + self.others @ [0.5, -0.4]
        self.style = explained + rng.normal(size=N)
        self.gaps = np.where(rng.random(N) < 0.2, np.nan, self.style)

    def fill(self, values):
        return fill_by_regression(values, self.memberships, [*SECTORS, *COUNTRIES], self.caps, self.weights)


@pytest.fixture(params=range(4))
def date(request):
    return Date(request.param)


def test_statsmodels_fills_the_same_values(date):
    known = np.isfinite(date.gaps) & (date.weights > 0)
    design = np.column_stack([date.memberships[:, :-1], np.log(date.caps)])  # one column of the second group is implied
    fitted = WLS(date.gaps[known], design[known], date.weights[known]).fit()
    found = date.fill(date.gaps)
    np.testing.assert_array_equal(found.filled, np.isnan(date.gaps))
    np.testing.assert_allclose(found.values, np.where(found.filled, fitted.predict(design), date.gaps), rtol=1e-10, atol=1e-10)
    assert found.n_fitted == known.sum()


def test_coefficients_of_a_complete_group_sum_to_0_by_weight_and_explain_the_fill(date):
    found = date.fill(date.gaps)
    known = np.isfinite(date.gaps) & (date.weights > 0)
    shares = date.weights[known] @ date.memberships[known]
    assert shares[:3] @ found.coefficients[1:4] == pytest.approx(0.0, abs=1e-10)
    assert shares[3:] @ found.coefficients[4:6] == pytest.approx(0.0, abs=1e-10)
    design = np.column_stack([np.ones(N), date.memberships, np.log(date.caps)])
    np.testing.assert_allclose(found.values[found.filled], (design @ found.coefficients)[found.filled], rtol=1e-12, atol=1e-12)


def test_a_level_without_a_fitted_name_counts_as_its_groups_mean():
    date = Date(9)
    sector = np.arange(N) % 3
    shares = np.eye(3)[sector]
    values = np.where(sector == 2, np.nan, date.style)
    weights, caps = np.ones(N), np.ones(N)
    found = fill_by_regression(values, shares, SECTORS, caps, weights)
    np.testing.assert_allclose(found.values[sector == 2], np.nanmean(values), rtol=1e-12)
    assert np.isnan(found.coefficients[3])
    assert found.coefficients[1:3] @ [(sector == 0).sum(), (sector == 1).sum()] == pytest.approx(0.0, abs=1e-10)


def test_hardly_any_name_with_the_style_makes_no_regression_and_0_is_filled_in():
    date = Date(3)
    few = np.full(N, np.nan)
    few[np.flatnonzero(date.weights)[:9]] = 1.0
    for values, n_fitted in ((few, 9), (np.full(N, np.nan), 0)):
        found = date.fill(values)
        assert found.n_fitted == n_fitted
        assert np.isnan(found.coefficients).all()
        np.testing.assert_array_equal(found.values, np.where(np.isnan(values), 0.0, values))


def test_twice_the_independent_columns_are_names_enough():
    date = Date(3)
    values = np.full(N, np.nan)
    values[np.flatnonzero(date.weights)[:10]] = date.style[np.flatnonzero(date.weights)[:10]]
    assert np.isfinite(date.fill(values).coefficients).all()  # a constant, two sectors, a country and size are 5


def test_names_outside_the_universe_are_filled_and_explain_nothing(date):
    outside = date.weights == 0
    changed = np.where(outside, 100.0, date.gaps)
    one, other = date.fill(date.gaps), date.fill(changed)
    np.testing.assert_array_equal(one.coefficients, other.coefficients)
    assert np.isfinite(one.values).all()
    assert (outside & one.filled).any()


def test_statsmodels_leaves_the_same_residuals(date):
    used = date.weights > 0
    design = np.column_stack([np.ones(N), date.others])
    fitted = WLS(date.style[used], design[used], date.weights[used]).fit()
    found = orthogonalise(date.style, date.others, STYLES, date.weights)
    np.testing.assert_allclose(found.values, date.style - design @ fitted.params, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(found.coefficients, fitted.params, rtol=1e-9, atol=1e-10)


@given(st.integers(0, 50), st.booleans())
def test_what_is_left_has_no_weighted_correlation_with_the_others(seed, groups):
    date = Date(seed)
    others = np.column_stack([date.others, date.memberships]) if groups else date.others
    found = orthogonalise(date.style, others, [*STYLES, *SECTORS, *COUNTRIES] if groups else STYLES, date.weights)
    w = date.weights / date.weights.sum()
    np.testing.assert_allclose(w @ (found.values[:, None] * (others - w @ others)), 0.0, atol=1e-12)
    assert w @ found.values == pytest.approx(0.0, abs=1e-12)


def test_a_style_that_the_others_explain_wholly_is_exactly_0(date):
    combination = 3.0 + date.others @ [0.2, 7.0]
    np.testing.assert_array_equal(orthogonalise(combination, date.others, STYLES, date.weights).values, np.zeros(N))


def test_without_enough_names_nothing_is_taken_out(date):
    few = np.zeros(N)
    few[:5] = 1.0
    found = orthogonalise(date.style, date.others, STYLES, few)
    np.testing.assert_array_equal(found.values, date.style)
    assert np.isnan(found.coefficients).all()
    assert found.n_fitted == 5


def test_a_column_that_adds_no_rank_changes_nothing(date):
    twice = np.column_stack([date.others, date.others[:, 0]])
    one = explain_style(date.style, date.others, STYLES, date.weights)
    other = explain_style(date.style, twice, [*STYLES, Factor("again", "style", Kind.STYLE)], date.weights)
    assert other.coefficients[-1] == 0.0
    np.testing.assert_allclose(one.explained, other.explained, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(("weight", "exposure"), [(1e308, 1.0), (1.0, 1e300), (1e155, 1e160)])
def test_where_squares_are_beyond_floating_point_nothing_is_taken_out(weight, exposure):
    rng = np.random.default_rng(1)
    values, size, weights = rng.normal(size=N), rng.normal(size=N), np.ones(N)
    weights[3:6], size[3:] = weight, exposure * size[3:]
    found = orthogonalise(values, np.column_stack([np.eye(3)[np.arange(N) % 3], size]), [*SECTORS, STYLES[0]], weights)
    np.testing.assert_array_equal(found.values, values)
    assert np.isnan(found.coefficients).all()
