"""Random factored models with linked issues, and their V written out."""

from typing import NamedTuple

import numpy as np

from sigmalake.numerics.portfolio.linked_cov import LinkedCov


class Model(NamedTuple):
    """Holdings, the parts of V, and V by loops."""

    h: np.ndarray
    X: np.ndarray
    factor_cov: np.ndarray
    specific_var: np.ndarray
    linked: LinkedCov
    V: np.ndarray

    @property
    def parts(self):
        return self.X, self.factor_cov, self.specific_var, self.linked


def random_model(n_assets=30, n_factors=6, seed=0, n_linked=4, rank=None):
    """`n_linked` issuers: pairs, but the first has three issues. `rank`: of Sigma."""
    rng = np.random.default_rng(seed)
    h = rng.normal(0, 1 / n_assets, n_assets)
    X = rng.normal(0, 1, (n_assets, n_factors))
    root = rng.normal(0, 0.01, (n_factors, n_factors if rank is None else rank))
    specific_var = rng.uniform(1e-4, 1e-3, n_assets)
    shuffled = rng.permutation(n_assets)
    blocks = [shuffled[:3], *(shuffled[3 + 2 * n : 5 + 2 * n] for n in range(n_linked - 1))] if n_linked else []
    pairs = [(i, j) for block in blocks for i in block for j in block if i < j]
    correlation = rng.uniform(0.3, 0.9)  # the same in each block: positive definite
    cov = [correlation * np.sqrt(specific_var[i] * specific_var[j]) for i, j in pairs]
    V = X @ root @ root.T @ X.T + np.diag(specific_var)
    for (i, j), covariance in zip(pairs, cov, strict=True):
        V[i, j] += covariance
        V[j, i] += covariance
    return Model(h, X, root @ root.T, specific_var, LinkedCov(np.array(pairs, dtype=int).reshape(-1, 2), np.array(cov)), V)
