"""Value at risk and expected shortfall against numpy's quantiles, scipy's distributions, integrals and simulation."""

import numpy as np
import pytest
import scipy
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from sigmalake.numerics.portfolio.tail_risk import convolved_tail, empirical_tail, normal_tail

LEVELS = [0.9, 0.95, 0.975, 0.99]


def losses_of(size=260, seed=1):
    return np.random.default_rng(seed).standard_t(4, size) / 100


@pytest.mark.parametrize("level", LEVELS)
def test_the_normal_tail_is_that_of_scipy(level):
    found = normal_tail(0.02, level)
    assert found.var == pytest.approx(scipy.stats.norm.ppf(level, scale=0.02), rel=1e-13)
    beyond, _ = scipy.integrate.quad(lambda loss: loss * np.exp(-((loss / 0.02) ** 2) / 2), found.var, 0.4)
    assert found.expected_shortfall == pytest.approx(beyond / np.sqrt(2 * np.pi) / 0.02 / (1 - level), rel=1e-8)


def test_the_textbook_figures_of_a_normal_loss():
    assert normal_tail(1.0, 0.95).var == pytest.approx(1.645, abs=5e-4)
    assert normal_tail(1.0, 0.99).var == pytest.approx(2.326, abs=5e-4)
    assert normal_tail(1.0, 0.975).expected_shortfall == pytest.approx(2.338, abs=5e-4)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("size", [100, 101, 260, 999])
def test_the_historical_var_is_numpy_s_quantile_of_the_inverted_distribution(level, size):
    losses = losses_of(size)
    assert empirical_tail(losses, level).var == np.quantile(losses, level, method="inverted_cdf")


def test_the_historical_shortfall_is_the_mean_of_the_worst_losses_where_their_number_is_whole():
    losses = losses_of(200)
    assert empirical_tail(losses, 0.95).expected_shortfall == pytest.approx(np.sort(losses)[-10:].mean(), rel=1e-14)


@settings(deadline=None, max_examples=30)
@given(size=st.integers(5, 300), level=st.floats(0.5, 0.995), seed=st.integers(0, 1000))
def test_the_historical_shortfall_is_the_integral_of_the_quantiles_beyond_the_level(size, level, seed):
    """ES = 1/(1-a) int_a^1 q(p) dp, of a step function: summed step by step."""
    losses = np.sort(losses_of(size, seed))
    slow = sum(max(0.0, (n + 1) / size - max(level, n / size)) * losses[n] for n in range(size)) / (1 - level)
    assert_allclose(empirical_tail(losses, level).expected_shortfall, slow, rtol=1e-10, atol=1e-15)


@pytest.mark.parametrize("level", LEVELS)
def test_a_normal_specific_part_makes_a_mixture_whose_tail_an_integral_confirms(level):
    losses, s = losses_of(150), 0.008
    found = convolved_tail(losses, s, level)
    assert scipy.stats.norm.cdf(found.var, losses, s).mean() == pytest.approx(level, abs=1e-13)
    tail, _ = scipy.integrate.quad(lambda loss: loss * scipy.stats.norm.pdf(loss, losses, s).mean(), found.var, 0.4, limit=400)
    assert found.expected_shortfall == pytest.approx(tail / (1 - level), rel=1e-7)


def test_the_mixture_s_tail_is_that_of_simulated_losses():
    losses, s = losses_of(150), 0.01
    rng = np.random.default_rng(0)
    drawn = rng.choice(losses, 400_000) + s * rng.normal(size=400_000)
    found = convolved_tail(losses, s, 0.95)
    assert found.var == pytest.approx(np.quantile(drawn, 0.95), rel=0.01)
    assert found.expected_shortfall == pytest.approx(drawn[drawn > found.var].mean(), rel=0.02)


def test_without_a_specific_part_the_mixture_is_history_and_without_history_it_is_normal():
    losses = losses_of(100)
    assert convolved_tail(losses, 0.0, 0.95) == empirical_tail(losses, 0.95)
    assert_allclose(convolved_tail(losses, 1e-9, 0.945), empirical_tail(losses, 0.945), rtol=1e-5)
    assert_allclose(convolved_tail(np.zeros(50), 0.02, 0.95), normal_tail(0.02, 0.95), rtol=1e-12)


def test_the_worst_loss_is_all_that_a_short_history_knows():
    assert empirical_tail(np.array([0.01, 0.03, -0.02]), 0.99) == (0.03, pytest.approx(0.03, rel=1e-14))
