"""The layers of Sigma together: order, look-back, diagnostics, and that each combination keeps what Sigma promises."""

from typing import Annotated

import numpy as np
import pytest
from factor_histories import assert_close_as_returns, factor_returns, nested_starts, scattered_gaps
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from pydantic import TypeAdapter

from sigmalake.numerics.factor_cov.eigenfactor import EigenfactorAdjustment
from sigmalake.numerics.factor_cov.estimators import FACTOR_COV, EwmaFactorCov, SampleFactorCov
from sigmalake.numerics.factor_cov.layered import LayeredFactorCov
from sigmalake.numerics.factor_cov.regime import VolatilityRegime
from sigmalake.numerics.registry.by_name import ByName

NAMES = ["a", "b", "c", "d", "e"]
EVERYTHING = EwmaFactorCov(
    half_life=20,
    window=50,
    lags=3,
    corr_half_life=40,
    corr_window=100,
    corr_lags=1,
    short_history="em",
    proxy={"e": "a"},
    eigenfactor=EigenfactorAdjustment(simulations=10, scale=1.4, seed="m/v"),
    eigenvalue_floor=0.01,
    regime=VolatilityRegime(half_life=20, window=60),
)

layers = {
    "min_periods": st.just(12),
    "lags": st.integers(0, 5),
    "short_history": st.sampled_from(["leave_out", "em"]),
    "proxy": st.sampled_from([{}, {"e": "a"}, {"c": "b", "d": "b"}]),
    "eigenfactor": st.none() | st.builds(EigenfactorAdjustment, simulations=st.just(5), scale=st.floats(0.5, 1.4)),
    "eigenvalue_floor": st.none() | st.floats(1e-4, 0.3),
    "regime": st.none() | st.builds(VolatilityRegime, half_life=st.floats(2, 10)),
}
estimators = st.one_of(
    st.builds(SampleFactorCov, window=st.integers(20, 60), **layers),
    st.builds(
        EwmaFactorCov,
        half_life=st.floats(5, 40),
        window=st.integers(20, 60),
        corr_half_life=st.none() | st.floats(5, 40),
        corr_window=st.none() | st.integers(20, 60),
        corr_lags=st.none() | st.integers(0, 5),
        centre=st.booleans(),
        **layers,
    ),
)


@settings(deadline=None, max_examples=25)
@given(estimator=estimators, seed=st.integers(0, 2**32 - 1), n_periods=st.integers(10, 150), share=st.sampled_from([0, 0.01, 0.05]))
def test_every_combination_is_finite_symmetric_and_positive_semi_definite(estimator, seed, n_periods, share):
    F = scattered_gaps(n_periods, 5, share, seed)
    F[: n_periods // 3, 4] = np.nan
    found = estimator.estimate(F, NAMES)
    assert_array_equal(found.cov, found.cov.T)
    assert np.isfinite(found.cov).all()
    assert sorted([*found.kept, *(left_out.factor for left_out in found.left_out)]) == list(range(5))
    if found.kept.size:
        assert np.linalg.eigvalsh(found.cov)[0] >= -1e-12 * np.trace(found.cov)
    names = [said.name for said in found.diagnostics]
    assert len(set(names)) == len(names)
    assert all(said.value is not None and np.isfinite(said.value) for said in found.diagnostics)
    again = estimator.estimate(F[-estimator.look_back :], NAMES)
    assert_array_equal(found.cov, again.cov)
    assert found.diagnostics == again.diagnostics


def test_each_layer_says_what_it_did_in_the_model_s_order():
    found = EVERYTHING.estimate(nested_starts(300, [0, 0, 0, 220, 240]), NAMES)
    assert [(said.name, said.detail) for said in found.diagnostics] == [
        ("proxy:e", "returns of a before its first"),
        ("em_iterations:correlation", "20 missing returns completed: closed form, nested histories"),
        ("eigenfactor_v_min", "10 simulations, before scale 1.4"),
        ("eigenfactor_v_max", "10 simulations, before scale 1.4"),
        ("eigenvalue_floor_size", "0 eigenvalues of the correlations lifted to 0.01; the share of their sum added"),
        ("regime_multiplier", "lambda; Sigma is times its square; from 60 dates"),
    ]
    assert found.diagnostics[0].value == 40  # rows 200 to 239: those of the longer window
    assert EVERYTHING.look_back == 110


def test_the_future_and_what_is_before_the_look_back_never_matter():
    F = scattered_gaps(300, 5, 0.01)
    before = EVERYTHING.estimate(F[:200], NAMES)
    F[200:], F[:90] = 1e3, np.nan
    after = EVERYTHING.estimate(F[:200], NAMES)
    assert_array_equal(before.cov, after.cov)
    assert before.diagnostics == after.diagnostics


def test_the_unit_of_the_returns_is_the_unit_of_sigma():
    F = scattered_gaps(200, 5, 0.01)
    once, hundredfold = EVERYTHING.estimate(F, NAMES), EVERYTHING.estimate(100 * F, NAMES)
    assert_close_as_returns(hundredfold.cov / 1e4, once.cov, 1e-9)


def test_permuting_the_factors_permutes_sigma():
    F, order = factor_returns(200, 5), np.array([3, 0, 4, 2, 1])
    once, permuted = EVERYTHING.estimate(F, NAMES), EVERYTHING.estimate(F[:, order], [NAMES[k] for k in order])
    assert_close_as_returns(permuted.cov, once.cov[np.ix_(order, order)], 1e-10)


def test_the_argument_is_not_changed():
    F = nested_starts(200, [0, 0, 0, 120, 150])
    copy = F.copy()
    EVERYTHING.estimate(F, NAMES)
    assert_array_equal(F, copy)


def test_nothing_is_estimated_of_an_empty_history_and_no_layer_fails():
    found = EVERYTHING.estimate(np.full((3, 5), np.nan), NAMES)
    assert (found.cov.shape, found.kept.size, len(found.left_out)) == ((0, 0), 0, 5)


@pytest.mark.parametrize("estimator", [EVERYTHING, SampleFactorCov(shrinkage="oas")])
def test_pydantic_reads_back_what_it_writes(estimator):
    adapter: TypeAdapter = TypeAdapter(Annotated[LayeredFactorCov, ByName(FACTOR_COV)])
    assert adapter.validate_python(adapter.dump_python(estimator)) == estimator
    assert adapter.validate_json(adapter.dump_json(estimator)) == estimator
