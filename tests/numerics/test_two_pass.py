"""The weights of a second pass: from the configuration, and from what the first pass leaves unknown."""

import numpy as np
import pytest
from cross_section_cases import Membership, generated
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from statsmodels.api import WLS

from sigmalake.numerics.regression.rules import RegressionRules, RegressionWeights
from sigmalake.numerics.regression.two_pass import TwoPass
from sigmalake.numerics.specific_risk.estimators import EwmaSpecificVar, SampleSpecificVar
from sigmalake.numerics.weights import complete_variances, inverse_variance_weights, regression_weights

N = 50


def test_two_passes_by_the_kernels_are_two_regressions_of_statsmodels():
    """Sixty dates by hand: WLS with sqrt(cap), pandas' exponential variance, WLS with one over it."""
    rng, rules = (
        np.random.default_rng(1),
        RegressionRules(weights=RegressionWeights.INVERSE_SPECIFIC_VAR, two_pass=TwoPass(half_life=20.0)),
    )
    cases = [generated(rng, N, market=False, groups={"sector": Membership(3)}, n_styles=2) for _ in range(60)]
    residuals = np.array([case.fit(rules.first_pass).specific_returns for case in cases])
    by_hand = np.array([WLS(case.returns, case.exposures, np.sqrt(case.caps)).fit().resid for case in cases])
    assert_allclose(residuals, by_hand, atol=1e-14)
    var = rules.two_pass.estimator().time_series(residuals, np.array([58])).var[0]
    ages = np.arange(len(by_hand[:59]))[::-1]
    a = 0.5 ** (ages / 20) / (0.5 ** (ages / 20)).sum()
    own = a @ by_hand[:59] ** 2 - (a @ by_hand[:59]) ** 2
    assert_allclose(var, own, rtol=1e-9)
    last = cases[59]
    weights = inverse_variance_weights(var, last.in_estimation, rules.two_pass.max_ratio).weights
    section, fitted = last._replace(weights=weights).fit(), WLS(last.returns, last.exposures, 1 / own).fit()
    assert_allclose(section.factor_returns, fitted.params, rtol=1e-9)
    assert_allclose(section.std_errors, fitted.bse, rtol=1e-9)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.floats(0.05, 0.95))
def test_who_has_a_variance_keeps_it_and_who_has_none_gets_that_of_its_size(seed, unknown):
    rng = np.random.default_rng(seed)
    weights = np.sqrt(np.exp(1.5 * rng.normal(size=N)))
    truth = 3e-4 / weights  # just as the first pass supposes
    inside, gone = rng.random(N) < 0.8, rng.random(N) < unknown
    gone[0], inside[0] = False, True
    found = complete_variances(np.where(gone, np.nan, truth), np.where(inside, weights, 0.0), inside)
    assert_allclose(found.specific_var[inside], truth[inside], rtol=1e-12)
    assert_array_equal(found.specific_var[~gone], truth[~gone])
    assert np.isnan(found.specific_var[gone & ~inside]).all()
    assert found.n_supposed == (gone & inside).sum()


def test_with_equal_first_weights_the_unknown_get_the_median():
    known = np.random.default_rng(2).uniform(1e-4, 9e-4, N)
    known[:3] = np.nan
    found = complete_variances(known, np.ones(N), np.ones(N, dtype=bool))
    assert_array_equal(found.specific_var[:3], np.nanmedian(known))
    assert found.n_supposed == 3


def test_while_nothing_is_known_the_second_pass_is_the_first():
    caps = np.exp(np.random.default_rng(3).normal(size=N))
    inside = np.arange(N) != 4
    weights = regression_weights(RegressionWeights.SQRT_CAP, caps, None, inside)
    complete = complete_variances(np.full(N, np.nan), weights, inside)
    assert complete.n_supposed == N - 1
    assert_allclose(inverse_variance_weights(complete.specific_var, inside, 1e4).weights, weights, rtol=1e-14)


def test_a_variance_of_0_counts_as_none():
    var = np.where(np.arange(N) < 40, 0.0, 4e-4)
    found = complete_variances(var, np.ones(N), np.ones(N, dtype=bool))
    assert_array_equal(found.specific_var, 4e-4)
    assert found.n_supposed == 40


def test_one_cross_section_cannot_tell_inverse_specific_variances():
    with pytest.raises(ValueError, match="weights: inverse_specific_var needs the specific variances of earlier dates"):
        regression_weights(RegressionWeights.INVERSE_SPECIFIC_VAR, np.ones(N), None, np.ones(N, dtype=bool))


def test_the_estimator_is_exponential_or_of_equal_weights():
    assert TwoPass().estimator() == EwmaSpecificVar(half_life=84.0)
    assert TwoPass().look_back == 252
    assert TwoPass(half_life=None).estimator() == SampleSpecificVar(window=252)
    assert TwoPass(half_life=None, window=60, min_periods=20).estimator() == SampleSpecificVar(window=60, min_periods=20)
    assert TwoPass(half_life=10.0, window=25).look_back == 25


def test_two_passes_are_filled_in_and_their_first_is_a_regression_in_one():
    rules = RegressionRules(weights=RegressionWeights.INVERSE_SPECIFIC_VAR, huber=1.345, portfolios=True)
    assert rules.two_pass == TwoPass()
    assert rules.first_pass == RegressionRules(huber=1.345)
    assert rules.instant_weights is RegressionWeights.SQRT_CAP
    assert RegressionRules(weights=RegressionWeights.CAP).instant_weights is RegressionWeights.CAP


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"max_ratio": 0.9}, r"max_ratio is 0\.9; it must be a finite number >= 1, e\.g\. 100"),
        ({"max_ratio": float("nan")}, "max_ratio is nan; it must be a finite number >= 1"),
        ({"half_life": 0.0}, r"half_life is 0\.0; it must be a finite number of periods > 0"),
        ({"half_life": None, "window": 1}, "window is 1; a variance needs a window of 2 periods or more"),
        ({"window": 20, "min_periods": 21}, "min_periods is 21; it must be from 2 to the window of 20 periods"),
    ],
)
def test_what_gives_no_variance_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        TwoPass(**given)


def test_two_passes_are_refused_where_one_is_asked_for():
    with pytest.raises(ValueError, match="two_pass is given, and weights is cap; it is for `weights: inverse_specific_var`"):
        RegressionRules(weights=RegressionWeights.CAP, two_pass=TwoPass())
