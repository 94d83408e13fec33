import numpy as np
import pytest
from factored_models import random_model
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from sigmalake.numerics.portfolio.asset_cov import asset_cov
from sigmalake.numerics.portfolio.linked_cov import (
    UNLINKED,
    LinkedCov,
    check_linked,
    linked_among,
    linked_blocks,
    specific_solve,
    specific_times,
    take_linked,
)
from sigmalake.numerics.portfolio.risk import portfolio_risk


def dense(specific_var, linked):
    D = np.diag(specific_var)
    for (i, j), cov in zip(linked.pairs, linked.cov, strict=True):
        D[i, j] = D[j, i] = cov
    return D


def test_v_has_the_covariances_of_linked_issues_in_both_halves():
    model = random_model()
    V = asset_cov(*model.parts)
    assert_allclose(V, model.V, rtol=1e-12, atol=1e-18)
    assert_array_equal(V, V.T)


def test_risk_of_linked_issues_is_that_of_the_dense_v():
    model = random_model()
    risk = portfolio_risk(model.h, *model.parts)
    sigma = np.sqrt(model.h @ model.V @ model.h)
    assert risk.vol == pytest.approx(sigma, rel=1e-12)
    assert_allclose(risk.marginal, model.V @ model.h / sigma, rtol=1e-11)
    assert risk.by_factor.sum() + risk.specific == pytest.approx(sigma, rel=1e-12)
    D = dense(model.specific_var, model.linked)
    assert risk.specific_vol == pytest.approx(np.sqrt(model.h @ D @ model.h), rel=1e-12)


def test_an_asset_that_is_not_held_has_a_marginal_contribution_through_its_linked_issue():
    linked = LinkedCov(np.array([[0, 1]]), np.array([3e-4]))
    risk = portfolio_risk(np.array([1.0, 0.0]), np.zeros((2, 1)), np.eye(1), np.array([4e-4, 4e-4]), linked)
    assert risk.marginal[1] == pytest.approx(3e-4 / 0.02)


@settings(deadline=None, max_examples=40)
@given(n_assets=st.integers(9, 30), n_linked=st.integers(0, 4), columns=st.integers(1, 3), seed=st.integers(0, 2**32 - 1))
def test_times_and_solve_are_those_of_the_dense_matrix(n_assets, n_linked, columns, seed):
    model = random_model(n_assets, 2, seed, n_linked)
    D = dense(model.specific_var, model.linked)
    D += np.diag(np.abs(D).sum(axis=1))  # definite, whatever was drawn
    var = np.diag(D).copy()
    y = np.random.default_rng(seed).normal(size=(n_assets, columns))
    assert_allclose(specific_times(var, model.linked, y), D @ y, rtol=1e-12, atol=1e-18)
    assert_allclose(specific_times(var, model.linked, y[:, 0]), D @ y[:, 0], rtol=1e-12, atol=1e-18)
    assert_allclose(specific_solve(var, model.linked, y), np.linalg.solve(D, y), rtol=1e-10, atol=1e-9)


def test_the_pairs_of_a_list_of_assets_are_renumbered_in_its_order():
    linked = LinkedCov(np.array([[0, 2], [1, 3], [2, 4]]), np.array([0.1, 0.2, 0.3]))
    taken = take_linked(linked, np.array([4, 2, 0]), 5)
    D, order = dense(np.zeros(5), linked), [4, 2, 0]
    assert_array_equal(dense(np.zeros(3), taken), D[np.ix_(order, order)])
    assert (taken.pairs[:, 0] < taken.pairs[:, 1]).all()


def test_a_chain_of_pairs_is_one_block():
    linked = LinkedCov(np.array([[0, 5], [5, 7], [2, 3]]), np.zeros(3))
    assert sorted(block.tolist() for block in linked_blocks(linked)) == [[0, 5, 7], [2, 3]]
    assert linked_blocks(UNLINKED) == []


def test_a_perfect_hedge_of_linked_issues_has_no_risk_but_for_rounding():
    linked = LinkedCov(np.array([[0, 1]]), np.array([0.1 * 0.3]))
    for size in np.linspace(0.1, 1, 20):
        risk = portfolio_risk(np.array([3 * size, -size]), np.zeros((2, 0)), np.zeros((0, 0)), np.array([0.01, 0.09]), linked)
        assert 0 <= risk.vol < 1e-8


def test_linked_covariances_that_are_none_are_refused():
    linked = LinkedCov(np.array([[0, 1]]), np.array([-2.0]))
    with pytest.raises(ValueError, match="the specific part gives a variance of -2: linked is not positive semi-definite"):
        portfolio_risk(np.ones(2), np.zeros((2, 1)), np.eye(1), np.ones(2), linked)
    with pytest.raises(ValueError, match=r"the block of the linked assets \[0, 1\] is not positive definite"):
        specific_solve(np.ones(2), linked, np.ones(2))


@pytest.mark.parametrize(
    ("pairs", "cov", "said"),
    [
        ([[0, 1], [1, 2]], [1.0], r"pairs of shape \(2, 2\) and 1 covariances"),
        ([[1, 0], [0, 1]], [1.0, 1.0], "linked has 1 pairs that are not two positions, first < second, of 3 assets"),
        ([[1, 3], [-1, 1]], [1.0, 1.0], "linked has 2 pairs that are not two positions"),
        ([[0, 1], [0, 1]], [1.0, 1.0], "linked has 2 pairs, 1 of them different"),
        ([[0, 1], [0, 2]], [np.nan, 1.0], "linked has 1 of 2 covariances that are not finite"),
    ],
)
def test_pairs_that_are_no_upper_triangle_are_refused(pairs, cov, said):
    with pytest.raises(ValueError, match=said):
        check_linked(LinkedCov(np.array(pairs), np.array(cov)), 3)


def test_pairs_of_a_model_are_found_among_other_assets_in_another_order():
    pairs, cov = np.array([[0, 1], [0, 2], [1, 2]]), np.array([0.1, 0.2, 0.3])
    found = linked_among(["C", "X", "A"], ["A", "B", "C"], pairs, cov)
    assert found.pairs.tolist() == [[0, 2]]  # C and A, the first before the second; B is not there
    assert found.cov.tolist() == [0.2]
    assert linked_among([], ["A", "B", "C"], pairs, cov).pairs.shape == (0, 2)
