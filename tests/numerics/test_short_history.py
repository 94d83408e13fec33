import numpy as np
import pytest
import statsmodels.api as sm
from factor_histories import assert_close_as_returns, factor_returns, nested_starts, scattered_gaps
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import multivariate_normal

from sigmalake.numerics.factor_cov import em as short_history
from sigmalake.numerics.factor_cov.em import complete_history, splice
from sigmalake.numerics.factor_cov.estimators import EwmaFactorCov, SampleFactorCov
from sigmalake.numerics.factor_cov.newey_west import newey_west

seeds = st.integers(0, 2**32 - 1)
centres = pytest.mark.parametrize("centre", [True, False])


def weights_of(n_periods: int, half_life: float = 40.0) -> np.ndarray:
    a = 0.5 ** (np.arange(n_periods)[::-1] / half_life)
    return a / a.sum()


def plain_em(returns: np.ndarray, weights: np.ndarray, centre: bool, n_iterations: int) -> tuple[np.ndarray, np.ndarray]:
    """The textbook's loop over dates."""
    n_periods, n_factors = returns.shape
    mean, cov = np.zeros(n_factors), np.diag(np.nanvar(returns, axis=0))
    for _ in range(n_iterations):
        filled, second = np.empty_like(returns), np.zeros((n_factors, n_factors))
        for t in range(n_periods):
            o = ~np.isnan(returns[t])
            m = ~o
            filled[t, o] = returns[t, o]
            beta = np.linalg.solve(cov[np.ix_(o, o)], cov[np.ix_(o, m)]).T
            filled[t, m] = mean[m] + beta @ (returns[t, o] - mean[o])
            second[np.ix_(m, m)] += weights[t] * (cov[np.ix_(m, m)] - beta @ cov[np.ix_(o, m)])
        mean = weights @ filled if centre else mean
        second += (filled - mean).T @ np.diag(weights) @ (filled - mean)
        cov = second
    return mean, cov


def log_likelihood(returns: np.ndarray, weights: np.ndarray, mean: np.ndarray, cov: np.ndarray) -> float:
    total = 0.0
    for row, a in zip(returns, weights, strict=True):
        o = ~np.isnan(row)
        total += a * multivariate_normal.logpdf(row[o], mean[o], cov[np.ix_(o, o)])
    return total


@centres
def test_em_is_the_plain_loop_on_scattered_gaps(centre):
    F, a = scattered_gaps(80, 4, 0.1), weights_of(80)
    found = complete_history(F, a, centre=centre)
    mean, cov = plain_em(F, a, centre, 200)
    assert 10 < found.n_iterations < 200
    assert found.last_step <= 1e-12
    assert_close_as_returns(found.cov, cov, 1e-10)
    assert_allclose(found.mean, mean, atol=1e-12)


@centres
@pytest.mark.parametrize("starts", [[0, 60], [0, 0, 30, 30, 70], [40, 0, 80, 20]])
def test_em_agrees_with_the_closed_form_on_nested_histories(centre, starts):
    F, a = nested_starts(160, starts), weights_of(160)
    closed = complete_history(F, a, centre=centre)
    assert closed.n_iterations == 0
    present = ~np.isnan(F)
    patterns, _ = short_history._patterns(np.nan_to_num(F) / 0.01, present, a)
    mean, cov, n_iterations, _ = short_history._em(patterns, np.zeros(len(starts)), centre=centre)
    assert n_iterations > 10
    assert_close_as_returns(cov * 1e-4, closed.cov, 1e-8)
    assert_allclose(mean * 0.01, closed.mean, atol=1e-10)


def test_the_closed_form_is_a_weighted_regression_on_the_longer_histories():
    F, a = nested_starts(200, [0, 0, 120]), weights_of(200)
    found = complete_history(F, a, centre=True)
    fit = sm.WLS(F[120:, 2], sm.add_constant(F[120:, :2]), weights=a[120:]).fit()
    longer_mean = a @ F[:, :2]
    deviations = F[:, :2] - longer_mean
    longer = deviations.T @ np.diag(a) @ deviations
    beta = fit.params[1:]
    residual = (a[120:] * fit.resid**2).sum() / a[120:].sum()
    assert_close_as_returns(found.cov[:2, :2], longer, 1e-12)
    assert_allclose(found.cov[2, :2], longer @ beta, rtol=1e-10)
    assert found.cov[2, 2] == pytest.approx(beta @ longer @ beta + residual, rel=1e-10)
    assert found.mean[2] == pytest.approx(fit.params[0] + longer_mean @ beta, rel=1e-10)


