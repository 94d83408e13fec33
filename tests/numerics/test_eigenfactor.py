import numpy as np
import pytest
from factor_histories import assert_close_as_returns, factor_returns
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from sigmalake.numerics.factor_cov.eigenfactor import (
    EigenfactorAdjustment,
    SharedDraws,
    _draws,
    adjust_eigenfactors,
    shared_draws,
    simulated_periods,
)
from sigmalake.numerics.factor_cov.estimators import EwmaFactorCov, SampleFactorCov
from sigmalake.numerics.factor_cov.window_cov import Component, Components
from sigmalake.numerics.windows.ewma import EQUAL

EQUAL_60 = Component(60, EQUAL, 0)
SAMPLE = Components(EQUAL_60, EQUAL_60, centre=True, unbiased=True)
SEPARATE = Components(Component(60, 20.0, 3), Component(90, 40.0, 1), centre=True, unbiased=False)


def sigma_0(n_factors: int, seed: int = 0) -> np.ndarray:
    return np.cov(factor_returns(400, n_factors, seed), rowvar=False)


def plain_loop(cov: np.ndarray, normals: list[np.ndarray], estimate) -> np.ndarray:
    """v^2 by simulating returns and estimating from each anew."""
    values, vectors = np.linalg.eigh(cov)
    vectors = vectors * np.sign(vectors[np.abs(vectors).argmax(axis=0), np.arange(len(cov))])
    ratios = []
    for z in normals:
        found, axes = np.linalg.eigh(estimate(z @ (vectors * np.sqrt(values)).T))
        ratios.append([axes[:, k] @ cov @ axes[:, k] / found[k] for k in range(len(cov))])
    return np.mean(ratios, axis=0)


def normals_of(seed: str, components: Components, n_factors: int, simulations: int, monkeypatch) -> list[np.ndarray]:
    """The normals that `shared_draws` estimates from, newest last."""
    from sigmalake.numerics.factor_cov import eigenfactor

    kept: list[np.ndarray] = []
    estimate = eigenfactor.complete_dates_cov
    longest = max(component.window for component in components.distinct)

    def spy(z, *rest, **options):
        if len(z) == longest:
            kept.append(z.copy())
        return estimate(z, *rest, **options)

    monkeypatch.setattr(eigenfactor, "complete_dates_cov", spy)
    eigenfactor._draws.cache_clear()
    shared_draws(seed, simulations, n_factors, 10_000, components)
    monkeypatch.undo()
    assert len(kept) == simulations
    return kept


@pytest.mark.parametrize(
    ("components", "estimator"),
    [
        (SAMPLE, SampleFactorCov(window=60)),
        (SEPARATE, EwmaFactorCov(half_life=20, window=60, lags=3, corr_half_life=40, corr_window=90, corr_lags=1)),
    ],
)
def test_the_shared_draws_say_what_the_plain_loop_says_with_the_same_normals(components, estimator, monkeypatch):
    assert estimator.components == components
    cov = sigma_0(5)
    normals = normals_of("m/v", components, 5, 20, monkeypatch)
    expected = plain_loop(cov, normals, lambda returns: estimator.estimate(returns).cov)
    found = adjust_eigenfactors(cov, shared_draws("m/v", 20, 5, 10_000, components), 1.0)
    assert_allclose(found.bias**2, expected, rtol=1e-11)
    values, vectors = np.linalg.eigh(cov)
    assert_close_as_returns(found.cov, vectors @ np.diag(expected * values) @ vectors.T, 1e-11)


def test_other_normals_agree_within_the_simulation_error():
    cov = sigma_0(5)
    rng = np.random.default_rng(0)
    normals = [rng.normal(size=(60, 5)) for _ in range(2000)]
    expected = plain_loop(cov, normals, lambda returns: np.cov(returns, rowvar=False))
    found = adjust_eigenfactors(cov, shared_draws("m/v", 2000, 5, 10_000, SAMPLE), 1.0)
    assert_allclose(found.bias**2, expected, rtol=4 * 0.2 * np.sqrt(2 / 2000))


def test_a_date_with_fewer_factors_takes_the_leading_block():
    draws = shared_draws("m/v", 10, 7, 10_000, SEPARATE)
    block = SharedDraws(draws.volatility[:, :4, :4].copy(), draws.correlation[:, :4, :4].copy())
    cov = sigma_0(4)
    assert_allclose(adjust_eigenfactors(cov, draws, 1.0).cov, adjust_eigenfactors(cov, block, 1.0).cov, rtol=1e-12)


