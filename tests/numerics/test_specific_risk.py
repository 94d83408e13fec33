"""Delta with its layers one after the other, against a plain retelling of them for one date."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from residual_histories import residuals

from sigmalake.numerics.factors import Factor, Kind
from sigmalake.numerics.specific_risk.estimators import EwmaSpecificVar, SampleSpecificVar
from sigmalake.numerics.specific_risk.layers import Coverage, specific_history, specific_risk
from sigmalake.numerics.specific_risk.linked_issues import LinkedIssues
from sigmalake.numerics.specific_risk.regime import SpecificRegime
from sigmalake.numerics.specific_risk.size_shrinkage import SizeShrinkage, shrink_by_size
from sigmalake.numerics.specific_risk.structural_vol import StructuralModel, structural_vol

N_PERIODS, N_ASSETS = 160, 60
FACTORS = [Factor("market", "market", Kind.MARKET), Factor("size", "style", Kind.STYLE), Factor("value", "style", Kind.STYLE)]
STRUCTURAL = StructuralModel(fewest_obs=10, ramp_obs=20, window=50)
REGIME = SpecificRegime(half_life=8, window=24)


def history() -> np.ndarray:
    u = residuals(N_PERIODS, N_ASSETS, missing=0.05, coefficient=0.1)
    u[: N_PERIODS - 25, 0] = np.nan  # short: blended
    u[: N_PERIODS - 5, 1] = np.nan  # too short for any variance
    u[:, 2] = np.nan  # never had a return
    return u


def coverage(seed: int = 0, n: int = N_ASSETS, unknown: tuple[int, ...] = ()) -> Coverage:
    rng = np.random.default_rng(seed)
    X, caps, issuers = np.column_stack([np.ones(n), rng.standard_normal((n, 2))]), np.exp(rng.normal(5, 1, n)), np.full(n, -1)
    issuers[[10, 20, 30, 31]] = 0, 0, 1, 1
    is_known = ~np.isin(np.arange(n), unknown)
    return Coverage(np.arange(n), is_known, X[is_known], FACTORS, np.where(is_known, caps, np.nan), np.where(is_known, issuers, -1))


def caps_before() -> np.ndarray:
    return np.exp(np.random.default_rng(7).normal(5, 1, (N_PERIODS, N_ASSETS)))


def ewma(**layers) -> EwmaSpecificVar:
    return EwmaSpecificVar(half_life=20, window=50, min_periods=15, **layers)


def estimate(estimator, u, assets, row=N_PERIODS - 1, caps=None):
    return specific_risk(specific_history(estimator, u, np.array([row]), caps), 0, assets)


def said(found, name: str):
    (one,) = [diagnostic for diagnostic in found.diagnostics if diagnostic.name == name]
    return one


@pytest.mark.parametrize("estimator", [ewma(), SampleSpecificVar(window=50, min_periods=15)])
def test_without_layers_it_is_the_estimator_and_nothing_else(estimator):
    u = history()
    found = estimate(estimator, u, Coverage(np.arange(5), np.ones(5, bool), None, [], None, None))
    plain = estimator.estimate(u, np.array([N_PERIODS - 1]))
    assert_array_equal(found.specific_var, plain.var[0, :5])
    assert_array_equal(found.ts_var, found.specific_var)
    assert_array_equal(found.n_obs, plain.n_obs[0, :5])
    assert found.source == ["time_series", "none", "none", "time_series", "time_series"]
    assert found[4:] == (None, None, None, None, None, ())


def test_with_a_structural_model_every_asset_with_exposures_has_a_variance_and_says_from_where():
    found = estimate(ewma(structural=STRUCTURAL), history(), coverage())
    assert (found.specific_var > 0).all()
    assert found.source[:3] == ["blend", "structural", "structural"]
    assert set(found.source[3:]) <= {"time_series", "blend"}
    assert_array_equal(found.blend_weight[1:3], [0, 0])
    assert_allclose(found.specific_var[1:3], found.structural_var[1:3], rtol=1e-14)
    full = found.blend_weight == 1
    assert full.sum() > 40
    assert_array_equal(found.specific_var[full], found.ts_var[full])
    gamma, ts, structural = found.blend_weight[0], found.ts_var[0], found.structural_var[0]
    assert 0 < gamma < 1
    assert found.specific_var[0] == pytest.approx((gamma * ts**0.5 + (1 - gamma) * structural**0.5) ** 2, rel=1e-13)
    assert said(found, "structural_n_fitted")[1:] == (full.sum(), "assets with gamma = 1; rank 3")
    assert said(found, "structural_e0").value == pytest.approx(1, abs=0.2)


def test_an_asset_without_exposures_at_the_close_keeps_its_own_history():
    found = estimate(ewma(structural=STRUCTURAL, size_shrinkage=SizeShrinkage()), history(), coverage(unknown=(2, 5)))
    assert (found.source[2], found.source[5]) == ("none", "time_series")
    for layer in (found.structural_var, found.blend_weight, found.shrink_weight):
        assert np.isnan(layer[[2, 5]]).all()
        assert not np.isnan(np.delete(layer, [2, 5])).any()
    assert found.specific_var[5] == pytest.approx(found.ts_var[5], rel=1e-15)


def test_a_structural_model_without_enough_names_says_so_and_changes_nothing():
    plain, u = estimate(ewma(), history(), coverage()), history()
    found = estimate(ewma(structural=StructuralModel(fewest_obs=40, ramp_obs=10, window=50)), u, coverage())
    n_full = int((~np.isnan(u[-50:])).all(axis=0).sum())
    assert n_full < 6
    assert_array_equal(found.specific_var, plain.specific_var)
    assert found.source == plain.source
    assert np.isnan(found.structural_var).all()
    assert np.isnan(found.blend_weight).all()
    assert said(found, "structural_n_fitted").detail == f"no structural model: {n_full} assets with gamma = 1; 6 are needed"


def weighted_var_of(window: np.ndarray) -> float:
    """An asset's variance as of the window's last row, by numpy's weighted average."""
    own = ~np.isnan(window)
    if own.sum() < 15:
        return np.nan
    weights = 0.5 ** (np.arange(50)[::-1][own] / 20)
    return np.average((window[own] - np.average(window[own], weights=weights)) ** 2, weights=weights)


