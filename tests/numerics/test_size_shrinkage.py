import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from sigmalake.numerics.specific_risk.size_shrinkage import SizeShrinkage, shrink_by_size

seeds = st.integers(0, 2**32 - 1)


def universe(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return np.exp(rng.normal(-4, 0.4, n)), np.exp(rng.normal(8, 2, n))


def test_within_each_decile_of_pandas_it_is_the_formula():
    vol, caps = universe(203)
    found = shrink_by_size(vol, caps, 0.1, 10)
    decile = pd.qcut(pd.Series(caps).rank(method="first"), 10, labels=False)
    frame = pd.DataFrame({"vol": vol, "cap": caps, "decile": np.floor(np.argsort(np.argsort(caps)) * 10 / 203)})
    assert (frame["decile"] == decile).mean() > 0.95  # the same but for whom a boundary falls on
    for _, group in frame.groupby("decile"):
        mean = (group["vol"] * group["cap"]).sum() / group["cap"].sum()
        spread = np.sqrt(((group["vol"] - mean) ** 2).mean())
        for n, sigma in group["vol"].items():
            v = 0.1 * abs(sigma - mean) / (spread + 0.1 * abs(sigma - mean))
            assert found.weight[n] == pytest.approx(v, rel=1e-12)
            assert found.vol[n] == pytest.approx(v * mean + (1 - v) * sigma, rel=1e-12)


def test_the_groups_hold_equal_numbers():
    vol, caps = universe(1000)
    order = np.argsort(caps)
    vol[order] = np.repeat(np.arange(1.0, 11.0), 100) / 100  # one volatility a decile: nothing to shrink
    found = shrink_by_size(vol, caps, 0.5, 10)
    assert_array_equal(found.vol, vol)
    assert_array_equal(found.weight, np.zeros(1000))


def test_q_zero_changes_nothing_and_an_endless_q_gives_the_mean():
    vol, caps = universe(50)
    assert_array_equal(shrink_by_size(vol, caps, 0.0, 10).vol, vol)
    one = shrink_by_size(vol, caps, 1e14, 1)
    assert_allclose(one.vol, np.average(vol, weights=caps), rtol=1e-10)


def test_one_name_alone_or_equal_ones_keep_their_volatility():
    found = shrink_by_size(np.array([0.01, 0.02, 0.02]), np.array([1.0, 5.0, 5.0]), 0.1, 3)
    assert_array_equal(found.vol, [0.01, 0.02, 0.02])
    assert_array_equal(found.weight, [0, 0, 0])


def test_names_without_a_volatility_or_a_cap_are_in_no_group():
    vol, caps = universe(40)
    vol[3], caps[7] = np.nan, np.nan
    found = shrink_by_size(vol, caps, 0.1, 4)
    there = np.setdiff1d(np.arange(40), [3, 7])
    alone = shrink_by_size(vol[there], caps[there], 0.1, 4)
    assert_array_equal(found.vol[there], alone.vol)
    assert np.isnan(found.vol[3])
    assert found.vol[7] == vol[7]
    assert_array_equal(np.flatnonzero(np.isnan(found.weight)), [3, 7])


@settings(deadline=None, max_examples=40)
@given(seed=seeds, n=st.integers(1, 60), q=st.floats(0, 5), groups=st.integers(1, 12))
def test_it_scales_permutes_and_never_crosses_the_mean(seed, n, q, groups):
    rng = np.random.default_rng(seed)
    vol, caps = universe(n, seed)
    caps = np.round(np.log(caps) * 3) + 50  # with equal ones
    once, order = shrink_by_size(vol, caps, q, groups), rng.permutation(n)
    assert_allclose(shrink_by_size(vol[order], caps[order], q, groups).vol, once.vol[order], rtol=1e-12)
    assert_allclose(shrink_by_size(vol * 7, caps * 3, q, groups).vol, once.vol * 7, rtol=1e-12)
    assert ((once.weight >= 0) & (once.weight < 1)).all()
    assert (np.sort(once.vol)[[0, -1]] @ [-1, 1]) <= (np.sort(vol)[[0, -1]] @ [-1, 1]) * (1 + 1e-12)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"q": -0.1}, "q is -0.1; it must be a finite number >= 0"),
        ({"q": float("nan")}, "q is nan"),
        ({"groups": 0}, "groups is 0; it must be 1 or more"),
    ],
)
def test_impossible_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        SizeShrinkage(**options)