def test_draws_depend_on_seed_window_and_factors_and_on_nothing_else():
    first = shared_draws("m/v", 5, 4, 10_000, SAMPLE)
    again = _draws.__wrapped__("m/v", 5, 4, (60,), SAMPLE)
    assert_array_equal(first.volatility, again.volatility)
    assert shared_draws("m/v", 5, 4, 10_000, SAMPLE) is first
    assert not np.allclose(first.volatility, shared_draws("m/w", 5, 4, 10_000, SAMPLE).volatility)
    assert_array_equal(first.volatility[:3], shared_draws("m/v", 3, 4, 10_000, SAMPLE).volatility)
    with pytest.raises(ValueError, match="read-only"):
        first.volatility[0] = 0


def test_a_shorter_history_is_the_newer_part_of_the_same_draws(monkeypatch):
    components = Components(Component(60, EQUAL, 0), Component(60, EQUAL, 0), centre=False, unbiased=False)
    whole = normals_of("m/v", components, 3, 4, monkeypatch)
    short = shared_draws("m/v", 4, 3, 31, components)
    assert_allclose(short.volatility, [z[-31:].T @ z[-31:] / 31 for z in whole], rtol=1e-12)


def test_lengths_below_the_window_are_rounded_down_by_a_sixteenth_at_most():
    assert [simulated_periods(n, 252) for n in (252, 300, 251, 40, 31, 7)] == [252, 252, 248, 40, 31, 7]
    assert len({simulated_periods(n, 1512) for n in range(60, 1512)}) < 80
    assert all(n * 15 / 16 < simulated_periods(n, 1512) <= n for n in range(1, 1512))


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**32 - 1), scale=st.floats(1e-4, 1e4), a=st.floats(0.5, 1.4))
def test_it_scales_with_sigma_and_permutes_with_the_factors(seed, scale, a):
    cov = sigma_0(5, seed)
    order = np.random.default_rng(seed).permutation(5)
    draws = shared_draws("m/v", 20, 5, 10_000, SEPARATE)
    once = adjust_eigenfactors(cov, draws, a)
    assert_close_as_returns(adjust_eigenfactors(cov * scale, draws, a).cov, once.cov * scale, 1e-9)
    assert_close_as_returns(adjust_eigenfactors(cov[np.ix_(order, order)], draws, a).cov, once.cov[np.ix_(order, order)], 1e-9)
    assert_array_equal(once.cov, once.cov.T)
    assert np.linalg.eigvalsh(once.cov)[0] > 0


def test_scale_stretches_the_bias():
    cov, draws = sigma_0(4), shared_draws("m/v", 20, 4, 10_000, SAMPLE)
    plain, stretched = adjust_eigenfactors(cov, draws, 1.0), adjust_eigenfactors(cov, draws, 1.4)
    assert_array_equal(plain.bias, stretched.bias)
    values = np.linalg.eigvalsh(cov)
    _, vectors = np.linalg.eigh(cov)
    assert_allclose(np.diag(vectors.T @ stretched.cov @ vectors), (1.4 * (plain.bias - 1) + 1) ** 2 * values, rtol=1e-10)


def test_a_scale_too_large_for_an_eigenfactor_leaves_its_bias_as_simulated_and_counts_it():
    cov, draws = sigma_0(4), shared_draws("m/v", 20, 4, 10_000, SAMPLE)
    found = adjust_eigenfactors(cov, draws, 100.0)
    assert found.n_unscaled == (100 * (found.bias - 1) + 1 <= 0).sum() > 0
    assert np.linalg.eigvalsh(found.cov)[0] > 0
    estimator = SampleFactorCov(window=60, eigenfactor=EigenfactorAdjustment(simulations=20, scale=100.0, seed="m/v"))
    assert "not scaled" in estimator.estimate(factor_returns(60)).diagnostics[0].detail


