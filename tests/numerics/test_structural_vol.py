import numpy as np
import pytest
import statsmodels.api as sm
from cross_section_cases import Membership, generated, with_columns
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from sigmalake.numerics.factors import Factor, Kind, pack_exposures
from sigmalake.numerics.specific_risk.structural_vol import StructuralModel, structural_vol

MARKET = Factor("market", "market", Kind.MARKET)
SECTORS = [Factor(name, "sector", Kind.MEMBERSHIP) for name in ("bank", "coal", "tech")]
STYLES = [Factor(name, "style", Kind.STYLE) for name in ("size", "value")]
FULL = [MARKET, *SECTORS, *STYLES]


def universe(n: int = 80, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Volatilities, gamma, X of FULL, caps: three of four assets are fitted."""
    rng = np.random.default_rng(seed)
    X = np.column_stack([np.ones(n), np.eye(3)[rng.integers(0, 3, n)], rng.standard_normal((n, 2))])
    vol = np.exp(-4 + X[:, 1:] @ [0.2, -0.1, 0.3, -0.25, 0.1] + rng.normal(0, 0.2, n))
    return vol, np.where(np.arange(n) % 4, 1.0, 0.3), X, np.exp(rng.normal(5, 1.5, n))


def oracle(vol, gamma, X, caps) -> tuple[np.ndarray, float]:
    """statsmodels on a full-rank form of X: the answer X b does not depend on which constraint identifies b."""
    fitted = gamma >= 1
    design = X[:, 1:]  # the sectors sum to the market
    fit = sm.WLS(np.log(vol[fitted]), design[fitted], weights=np.sqrt(caps[fitted])).fit()
    smearing = np.mean(np.exp(fit.resid))
    return smearing * np.exp(design @ fit.params), smearing


def test_it_is_the_weighted_regression_of_statsmodels():
    vol, gamma, X, caps = universe()
    expected, smearing = oracle(vol, gamma, X, caps)
    found = structural_vol(vol, gamma, X, caps, FULL)
    assert_allclose(found.vol, expected, rtol=1e-10)
    assert found.smearing == pytest.approx(smearing, rel=1e-10)
    assert (found.n_fitted, found.n_needed, found.rank, found.unexplained) == (60, 12, 5, ())


def test_assets_with_less_than_full_trust_do_not_enter():
    vol, gamma, X, caps = universe()
    before = structural_vol(vol, gamma, X, caps, FULL).vol
    vol[gamma < 1] = np.nan
    assert_array_equal(structural_vol(vol, gamma, X, caps, FULL).vol, before)


def test_a_model_without_a_constant_gets_one():
    vol, gamma, X, caps = universe()
    with_constant = structural_vol(vol, gamma, X[:, [0, 4, 5]], caps, [MARKET, *STYLES])
    found = structural_vol(vol, gamma, X[:, 4:], caps, STYLES)
    assert_allclose(found.vol, with_constant.vol, rtol=1e-13)
    assert found.n_needed == 6


def test_without_a_market_the_answer_is_the_same():
    vol, gamma, X, caps = universe()
    assert_allclose(
        structural_vol(vol, gamma, X[:, 1:], caps, FULL[1:]).vol, structural_vol(vol, gamma, X, caps, FULL).vol, rtol=1e-11
    )


@pytest.mark.parametrize("first", [0, 1])
def test_a_sector_without_a_fitted_asset_counts_as_the_mean_of_its_group(first):
    vol, gamma, X, caps = universe()
    coal = X[:, 2] == 1
    gamma[coal] = 0.0
    found = structural_vol(vol, gamma, X[:, first:], caps, FULL[first:])
    fitted = gamma >= 1
    others = [1, 3, 4, 5]
    fit = sm.WLS(np.log(vol[fitted]), X[fitted][:, others], weights=np.sqrt(caps[fitted])).fit()
    b = dict(zip(others, fit.params, strict=True))
    mean = np.average([b[1], b[3]], weights=caps[fitted] @ X[fitted][:, [1, 3]])
    expected = np.mean(np.exp(fit.resid)) * np.exp(mean + X[coal][:, 4:] @ fit.params[2:])
    assert_allclose(found.vol[coal], expected, rtol=1e-10)
    assert found.unexplained == ("coal",)


def test_a_style_that_adds_nothing_counts_as_zero_and_is_told():
    vol, gamma, X, caps = universe()
    X[:, 5] = 2 * X[:, 4]
    found = structural_vol(vol, gamma, X, caps, FULL)
    assert_allclose(found.vol, structural_vol(vol, gamma, X[:, :5], caps, FULL[:5]).vol, rtol=1e-10)
    assert found.unexplained == ("value",)


def test_with_too_few_assets_nobody_has_an_answer():
    vol, gamma, X, caps = universe(15)
    found = structural_vol(vol, gamma, X, caps, FULL)
    assert np.isnan(found.vol).all()
    assert (found.n_fitted, found.n_needed, found.has_fit) == (11, 12, False)
    assert structural_vol(vol[:0], gamma[:0], X[:0], caps[:0], FULL).n_fitted == 0


def test_an_exact_relation_is_recovered_with_e0_of_one():
    _, gamma, X, caps = universe()
    vol = np.exp(-4 + X[:, 4:] @ [0.3, -0.2])
    found = structural_vol(vol, gamma, X, caps, FULL)
    assert_allclose(found.vol, vol, rtol=1e-12)
    assert found.smearing == pytest.approx(1, rel=1e-12)


def test_it_scales_with_the_volatilities_and_permutes_with_the_assets():
    vol, gamma, X, caps = universe()
    once, order = structural_vol(vol, gamma, X, caps, FULL).vol, np.random.default_rng(1).permutation(80)
    assert_allclose(structural_vol(vol * 5, gamma, X, caps * 1e6, FULL).vol, once * 5, rtol=1e-11)
    assert_allclose(structural_vol(vol[order], gamma[order], X[order], caps[order], FULL).vol, once[order], rtol=1e-11)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fewest_obs": -1}, "fewest_obs is -1; it must be 0 or more observations"),
        ({"ramp_obs": 0}, "ramp_obs is 0; it must be 1 or more observations"),
    ],
)
def test_impossible_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        StructuralModel(**options)


def test_a_volatility_that_is_none_teaches_nothing():
    vol, gamma, X, caps = universe()
    without = structural_vol(vol, np.where(np.arange(80) == 5, 0.0, gamma), X, caps, FULL)
    vol[5] = 1e-9  # of an asset that its group's factor follows
    found = structural_vol(vol, gamma, X, caps, FULL)
    assert gamma[5] == 1
    assert_array_equal(found.vol, without.vol)
    assert found.n_fitted == without.n_fitted == 59


def test_an_absurd_exposure_is_held_at_ten_times_the_fitted_volatilities_and_counted():
    vol, gamma, X, caps = universe()
    plain = structural_vol(vol, gamma, X, caps, FULL)
    X[[0, 4], 4] = 5000.0, -5000.0
    found = structural_vol(vol, gamma, X, caps, FULL)
    fitted = vol[gamma >= 1]
    assert sorted(found.vol[[0, 4]]) == pytest.approx([fitted.min() / 10, fitted.max() * 10], rel=1e-12)
    assert (plain.n_held, found.n_held) == (0, 2)
    others = np.delete(np.arange(80), [0, 4])
    assert_array_equal(found.vol[others], plain.vol[others])


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32), st.booleans(), st.booleans(), st.booleans())
def test_packed_exposures_give_what_a_matrix_gives(seed: int, market: bool, fractional: bool, complete: bool) -> None:
    rng = np.random.default_rng(seed)
    groups = {"sector": Membership(6, fractional=fractional, partial=not complete), "country": Membership(3, partial=not complete)}
    case = generated(rng, 150, market=market, groups=groups, n_styles=3)
    vol, gamma = 0.02 * np.exp(0.3 * rng.normal(size=150)), (rng.random(150) < 0.8).astype(float)
    columns = [k for k, factor in enumerate(case.factors) if factor.group == "sector"]
    gamma[case.exposures[:, columns[0]] > 0.0] = 0.0  # a level that no fitted asset has
    packed = pack_exposures(case.exposures, case.factors)
    one = structural_vol(vol, gamma, packed, case.caps, case.factors)
    other = structural_vol(vol, gamma, case.exposures, case.caps, case.factors)
    assert_allclose(one.vol, other.vol, rtol=1e-11)
    assert one.smearing == pytest.approx(other.smearing, rel=1e-11)
    assert one[2:] == other[2:]


def test_packed_exposures_that_are_dependent_are_told_apart_as_a_matrix() -> None:
    case = generated(np.random.default_rng(5), 150, groups={"sector": Membership(6)}, n_styles=2)
    case = with_columns(case, 2.0 * case.exposures[:, -1])
    vol, gamma = 0.02 * np.exp(0.3 * np.random.default_rng(6).normal(size=150)), np.ones(150)
    one = structural_vol(vol, gamma, pack_exposures(case.exposures, case.factors), case.caps, case.factors)
    assert one.unexplained == (case.factors[-1].name,)
    assert_array_equal(one.vol, structural_vol(vol, gamma, case.exposures, case.caps, case.factors).vol)
