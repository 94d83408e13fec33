import numpy as np
import pytest
from factored_models import random_model
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from sigmalake.numerics.portfolio.linked_cov import LinkedCov
from sigmalake.numerics.portfolio.variance_change import FactoredRisk, variance_change


def two_times(n_assets=20, n_factors=4, seed=0):
    models = [random_model(n_assets, n_factors, seed + n) for n in (0, 1)]
    return [FactoredRisk(m.h, *m.parts) for m in models], [m.h @ m.V @ m.h for m in models]


def parts(change):
    return {name: float(values.sum()) for name, values in change._asdict().items() if name != "exposures_by_asset"}


@settings(deadline=None, max_examples=60)
@given(n_assets=st.integers(9, 30), n_factors=st.integers(1, 8), seed=st.integers(0, 2**31))
def test_the_parts_sum_to_the_difference_of_the_variances(n_assets, n_factors, seed):
    (first, second), (before, after) = two_times(n_assets, n_factors, seed)
    change = variance_change(first, second)
    found = parts(change)
    assert sum(found.values()) == pytest.approx(after - before, rel=1e-9, abs=1e-12 * (before + after))
    assert change.exposures_by_asset.sum() == pytest.approx(found["exposures"], rel=1e-9, abs=1e-18)


def test_exchanging_the_two_times_changes_every_sign():
    (first, second), _ = two_times()
    forth, back = variance_change(first, second), variance_change(second, first)
    for there, here in zip(forth, back, strict=True):
        assert_allclose(there, -here, rtol=1e-12, atol=1e-22)


@pytest.mark.parametrize(
    ("changed", "moved"),
    [
        (["holdings"], {"holdings_factor", "holdings_specific"}),
        (["exposures"], {"exposures", "exposures_by_asset"}),
        (["factor_cov"], {"factor_vols", "factor_correlations"}),
        (["specific_var"], {"specific"}),
        (["linked"], {"specific"}),
    ],
)
def test_what_does_not_change_moves_nothing(changed, moved):
    (first, second), _ = two_times()
    change = variance_change(first, first._replace(**{name: getattr(second, name) for name in changed}))
    for name, values in change._asdict().items():
        assert np.any(values != 0) == (name in moved), name


def test_of_sigma_and_the_exposures_it_is_the_average_over_both_orders():
    (first, second), _ = two_times()
    variance = lambda x, cov: x @ cov @ x  # noqa: E731 - a formula, not a function
    x_1, x_2 = (risk.exposures.T @ risk.holdings for risk in (first, second))
    sigma_first = variance(x_1, second.factor_cov) - variance(x_1, first.factor_cov)
    sigma_last = variance(x_2, second.factor_cov) - variance(x_2, first.factor_cov)
    found = parts(variance_change(first, second))
    assert found["factor_vols"] + found["factor_correlations"] == pytest.approx((sigma_first + sigma_last) / 2, rel=1e-10)


def test_a_volatility_that_doubles_is_told_from_correlations_and_by_factor():
    (first, _), _ = two_times()
    scale = np.array([1.0, 2.0, 1.0, 1.0])
    change = variance_change(first, first._replace(factor_cov=first.factor_cov * np.outer(scale, scale)))
    assert_array_equal(change.factor_vols[[0, 2, 3]], 0)
    assert_allclose(change.factor_correlations, 0, atol=1e-18)
    x = first.exposures.T @ first.holdings
    after = (x * scale) @ first.factor_cov @ (x * scale)
    assert change.factor_vols[1] == pytest.approx(after - x @ first.factor_cov @ x, rel=1e-10)


def test_a_factor_without_variance_on_one_side_is_no_trouble():
    (first, second), (before, _) = two_times()
    cov = second.factor_cov.copy()
    cov[2], cov[:, 2] = 0.0, 0.0
    second = second._replace(factor_cov=cov)
    x, h = second.exposures.T @ second.holdings, second.holdings
    D = np.diag(second.specific_var)
    for (i, j), value in zip(second.linked.pairs, second.linked.cov, strict=True):
        D[i, j] = D[j, i] = value
    assert sum(parts(variance_change(first, second)).values()) == pytest.approx(x @ cov @ x + h @ D @ h - before, rel=1e-9)


def test_a_specific_covariance_counts_half_for_each_of_the_two():
    flat = FactoredRisk(np.array([0.5, 0.25]), np.zeros((2, 1)), np.eye(1), np.ones(2))
    linked = flat._replace(linked=LinkedCov(np.array([[0, 1]]), np.array([0.4])))
    assert_allclose(variance_change(flat, linked).specific, [0.05, 0.05])