@pytest.mark.parametrize("F", [scattered_gaps(60, 3, 0.15), nested_starts(60, [0, 20, 35])], ids=["gaps", "nested"])
def test_no_step_away_raises_the_likelihood(F):
    a = weights_of(60)
    found = complete_history(F, a, centre=True)
    best = log_likelihood(F, a, found.mean, found.cov)
    rng = np.random.default_rng(0)
    vols = np.sqrt(np.diag(found.cov))
    for _ in range(20):
        step = rng.normal(size=(3, 3)) * np.outer(vols, vols) * 1e-3
        assert log_likelihood(F, a, found.mean + rng.normal(size=3) * vols * 1e-2, found.cov) < best
        assert log_likelihood(F, a, found.mean, found.cov + step + step.T) < best


@centres
@pytest.mark.parametrize("F", [scattered_gaps(90, 4, 0.1), nested_starts(90, [0, 20, 20, 50])], ids=["gaps", "nested"])
def test_the_filled_history_and_its_conditional_covariance_make_the_covariance(F, centre):
    a = weights_of(90)
    found = complete_history(F, a, centre=centre)
    present = ~np.isnan(F)
    assert_allclose(found.filled[present], F[present], rtol=1e-12)
    assert found.n_completed == (~present).sum()
    deviations = found.filled - found.mean
    assert_close_as_returns(deviations.T @ np.diag(a) @ deviations + found.conditional_cov, found.cov, 1e-11)
    assert_allclose(a @ found.filled if centre else found.mean, found.mean, atol=1e-13)


@settings(deadline=None, max_examples=8)
@given(seed=seeds, nested=st.booleans(), centre=st.booleans())
def test_it_scales_and_permutes_with_the_factors(seed, nested, centre):
    F = nested_starts(60, [0, 10, 25, 40], seed) if nested else scattered_gaps(60, 4, 0.08, seed)
    rng = np.random.default_rng(seed)
    scale, order = np.exp(rng.normal(0, 3, 4)), rng.permutation(4)
    a = weights_of(60)
    once = complete_history(F, a, centre=centre).cov
    assert_close_as_returns(complete_history(F * scale, a, centre=centre).cov, once * np.outer(scale, scale), 1e-8)
    assert_close_as_returns(complete_history(F[:, order], a, centre=centre).cov, once[np.ix_(order, order)], 1e-8)
    values = np.linalg.eigvalsh(once)
    assert values[0] >= -1e-13 * values[-1]


def test_dependent_factors_fill_each_other_exactly():
    F = factor_returns(100, 3)
    F[:, 2] = -F[:, :2].sum(axis=1)
    gaps = F.copy()
    gaps[:40, 2] = gaps[45:60, 0] = gaps[70:80, 1] = np.nan
    found = complete_history(gaps, weights_of(100), centre=True)
    assert_allclose(found.filled, F, atol=1e-8)
    assert np.abs(found.cov.sum(axis=1)).max() < 1e-9 * found.cov.max()


# As an estimator


def test_completing_complete_histories_changes_no_covariance():
    F = factor_returns(200)
    F[[5, 80]] = np.nan  # dates without any factor
    for options in ({"half_life": 30}, {"half_life": 30, "corr_half_life": 60, "lags": 3}):
        plain, completed = EwmaFactorCov(**options).estimate(F), EwmaFactorCov(**options, short_history="em").estimate(F)
        assert_array_equal(plain.cov, completed.cov)
        assert completed.diagnostics == ()


def test_a_factor_that_began_lately_stays_with_all_dates():
    F = nested_starts(252, [0, 0, 0, 180])
    estimator = SampleFactorCov(window=252, short_history="em")
    found = estimator.estimate(F)
    assert found.kept.size == 4
    assert (found.n_periods, found.effective_periods) == (252, pytest.approx(252))
    assert_close_as_returns(found.cov[:3, :3], np.cov(F[:, :3], rowvar=False), 1e-12)
    ((name, value, detail),) = found.diagnostics
    assert (name, value) == ("em_iterations:volatility", 0)
    assert detail == "180 missing returns completed: closed form, nested histories"


def test_each_window_is_completed_by_itself_and_its_iterations_are_told():
    F = scattered_gaps(300, 4, 0.05)
    found = EwmaFactorCov(half_life=30, corr_half_life=90, short_history="em").estimate(F)
    assert [said.name for said in found.diagnostics] == ["em_iterations:volatility", "em_iterations:correlation"]
    assert all(said.value > 5 and "EM, last step" in said.detail for said in found.diagnostics)
    vol = complete_history(F[-90:], weights_of(90, 30), centre=True)
    assert_allclose(np.diag(found.cov), np.diag(vol.cov), rtol=1e-12)