def test_beyond_the_rank_nothing_is_adjusted():
    F = factor_returns(80, 5)
    F[:, 4] = F[:, 0] - F[:, 2]
    estimator = SampleFactorCov(window=80, eigenfactor=EigenfactorAdjustment(simulations=20))
    found, plain = estimator.estimate(F), SampleFactorCov(window=80).estimate(F)
    assert np.isfinite(found.cov).all()
    null = np.linalg.eigh(plain.cov)[1][:, 0]
    assert abs(null @ found.cov @ null) < 1e-12 * np.trace(found.cov)
    assert found.diagnostics[0].detail == "20 simulations, before scale 1; 1 beyond the rank not adjusted"


@pytest.mark.parametrize("n_periods", [20, 30, 33, 34, 40])
def test_about_as_many_dates_as_factors_give_finite_numbers(n_periods):
    estimator = SampleFactorCov(window=200, min_periods=10, eigenfactor=EigenfactorAdjustment(simulations=10))
    found = estimator.estimate(factor_returns(n_periods, 32))
    assert np.isfinite(found.cov).all()
    assert np.linalg.eigvalsh(found.cov)[0] > -1e-12 * np.trace(found.cov)
    assert found.kept.size == 32


def test_much_data_needs_no_adjustment():
    endless = Component(20_000, EQUAL, 0)
    cov = np.diag([1.0, 2.0, 4.0])
    found = adjust_eigenfactors(
        cov, shared_draws("m/v", 2, 3, 20_000, Components(endless, endless, centre=True, unbiased=True)), 1.0
    )
    assert_allclose(found.bias, 1, atol=0.02)


def test_the_bias_of_eigenfactor_volatilities_is_halved():
    """True volatility over forecast, by eigenfactor, mean over samples from a known Sigma (Menchero, Wang, Orr 2011)."""
    true = np.diag(np.geomspace(1, 30, 12)) @ (0.7 * np.eye(12) + 0.3) @ np.diag(np.geomspace(1, 30, 12))
    root = np.linalg.cholesky(true)
    adjustment = EigenfactorAdjustment(simulations=40, seed="m/v")
    plain, adjusted = SampleFactorCov(window=60), SampleFactorCov(window=60, eigenfactor=adjustment)
    errors = {}
    for name, estimator in (("plain", plain), ("adjusted", adjusted)):
        rng = np.random.default_rng(1)
        ratios = []
        for _ in range(150):
            found = estimator.estimate(rng.normal(size=(60, 12)) @ root.T).cov
            values, vectors = np.linalg.eigh(found)
            ratios.append(np.sqrt(np.diag(vectors.T @ true @ vectors) / values))
        errors[name] = np.abs(np.mean(ratios, axis=0) - 1).mean()
    assert errors["adjusted"] < errors["plain"] / 2


def test_the_estimator_says_the_range_of_v_and_agrees_with_itself():
    F = factor_returns(300, 5)
    adjustment = EigenfactorAdjustment(simulations=30, seed="m/v", scale=1.4)
    estimator = EwmaFactorCov(half_life=20, lags=3, corr_half_life=40, eigenfactor=adjustment)
    found = estimator.estimate(F)
    plain = EwmaFactorCov(half_life=20, lags=3, corr_half_life=40).estimate(F)
    expected = adjust_eigenfactors(plain.cov, shared_draws("m/v", 30, 5, 300, estimator.components), 1.4)
    assert_array_equal(found.cov, expected.cov)
    low, high = found.diagnostics
    assert (low.name, low.value) == ("eigenfactor_v_min", expected.bias.min())
    assert (high.name, high.value) == ("eigenfactor_v_max", expected.bias.max())
    assert low.detail == "30 simulations, before scale 1.4"
    assert_array_equal(found.cov, estimator.estimate(F[-120:]).cov)


def test_a_seed_is_filled_in_where_none_is_given():
    estimator = EwmaFactorCov(half_life=20, eigenfactor=EigenfactorAdjustment())
    assert estimator.seeded("m/v").eigenfactor == EigenfactorAdjustment(seed="m/v")
    fixed = EwmaFactorCov(half_life=20, eigenfactor=EigenfactorAdjustment(seed="mine"))
    assert fixed.seeded("m/v") is fixed
    assert EwmaFactorCov(half_life=20).seeded("m/v") == EwmaFactorCov(half_life=20)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"simulations": 1}, "simulations is 1; give 2 or more"),
        ({"scale": 0.0}, "scale is 0.0; it must be > 0"),
        ({"scale": float("inf")}, "scale is inf"),
    ],
)
def test_impossible_parameters_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        EigenfactorAdjustment(**options)
