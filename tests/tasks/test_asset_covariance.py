"""V block by block, as a task computes it, against V whole."""

import numpy as np
import pytest

from sigmalake.numerics.portfolio.asset_cov import asset_cov
from sigmalake.numerics.portfolio.linked_cov import LinkedCov
from sigmalake.tasks.asset_covariance import BlockPlace, block_of_v

PAIRS = np.array([[0, 1], [1, 5], [3, 9], [8, 9]])  # within a block, and across two


@pytest.mark.parametrize("linked", [PAIRS, PAIRS[:0]])
def test_blocks_put_together_are_v_with_its_linked_issues(linked):
    rng = np.random.default_rng(7)
    X, specific_var = rng.normal(size=(10, 3)), rng.uniform(1, 2, 10)
    factor_cov, of_pairs = np.cov(rng.normal(size=(3, 50))), LinkedCov(linked, rng.uniform(0.1, 0.4, len(linked)))
    blocks = [slice(0, 4), slice(4, 8), slice(8, 10)]
    V = np.zeros((10, 10))
    for i, rows in enumerate(blocks):
        for j, columns in enumerate(blocks[i:], i):
            block = block_of_v(BlockPlace(i, j, 4), X[rows], X[columns], factor_cov, specific_var[rows], of_pairs)
            V[rows, columns] = block
            V[columns, rows] = block.T
    np.testing.assert_allclose(V, asset_cov(X, factor_cov, specific_var, of_pairs), rtol=1e-15)
    np.testing.assert_array_equal(V, V.T)