def test_with_lags_the_series_is_filled_and_the_conditional_covariance_joins():
    F = nested_starts(150, [0, 0, 80])
    found = EwmaFactorCov(half_life=50, lags=4, short_history="em", min_periods=30).estimate(F)
    a = weights_of(150, 50)
    completed = complete_history(F, a, centre=True)
    x = np.sqrt(a)[:, None] * (completed.filled - completed.mean)
    assert_close_as_returns(found.cov, newey_west(x, 4) + completed.conditional_cov, 1e-12)
    assert np.linalg.eigvalsh(found.cov)[0] > 0


def test_a_history_no_longer_than_the_factors_that_explain_it_plus_one_is_out():
    F = nested_starts(100, [0] * 6 + [92])  # 8 values, 6 factors explain it: 8 > 6 + 1
    estimator = SampleFactorCov(window=100, short_history="em", min_periods=2)
    assert estimator.estimate(F).kept.size == 7
    F[92, 6] = np.nan
    found = estimator.estimate(F)
    assert found.left_out == (
        (6, "7 values, 7 beside one of the 6 factors that explain it, in the window of 100 periods; 8 are needed"),
    )


def test_two_factors_that_were_never_there_together_do_not_both_stay():
    F = factor_returns(100, 3)
    F[:60, 1], F[60:, 2] = np.nan, np.nan
    found = SampleFactorCov(window=100, short_history="em", min_periods=10).estimate(F)
    assert_array_equal(found.kept, [0, 2])
    assert "40 values, 0 beside one of the 2 factors that explain it" in found.left_out[0].reason


def test_few_values_and_constants_leave_with_their_reasons():
    F = nested_starts(100, [0, 0, 85, 20])
    F[20:, 3] = 0.1
    found = SampleFactorCov(window=100, short_history="em", min_periods=30).estimate(F)
    assert dict(found.left_out) == {
        2: "15 values in the window of 100 periods; 30 are needed",
        3: "zero variance over the 80 values in the window of 100 periods",
    }
    assert found.diagnostics == ()


@pytest.mark.parametrize("shape", [(0, 3), (10, 3), (300, 0)])
def test_nothing_left_is_an_empty_covariance(shape):
    found = EwmaFactorCov(half_life=40, corr_half_life=90, short_history="em").estimate(np.full(shape, np.nan))
    assert found.cov.shape == (0, 0)
    assert len(found.left_out) == shape[1]


# Proxies


def test_a_splice_stands_before_the_first_value_only():
    F = nested_starts(10, [0, 4])
    F[[2, 6], [0, 1]] = np.nan
    before = F.copy()
    found = splice(F, 1, 0)
    assert_array_equal(found.returns[:4, 1], F[:4, 0])
    assert_array_equal(found.returns[4:], F[4:])
    assert found.n_spliced == 3
    assert_array_equal(F, before)
    F[:, 1] = np.nan
    assert_array_equal(splice(F, 1, 0).returns, F)
    assert splice(F, 1, 0).n_spliced == 0


def test_a_proxy_by_name_gives_a_new_factor_its_history():
    F = nested_starts(120, [0, 0, 90])
    estimator = EwmaFactorCov(half_life=40, proxy={"new": "old", "newer": "old"})
    found = estimator.estimate(F, ["market", "old", "new"])
    spliced = F.copy()
    spliced[:90, 2] = F[:90, 1]
    assert_array_equal(found.cov, EwmaFactorCov(half_life=40).estimate(spliced).cov)
    assert found.diagnostics == (("proxy:new", 90.0, "returns of old before its first"),)


def test_a_proxy_that_the_model_does_not_have_yet_is_told():
    found = EwmaFactorCov(half_life=40, proxy={"new": "older"}).estimate(factor_returns(120, 2), ["old", "new"])
    assert found.diagnostics == (("proxy:new", 0.0, "the model has no factor older as of this date"),)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SampleFactorCov(proxy={"a": "a"}), "proxy of a is a itself"),
        (lambda: SampleFactorCov(proxy={"a": "b", "b": "c"}), "proxy of a is b, which has a proxy of its own"),
        (lambda: SampleFactorCov(proxy={"a": "b"}).estimate(np.zeros((300, 2))), "names of the 2 factors; 0 are given"),
    ],
)
def test_impossible_proxies_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
