"""Weights by the inverse of the specific variances, and what the cap on their ratio does."""

import numpy as np
import pytest
from cross_section_cases import Membership, generated
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.api import GLS

from sigmalake.numerics.weights import inverse_variance_weights

EVERYONE = np.ones(60, dtype=bool)


def variances(seed: int, spread: float = 0.3) -> np.ndarray:
    return 0.02**2 * np.exp(spread * np.random.default_rng(seed).normal(size=60))


def test_within_the_cap_weights_are_the_inverse_variances() -> None:
    found = inverse_variance_weights(variances(1), EVERYONE, 100.0)
    np.testing.assert_allclose(found.weights, 1.0 / variances(1), rtol=1e-14)
    assert found[1:] == (0, 0, 0)


def test_the_fit_is_generalised_least_squares() -> None:
    case = generated(np.random.default_rng(2), 60, market=False, groups={"sector": Membership(3)}, n_styles=2)
    section = case._replace(weights=inverse_variance_weights(variances(2), EVERYONE, 1e6).weights).fit()
    fitted = GLS(case.returns, case.exposures, sigma=np.diag(variances(2))).fit()
    np.testing.assert_allclose(section.factor_returns, fitted.params, rtol=1e-10)
    np.testing.assert_allclose(section.std_errors, fitted.bse, rtol=1e-10)


def test_inverse_variances_estimate_the_factors_better_than_equal_weights() -> None:
    rng, wide = np.random.default_rng(3), variances(3, spread=1.5)
    case = generated(rng, 60, groups={"sector": Membership(3)}, n_styles=2)
    explained = case.exposures @ np.array([0.01, 0.0, 0.0, 0.0, 0.005, -0.002])
    dates = [explained + np.sqrt(wide) * rng.normal(size=60) for _ in range(200)]
    spreads = [
        np.std([case._replace(returns=returns, weights=weights).fit().factor_returns for returns in dates], axis=0)
        for weights in (np.ones(60), inverse_variance_weights(wide, EVERYONE, 1e4).weights)
    ]
    assert (spreads[1] < 0.8 * spreads[0]).all()


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 2**32), st.floats(1.001, 1e4), st.floats(0.0, 3.0), st.floats(0.0, 0.5))
def test_the_largest_weight_is_at_most_the_cap_times_the_smallest(seed: int, cap: float, spread: float, unknown: float) -> None:
    rng, specific_var = np.random.default_rng(seed), variances(seed, spread)
    inside = rng.random(60) < 0.8
    specific_var[rng.random(60) < unknown] = np.nan
    found = inverse_variance_weights(specific_var, inside, cap)
    known = inside & np.isfinite(specific_var)
    assert ((found.weights > 0.0) == known).all()
    assert found.weights[known].max() <= found.weights[known].min() * cap * (1.0 + 1e-12)
    assert found.n_unknown == (inside & ~known).sum()
    np.testing.assert_array_less(-1e-9, np.diff(found.weights[known][np.argsort(-specific_var[known])]))
    assert found.n_raised == (found.weights[known] > (1.0 + 1e-14) / specific_var[known]).sum()
    assert found.n_lowered == (found.weights[known] < (1.0 - 1e-14) / specific_var[known]).sum()


def test_neither_a_still_nor_a_wild_asset_sets_the_scale_for_the_others() -> None:
    specific_var = variances(4)
    specific_var[:2] = [0.0, 1e6]
    found = inverse_variance_weights(specific_var, EVERYONE, 100.0)
    np.testing.assert_allclose(found.weights[2:], 1.0 / specific_var[2:], rtol=1e-14)
    middle = np.median(1.0 / np.append(specific_var[2:], [1e-300, 1e6]))
    np.testing.assert_allclose(found.weights[:2], [10.0 * middle, 0.1 * middle], rtol=1e-12)
    assert (found.n_raised, found.n_lowered) == (1, 1)


def test_a_cap_of_one_is_equal_weights_and_the_unit_changes_nothing() -> None:
    equal = inverse_variance_weights(variances(5), EVERYONE, 1.0).weights
    np.testing.assert_allclose(equal, equal[0], rtol=1e-14)
    one, other = (inverse_variance_weights(unit * variances(5, 2.0), EVERYONE, 9.0).weights for unit in (1.0, 1e4))
    np.testing.assert_allclose(other, one / 1e4, rtol=1e-13)


def test_an_asset_without_variance_leaves_the_fit_and_nothing_else() -> None:
    case = generated(np.random.default_rng(6), 60, n_styles=2)
    specific_var = np.where(np.arange(60) == 5, np.nan, variances(6))
    section = case._replace(weights=inverse_variance_weights(specific_var, EVERYONE, 100.0).weights).fit()
    assert section.n_fitted == 59
    assert np.isfinite(section.specific_returns[5])


def test_no_variance_at_all_is_no_weight_at_all() -> None:
    found = inverse_variance_weights(np.full(60, np.nan), EVERYONE, 100.0)
    assert (found.weights == 0.0).all()
    assert found.n_unknown == 60


def test_wrong_arguments_are_refused_with_the_value_seen() -> None:
    with pytest.raises(ValueError, match=r"max_ratio is 0\.5; it must be a finite number >= 1"):
        inverse_variance_weights(variances(7), EVERYONE, 0.5)
    with pytest.raises(ValueError, match=r"specific_var has 60 wrong values \(the first: -0\.0"):
        inverse_variance_weights(-variances(7), EVERYONE, 100.0)
    with pytest.raises(ValueError, match=r"in_estimation has shape \(59,\); specific_var has \(60,\)"):
        inverse_variance_weights(variances(7), EVERYONE[1:], 100.0)
    with pytest.raises(ValueError, match="specific_var is 0 for 30 of 60 assets, half or more"):
        inverse_variance_weights(np.where(np.arange(60) < 30, 0.0, variances(7)), EVERYONE, 100.0)
