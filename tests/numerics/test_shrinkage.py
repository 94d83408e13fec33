import numpy as np
import pytest
import sklearn.covariance
from factor_histories import factor_returns
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from sigmalake.numerics.factor_cov.eigenfactor import EigenfactorAdjustment
from sigmalake.numerics.factor_cov.estimators import SampleFactorCov
from sigmalake.numerics.factor_cov.shrinkage import ledoit_wolf, oas

KERNELS = {"ledoit_wolf": (ledoit_wolf, sklearn.covariance.LedoitWolf), "oas": (oas, sklearn.covariance.OAS)}
both = pytest.mark.parametrize("name", KERNELS)


@both
@pytest.mark.parametrize(("n_periods", "n_factors"), [(60, 8), (20, 40), (500, 3), (30, 1)])
def test_it_is_that_of_scikit_learn(name, n_periods, n_factors):
    F = factor_returns(n_periods, n_factors) * np.linspace(1, 5, n_factors)
    kernel, route = KERNELS[name]
    found, expected = kernel(F - F.mean(axis=0)), route().fit(F)
    assert found.intensity == pytest.approx(expected.shrinkage_ if n_factors > 1 else found.intensity, rel=1e-10)
    assert_allclose(found.cov, expected.covariance_, rtol=1e-10, atol=1e-10 * np.trace(expected.covariance_))


@both
def test_the_estimator_has_the_sample_s_divisor_and_trace_and_says_the_intensity(name):
    F = factor_returns(90, 6)
    F[[3, 40], 2] = np.nan
    plain, found = SampleFactorCov(window=90).estimate(F), SampleFactorCov(window=90, shrinkage=name).estimate(F)
    complete = F[~np.isnan(F).any(axis=1)]
    assert_allclose(found.cov, KERNELS[name][1]().fit(complete).covariance_ * 88 / 87, rtol=1e-10)
    assert np.trace(found.cov) == pytest.approx(np.trace(plain.cov), rel=1e-12)
    (said,) = found.diagnostics
    assert said.name == "shrinkage_intensity"
    s = said.value
    assert_allclose(found.cov, (1 - s) * plain.cov + s * np.trace(plain.cov) / 6 * np.eye(6), rtol=1e-10)


@both
def test_with_much_data_it_goes_to_the_sample(name):
    F = np.random.default_rng(0).normal(size=(40_000, 4)) * [1.0, 2.0, 3.0, 4.0]
    assert KERNELS[name][0](F - F.mean(axis=0)).intensity < 0.001


@both
def test_of_equal_and_uncorrelated_factors_little_but_the_identity_is_left(name):
    F = np.random.default_rng(0).normal(size=(100, 30))
    assert KERNELS[name][0](F - F.mean(axis=0)).intensity > 0.9


@both
@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**32 - 1), scale=st.floats(1e-4, 1e4))
def test_it_turns_and_scales_with_the_returns(name, seed, scale):
    kernel = KERNELS[name][0]
    F = factor_returns(30, 5, seed)
    x = F - F.mean(axis=0)
    Q = np.linalg.qr(np.random.default_rng(seed).normal(size=(5, 5)))[0]
    once, turned = kernel(x), kernel(scale * x @ Q)
    assert turned.intensity == pytest.approx(once.intensity, rel=1e-9, abs=1e-12)
    assert_allclose(turned.cov / scale**2, Q.T @ once.cov @ Q, atol=1e-11 * np.trace(once.cov))
    assert 0 <= once.intensity <= 1
    assert np.linalg.eigvalsh(once.cov)[0] >= -1e-14 * np.trace(once.cov)


@both
@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"lags": 2}, "does not go with lags: its intensity takes the periods as independent"),
        ({"short_history": "em"}, "does not go with short_history: em: its intensity needs complete dates"),
        ({"eigenfactor": EigenfactorAdjustment()}, "does not go with eigenfactor: both correct the same sampling error"),
    ],
)
def test_what_it_cannot_be_combined_with_is_refused(name, other, message):
    with pytest.raises(ValueError, match=message):
        SampleFactorCov(shrinkage=name, **other)
