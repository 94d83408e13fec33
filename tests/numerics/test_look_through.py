"""Portfolios that hold portfolios, against a plain recursion and the solution of the linear system."""

import numpy as np
import pytest
import scipy
from numpy.testing import assert_allclose, assert_array_equal

from sigmalake.numerics.portfolio.look_through import first_cycle, look_through

P, A = 12, 9  # portfolios, the first of the members; and assets


def nested_books(seed: int, p: int = P) -> np.ndarray:
    """(P, P + A) weights in which a portfolio holds later ones only."""
    rng = np.random.default_rng(seed)
    weights = np.where(rng.random((p, p + A)) < 0.35, rng.normal(0.2, 0.3, (p, p + A)), 0.0)
    weights[:, :p] = np.triu(weights[:, :p], 1)
    order = rng.permutation(p)  # which is first in the order of names says nothing
    return np.column_stack([weights[np.ix_(order, order)], weights[order, p:]])


def held_by(weights: np.ndarray, row: int) -> np.ndarray:
    """What a portfolio holds, one member after the other."""
    found = np.zeros(weights.shape[1])
    for member, weight in enumerate(weights[row]):
        found += weight * held_by(weights, member) if member < len(weights) and weight else weight * np.eye(len(found))[member]
    found[: len(weights)] = 0
    return found


def portfolio_of(p: int) -> np.ndarray:
    return np.concatenate([np.arange(p), np.full(A, -1)])


@pytest.mark.parametrize("seed", range(8))
def test_what_is_held_is_what_a_walk_and_a_linear_system_find(seed):
    weights = nested_books(seed)
    found = look_through(scipy.sparse.csr_array(weights), portfolio_of(P)).toarray()
    assert_allclose(found, [held_by(weights, row) for row in range(P)], rtol=1e-12, atol=1e-14)
    system = np.linalg.solve(np.eye(P) - weights[:, :P], weights[:, P:])
    assert_allclose(found[:, P:], system, rtol=1e-10, atol=1e-13)
    assert not found[:, :P].any()


def test_without_portfolios_among_the_members_nothing_changes():
    weights = nested_books(1)
    weights[:, :P] = 0
    assert_array_equal(look_through(scipy.sparse.csr_array(weights), portfolio_of(P)).toarray(), weights)


def test_a_cycle_is_walked_from_its_first_member_and_refused():
    weights = nested_books(2)
    weights[:, :P] = 0
    for holder, member in ((3, 7), (7, 5), (5, 3), (0, 3), (5, 1)):
        weights[holder, member] = 0.5
    books = scipy.sparse.csr_array(weights)
    assert first_cycle(books, portfolio_of(P)) == [3, 7, 5]
    with pytest.raises(ValueError, match=r"portfolios \[3, 7, 5\] hold each other"):
        look_through(books, portfolio_of(P))


def test_a_portfolio_that_holds_itself_is_a_cycle_of_one_and_with_no_weight_it_holds_nothing():
    weights = np.zeros((2, 2 + A))
    weights[1, 1], weights[0, 1], weights[0, 4] = 1.0, 0.5, 0.5
    assert first_cycle(scipy.sparse.csr_array(weights), portfolio_of(2)) == [1]
    books = scipy.sparse.csr_array((np.array([0.0, 1.0]), (np.array([1, 1]), np.array([1, 5]))), shape=weights.shape)
    assert first_cycle(books, portfolio_of(2)) == []
    assert_allclose(look_through(books, portfolio_of(2)).toarray()[1, 5], 1.0)


def test_weights_multiply_and_stay_exact_through_a_chain_of_whole_holdings():
    chain = np.zeros((30, 30 + A))
    chain[np.arange(29), np.arange(1, 30)] = 1.0
    chain[29, 30:] = np.random.default_rng(4).normal(0.1, 0.2, A)
    found = look_through(scipy.sparse.csr_array(chain), portfolio_of(30)).toarray()
    assert_array_equal(found[:, 30:], np.tile(chain[29, 30:], (30, 1)))
