"""Which returns leave the fit, and that they leave nothing else."""

import numpy as np
import pytest
from cross_section_cases import ANY_SIZE, Case, Membership, generated, three_sectors
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.robust.scale import mad

from sigmalake.numerics.regression.robust.outliers import find_outliers, weighted_median
from sigmalake.numerics.regression.rules import RegressionRules

BEYOND_5 = RegressionRules(min_assets=1, outliers_beyond=5.0)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(31)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(-5, 5), st.integers(1, 4)), min_size=1, max_size=12))
def test_the_weighted_median_is_the_median_of_repeated_values(pairs: list[tuple[int, int]]) -> None:
    values, counts = np.array(pairs).T
    expected = np.median(np.repeat(values, counts))
    assert weighted_median(values.astype(float), counts.astype(float)) == expected
    assert weighted_median(values.astype(float), counts / 3.0) == expected


def test_with_equal_weights_the_measure_is_the_mad_of_statsmodels(rng: np.random.Generator) -> None:
    returns = 0.02 * rng.standard_t(3, 301)
    found = find_outliers(returns, np.ones(301), 4.0)
    assert found.centre == np.median(returns)
    assert found.robust_sd == pytest.approx(mad(returns), rel=1e-14)
    expected = np.abs(returns - np.median(returns)) > 4.0 * mad(returns)
    np.testing.assert_array_equal(found.is_outlier, expected)
    assert 0 < expected.sum() < 20


def test_the_centre_is_weighted_and_the_spread_counts_each_asset_once(rng: np.random.Generator) -> None:
    returns, weights = rng.normal(size=101), np.where(np.arange(101) == 7, 1000.0, 1.0)
    found = find_outliers(returns, weights, 2.0)
    assert found.centre == returns[7]
    assert found.robust_sd == pytest.approx(mad(returns, center=returns[7]), rel=1e-14)


def test_assets_without_weight_or_return_have_no_say_and_are_no_outliers(rng: np.random.Generator) -> None:
    returns, weights = 0.01 * rng.normal(size=50), np.ones(50)
    returns[:3], weights[:2], returns[3] = 9.0, 0.0, np.nan
    found, without = find_outliers(returns, weights, 5.0), find_outliers(returns[2:], weights[2:], 5.0)
    np.testing.assert_array_equal(found.is_outlier, np.arange(50) == 2)
    assert found[1:] == without[1:]


def test_returns_that_are_mostly_alike_have_no_outliers() -> None:
    case = three_sectors(np.random.default_rng(1))
    case.returns[:40] = 0.0
    section = case.fit(BEYOND_5)
    assert section.n_outliers == 0
    assert section.detail == "the robust sd of the returns is 0: no outlier is looked for"
    np.testing.assert_array_equal(section.factor_returns, case.fit().factor_returns)


def test_nothing_to_fit_has_no_outliers() -> None:
    found = find_outliers(np.full(3, np.nan), np.ones(3), 5.0)
    assert not found.is_outlier.any()
    assert np.isnan([found.centre, found.robust_sd]).all()


@pytest.fixture
def case(rng: np.random.Generator) -> Case:
    made = generated(rng, 90, groups={"sector": Membership(4)}, n_styles=2, whole=False)
    made.returns[np.flatnonzero(made.weights > 0.0)[[4, 40]]] = [0.9, -0.8]
    return made


def test_an_outlier_leaves_the_fit_but_not_the_answer(case: Case) -> None:
    section = case.fit(BEYOND_5)
    gone = np.isin(case.returns, [0.9, -0.8])
    np.testing.assert_array_equal(section.is_outlier, gone)
    assert section.n_outliers == 2
    assert (section.weights[gone] == 0.0).all()
    by_hand = case._replace(weights=np.where(gone, 0.0, case.weights)).fit()
    for name in ("factor_returns", "std_errors", "specific_returns", "weights", "vif", "n_members"):
        np.testing.assert_array_equal(getattr(section, name), getattr(by_hand, name))
    assert section[7:17] == by_hand[7:17]
    explained = case.exposures[gone] @ section.factor_returns
    np.testing.assert_allclose(section.specific_returns[gone], case.returns[gone] - explained, rtol=1e-14)


def test_the_answer_does_not_depend_on_how_far_off_an_outlier_is(case: Case) -> None:
    further = case._replace(returns=np.where(case.returns == 0.9, 900.0, case.returns))
    np.testing.assert_array_equal(further.fit(BEYOND_5).factor_returns, case.fit(BEYOND_5).factor_returns)


def test_outliers_are_counted_as_before_in_what_the_constraints_are_made_of(case: Case) -> None:
    """The cap shares come from the universe at t-1, which knows nothing of the return."""
    section, gone = case.fit(BEYOND_5), np.isin(case.returns, [0.9, -0.8])
    missing = case._replace(returns=np.where(gone, np.nan, case.returns)).fit()
    np.testing.assert_array_equal(section.factor_returns, missing.factor_returns)


def test_rows_are_fitted_or_outliers_or_without_weight_or_return(case: Case) -> None:
    section = case.fit(BEYOND_5)
    unusable = (case.weights == 0.0) | np.isnan(case.returns)
    assert section.n_fitted + section.n_outliers + unusable.sum() == len(case.returns)


def test_without_the_rule_every_return_is_fitted(case: Case) -> None:
    section = case.fit(ANY_SIZE)
    assert section.n_outliers == 0
    assert not section.is_outlier.any()


def test_outliers_that_leave_too_few_assets_are_still_told(case: Case) -> None:
    section = case.fit(RegressionRules(min_assets=80, outliers_beyond=5.0))
    assert (section.status, section.n_outliers, section.is_outlier.sum()) == ("too_few", 2, 2)


@pytest.mark.parametrize("scale", [1e-8, 1.0, 1e8])
def test_the_unit_of_the_returns_does_not_decide_what_is_an_outlier(case: Case, scale: float) -> None:
    scaled = case._replace(returns=case.returns * scale).fit(BEYOND_5)
    np.testing.assert_array_equal(scaled.is_outlier, case.fit(BEYOND_5).is_outlier)


def test_returns_beyond_floating_point_are_refused_with_their_size_not_with_a_warning(case: Case) -> None:
    case.returns[::2] = 1e308 * np.sign(case.returns[::2])
    assert case.fit(BEYOND_5).status == "out_of_range"