def test_the_regime_is_the_loop_over_plain_forecasts():
    u, caps = history(), caps_before()
    caps[150, 8] = np.nan
    found = estimate(ewma(regime=REGIME), u, coverage(), caps=caps)
    total = weight = 0.0
    for age in range(24):
        t = N_PERIODS - 1 - age
        var = np.array([weighted_var_of(u[t - 50 : t, n]) for n in range(N_ASSETS)])
        there = np.isfinite(u[t]) & np.isfinite(var) & np.isfinite(caps[t])
        scores = np.clip(u[t, there] / np.sqrt(var[there]), -10, 10)
        total += 0.5 ** (age / 8) * np.average(scores**2, weights=caps[t, there])
        weight += 0.5 ** (age / 8)
    assert found.regime_multiplier**2 == pytest.approx(total / weight, rel=1e-9)
    assert_allclose(found.specific_var, found.ts_var * found.regime_multiplier**2, rtol=1e-14)
    assert said(found, "specific_regime_multiplier")[1:] == (
        found.regime_multiplier, "lambda; Delta is times its square; from 24 dates",
    )  # fmt: skip


def test_the_regime_s_forecasts_have_no_lags_and_no_other_layer():
    u, caps = history(), caps_before()
    one = estimate(ewma(regime=REGIME), u, coverage(), caps=caps)
    other = estimate(ewma(regime=REGIME, lags=5, structural=STRUCTURAL), u, coverage(), caps=caps)
    assert one.regime_multiplier == other.regime_multiplier


def test_with_too_few_dates_the_regime_is_one_and_says_so():
    found = estimate(ewma(regime=REGIME), history()[:25], coverage(), row=24)
    assert found.regime_multiplier == 1.0
    assert said(found, "specific_regime_multiplier").detail.endswith("from 10 dates; 12 are needed, so it is 1")


def test_after_volatility_doubled_it_halves_the_error_at_least():
    u = np.random.default_rng(3).normal(0, 0.01, (500, 80))
    u[-63:] *= 2
    estimator = EwmaSpecificVar(half_life=252, window=400, regime=SpecificRegime(half_life=21))
    found = specific_risk(
        specific_history(estimator, u, np.array([499])), 0, Coverage(np.arange(80), np.ones(80, bool), None, [], None, None)
    )
    errors = [abs(np.sqrt(var).mean() - 0.02) for var in (found.specific_var, found.ts_var)]
    assert errors[0] < errors[1] / 2


