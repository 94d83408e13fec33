import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from sigmalake.numerics.evaluation.evaluation_portfolios import asset_draws, deciles, minimum_variance, random_active

seeds = st.integers(0, 2**32 - 1)


def risk(n_assets: int, n_factors: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    root = rng.normal(0, 0.01, (n_factors, n_factors))
    return rng.normal(size=(n_assets, n_factors)), root @ root.T, rng.uniform(1e-4, 9e-4, n_assets)


def dense(X, sigma, own):
    return X @ sigma @ X.T + np.diag(own)


@settings(deadline=None, max_examples=20)
@given(seed=seeds)
def test_no_portfolio_with_the_same_alpha_has_less_variance(seed):
    X, sigma, own = risk(12, 3, seed)
    rng = np.random.default_rng(seed)
    alphas = rng.normal(size=(12, 2))
    h = minimum_variance(X, sigma, own, alphas)
    V = dense(X, sigma, own)
    assert_allclose((alphas * h).sum(axis=0), 1, rtol=1e-9)
    for column in range(2):
        a = alphas[:, column]
        other = rng.normal(size=12)
        other += (1 - a @ other) / (a @ a) * a
        assert other @ V @ other >= h[:, column] @ V @ h[:, column] * (1 - 1e-9)


def test_random_active_portfolios_are_long_only_less_the_market():
    caps = np.random.default_rng(0).lognormal(0, 1.5, 50)
    tilts = asset_draws([f"A{n}" for n in range(50)], 0, 400, 0).tilts
    h = random_active(caps, tilts)
    market = caps / caps.sum()
    assert_allclose(h.sum(axis=0), 0, atol=1e-14)
    assert (h + market[:, None] >= 0).all()
    assert_allclose((h + market[:, None]) / market[:, None] * (market @ tilts), tilts, rtol=1e-10)


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 10**6), order=st.permutations(range(8)), count=st.integers(1, 8))
def test_an_asset_s_numbers_depend_on_it_and_the_seed_alone(seed, order, count):
    ids = [f"A{n}" for n in range(8)]
    whole = asset_draws(ids, seed, 5, 3)
    some = asset_draws([ids[n] for n in order[:count]], seed, 5, 3)
    assert_array_equal(some.tilts, whole.tilts[order[:count]])
    assert_array_equal(some.alphas, whole.alphas[order[:count]])


def test_more_portfolios_leave_the_first_ones_as_they_were():
    few, many = (asset_draws(["A", "B"], 0, tilts, alphas) for tilts, alphas in ((3, 1), (9, 4)))
    assert_array_equal(many.tilts[:, :3], few.tilts)
    assert_array_equal(many.alphas[:, :1], few.alphas)
    assert not np.allclose(asset_draws(["A", "B"], 1, 3, 1).tilts, few.tilts)


def test_the_numbers_are_exponential_and_normal():
    drawn = asset_draws([f"A{n}" for n in range(400)], 3, 10, 10)
    assert drawn.tilts.mean() == pytest.approx(1, abs=4 / np.sqrt(4000))
    assert drawn.tilts.var() == pytest.approx(1, abs=4 * np.sqrt(8 / 4000))
    assert drawn.alphas.mean() == pytest.approx(0, abs=4 / np.sqrt(4000))
    assert drawn.alphas.var() == pytest.approx(1, abs=4 * np.sqrt(2 / 4000))
    assert abs(np.corrcoef(drawn.tilts.ravel(), drawn.alphas.ravel())[0, 1]) < 4 / np.sqrt(4000)


@pytest.mark.parametrize("size", [10, 100, 1000])
def test_deciles_are_those_of_pandas(size):
    values = np.random.default_rng(size).normal(size=size)
    assert_array_equal(deciles(values), pd.qcut(values, 10, labels=False))


@given(values=st.lists(st.integers(0, 5), max_size=60))
def test_deciles_ascend_and_differ_in_size_by_one_at_most(values):
    x = np.array(values, dtype=float)
    found = deciles(x)
    if len(x) >= 10:
        sizes = np.bincount(found, minlength=10)
        assert sizes.max() - sizes.min() <= 1
    for low in range(len(x)):
        assert (found[x > x[low]] >= found[low]).all()
