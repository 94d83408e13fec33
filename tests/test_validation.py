"""On markets whose Sigma and Delta are known, a right model is told to be right, and each adjustment does what its paper says."""

import numpy as np
import pytest
from validation.delta_layers import spreads
from validation.experiments import (
    bias_after_doubling,
    blind_model,
    calibrations,
    eigenfactor_bias,
    right_model,
    runs_of,
    specific_bias_by_volatility,
)
from validation.worlds import draw_history, generate_world, right_forecasts

from sigmalake.numerics.evaluation.forecast_evaluation import EvaluationRules
from sigmalake.numerics.evaluation.forecast_measures import PERFECT_Q, bias_band, expected_deviation, q_band
from sigmalake.numerics.factor_cov.eigenfactor import EigenfactorAdjustment
from sigmalake.numerics.factor_cov.estimators import EwmaFactorCov, SampleFactorCov
from sigmalake.numerics.factor_cov.regime import VolatilityRegime
from sigmalake.numerics.specific_risk.estimators import SampleSpecificVar


@pytest.mark.parametrize("market", [{}, {"doubles": True}])
def test_the_bias_of_the_right_model_lies_within_its_band(market):
    n_dates = 150
    found = right_model(40, 6, n_dates, seed=1, **market)
    n = np.array([kind.n_portfolios for kind in found])
    assert n @ [kind.in_band for kind in found] / n.sum() >= 0.95
    for kind in found:
        assert abs(kind.bias - 1) < bias_band(n_dates), kind
        assert abs(kind.q - PERFECT_Q) < q_band(n_dates), kind
        assert kind.mrad < 2 * expected_deviation(60), kind


def test_with_fat_tails_it_lies_within_the_band_of_their_kurtosis():
    n_dates = 150
    found = right_model(40, 6, n_dates, seed=1, fat_tails=True)
    for kind in found:
        assert kind.in_wide_band == 1
        assert abs(kind.bias - 1) < bias_band(n_dates), kind
    specific = next(kind for kind in found if kind.kind == "specific_by_size")
    assert specific.q > PERFECT_Q + q_band(n_dates)  # of t with 5 degrees of freedom, also where the forecast is right


def test_forecasts_a_fifth_too_low_are_found_out_in_every_kind():
    world = generate_world(30, 4, seed=2)
    history = draw_history(world, 200, seed=3)
    low = (
        date._replace(factor_cov=date.factor_cov / 1.44, specific_var=date.specific_var / 1.44)
        for date in right_forecasts(world, history)
    )
    found = calibrations(runs_of(low, EvaluationRules(random_active=10, minimum_variance=5)))
    n = np.array([kind.n_portfolios for kind in found])
    assert n @ [kind.in_band for kind in found] / n.sum() < 0.1
    for kind in found:
        assert kind.bias == pytest.approx(1.2, abs=1.2 * bias_band(200)), kind


def test_a_forecast_that_is_right_on_average_alone_has_a_good_bias_and_a_bad_mrad_and_q():
    q = PERFECT_Q - np.log([0.4, 1.6]).mean()  # variances over the forecast's, in either half
    for kind in blind_model(30, 4, 200, seed=1):
        assert abs(kind.bias - 1) < 1.5 * bias_band(200), kind
        assert kind.mrad > 3 * expected_deviation(60), kind
        assert abs(kind.q - q) < abs(kind.q - PERFECT_Q), kind


def test_the_eigenfactor_adjustment_halves_the_mean_deviation_of_the_eigenfactors():
    adjustment = EigenfactorAdjustment(simulations=20, seed="validation")
    plain, adjusted = (
        eigenfactor_bias(SampleFactorCov(window=40, eigenfactor=layer), 10, 250, seed=3) for layer in (None, adjustment)
    )
    assert plain[0] > 1.3  # the least variance is the one most underrated
    assert np.abs(adjusted - 1).mean() < np.abs(plain - 1).mean() / 2


def test_the_regime_adjustment_halves_the_error_after_every_volatility_doubled():
    plain, adjusted = (
        bias_after_doubling(EwmaFactorCov(half_life=84, regime=regime), 20, 63, seed=5)
        for regime in (None, VolatilityRegime(half_life=42))
    )
    assert plain > 1.4
    assert abs(adjusted - 1) < (plain - 1) / 2


def test_a_short_window_alone_spreads_the_bias_over_the_deciles_of_specific_volatility():
    world = generate_world(200, 2, seed=1, dispersion=0.1)
    history = draw_history(world, 320, seed=4)
    short, long = (specific_bias_by_volatility(SampleSpecificVar(window=window), world, history, 252) for window in (20, 252))
    assert np.ptp(short) > 0.4
    assert np.ptp(long) < 0.15
    assert short[0] > 1.2
    assert short[-1] < 0.95


def test_the_future_of_a_market_moves_no_bias_before_it():
    world = generate_world(0, 5, seed=0)
    F = draw_history(world, 120, seed=1).factor_returns
    estimator = SampleFactorCov(window=60)
    before = [date.factor_cov for date in factor_dates(estimator, F)]
    F[90:] *= 3
    after = [date.factor_cov for date in factor_dates(estimator, F)]
    changed = [not np.array_equal(a, b) for a, b in zip(before, after, strict=True)]
    assert changed == [False] * 31 + [True] * 29


def factor_dates(estimator, F):
    from validation.experiments import factor_forecasts

    return list(factor_forecasts(estimator, F, range(60, 120)))


def test_the_structural_model_closes_the_spread_of_names_with_a_short_history():
    alone, structural, shrunk_too = spreads(240, 40, seed=4)[3:]
    assert alone.spread > 0.4
    assert structural.spread < 0.15
    assert shrunk_too.spread < 0.15


def test_shrinkage_by_size_narrows_the_spread_of_a_short_window_and_strongly_closes_it():
    alone, published, strong = spreads(240, 40, seed=4)[:3]
    assert alone.spread > 0.35
    assert published.spread < 0.85 * alone.spread
    assert strong.spread < 0.15