def test_the_layers_come_in_the_model_s_order():
    u, caps, assets = history(), caps_before(), coverage()
    layers = {
        "lags": 4, "lags_half_life": 20, "structural": STRUCTURAL, "size_shrinkage": SizeShrinkage(q=0.3, groups=4),
        "regime": REGIME, "linked": LinkedIssues(shrinkage=0.2),
    }  # fmt: skip
    found = estimate(ewma(**layers), u, assets, caps=caps)
    blended = estimate(ewma(lags=4, lags_half_life=20, structural=STRUCTURAL), u, assets)
    assert_array_equal(found.ts_var, ewma(lags=4, lags_half_life=20).time_series(u, np.array([N_PERIODS - 1])).var[0])
    fit = structural_vol(np.sqrt(found.ts_var), found.blend_weight, assets.exposures, assets.caps, FACTORS)
    assert_allclose(np.sqrt(found.structural_var), fit.vol, rtol=1e-13)
    shrunk = shrink_by_size(np.sqrt(blended.specific_var), assets.caps, 0.3, 4)
    assert_array_equal(found.shrink_weight, shrunk.weight)
    assert_allclose(found.specific_var, shrunk.vol**2 * found.regime_multiplier**2, rtol=1e-13)
    assert found.linked.first.tolist() == [10, 30]
    assert found.linked.second.tolist() == [20, 31]
    rho = found.linked.cov / np.sqrt(found.specific_var[[10, 30]] * found.specific_var[[20, 31]])
    common = ~np.isnan(u[-50:, [10, 20]]).any(axis=1)
    weights = 0.5 ** (np.arange(50)[::-1][common] / 20)
    expected = np.cov(u[-50:, [10, 20]][common].T, aweights=weights)
    assert rho[0] == pytest.approx(0.8 * expected[0, 1] / np.sqrt(expected[0, 0] * expected[1, 1]), rel=1e-10)
    assert said(found, "linked_pairs")[1:] == (2.0, "pairs of shares of 2 issuers")
    clipped = said(found, "serial_correlation_clipped")
    assert clipped.detail == "of 58 long-run variances, held within 0.25 and 4 times the plain ones"


def all_layers() -> EwmaSpecificVar:
    return ewma(
        lags=4, lags_half_life=20, structural=STRUCTURAL, size_shrinkage=SizeShrinkage(), regime=REGIME, linked=LinkedIssues()
    )


def assert_equal_risk(one, other, rtol=0.0):
    for name in ("specific_var", "ts_var", "structural_var", "blend_weight", "shrink_weight", "regime_multiplier"):
        assert_allclose(getattr(one, name), getattr(other, name), rtol=rtol, atol=rtol * 1e-3)
    assert_allclose(one.linked.cov, other.linked.cov, rtol=rtol)
    assert one.source == other.source


def test_later_returns_and_caps_change_no_specific_risk():
    u, caps = history(), caps_before()
    before = estimate(all_layers(), u, coverage(), row=130, caps=caps)
    u[131:], caps[131:] = 9.0, 1e9
    assert_equal_risk(before, estimate(all_layers(), u, coverage(), row=130, caps=caps))


def test_it_looks_back_as_far_as_it_says():
    estimator = all_layers()
    assert estimator.look_back == 24 + 50
    u, caps = history(), caps_before()
    row = 130
    first = row + 1 - estimator.look_back
    together = specific_risk(specific_history(estimator, u, np.array([100, 120, row]), caps), 2, coverage())
    cut = specific_risk(specific_history(estimator, u[first:], np.array([row - first]), caps[first:]), 0, coverage())
    assert_equal_risk(together, cut, rtol=1e-12)
    u[first - 1], caps[first] = 5.0, 1e9  # the caps of the window's first row are of no return that counts
    assert_equal_risk(together, estimate(estimator, u, coverage(), row=row, caps=caps), rtol=1e-12)


def test_adding_equal_layers_that_do_nothing_changes_nothing():
    u = history()
    inert = ewma(lags_half_life=33, size_shrinkage=SizeShrinkage(q=0.0), linked=LinkedIssues())
    assert_allclose(estimate(inert, u, coverage()).specific_var, estimate(ewma(), u, coverage()).specific_var, rtol=1e-15)


def test_it_scales_with_the_square_of_the_returns():
    u, caps = history(), caps_before()
    once = estimate(all_layers(), u, coverage(), caps=caps)
    scaled = estimate(all_layers(), u * 6, coverage(), caps=caps)
    assert_allclose(scaled.specific_var, once.specific_var * 36, rtol=1e-10)
    assert_allclose(scaled.linked.cov, once.linked.cov * 36, rtol=1e-10)


@pytest.mark.parametrize(
    ("layers", "missing"),
    [
        ({"structural": STRUCTURAL}, "exposures"),
        ({"size_shrinkage": SizeShrinkage()}, "caps"),
        ({"linked": LinkedIssues()}, "issuers"),
    ],
)
def test_a_layer_without_its_data_is_refused_by_name(layers, missing):
    with pytest.raises(ValueError, match=f"{missing} of the coverage are not given; a layer of Delta needs them"):
        estimate(ewma(**layers), history(), coverage()._replace(**{missing: None}))


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ({"structural": StructuralModel()}, r"its window is 50 periods, and gamma = 1 takes fewest_obs \+ ramp_obs = 180"),
        ({"structural": StructuralModel(window=100)}, "its window is 100 periods, and gamma = 1 takes"),
        ({"linked": LinkedIssues(window=1)}, r"linked\.window is 1; a variance needs a window of 2"),
        ({"linked": LinkedIssues(min_periods=51)}, "min_periods is 51; it must be from 2 to the window of 50"),
    ],
)
def test_windows_too_short_for_a_layer_are_refused(layers, message):
    with pytest.raises(ValueError, match=message):
        ewma(**layers)
