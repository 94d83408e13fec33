"""Roots of the parts of V = X Sigma X' + D, so that a variance is a sum of squares: |L'X'h|^2 + |R h|^2."""

from typing import TypeAlias

import numpy as np
import scipy

from sigmalake.numerics.portfolio.linked_cov import UNLINKED, LinkedCov, linked_blocks, specific_times, take_linked
from sigmalake.numerics.types import Floats

SpecificRoot: TypeAlias = (
    "Floats | scipy.sparse.csr_array"  # as text, here and elsewhere: to load scipy.sparse takes a tenth of a second
)
"""R with R R = D: (N,) specific volatilities, or (N, N) sparse and symmetric where issues are linked."""

_ROUNDING = 1e-12  # of the largest eigenvalue: how far below 0 one may come out that is 0


def factor_root(factor_cov: Floats) -> Floats:
    """L, (K, K), with L L' = Sigma; Sigma may be singular, as it is where constraints tie the factors.

    Args:
        factor_cov: (K, K) fraction^2 per period, positive semi-definite.

    Raises:
        ValueError: an eigenvalue is below 0 by more than rounding.
    """
    eigenvalues, vectors = _spectrum(factor_cov, "factor_cov")
    root: Floats = vectors * np.sqrt(eigenvalues)
    return root


def specific_root(specific_var: Floats, linked: LinkedCov = UNLINKED) -> SpecificRoot:
    """The symmetric root of D = diag(Delta) + linked issues.

    Args:
        specific_var: (N,) >= 0, fraction^2 per period.
        linked: specific covariances of linked issues.

    Raises:
        ValueError: a specific variance is no number >= 0, or a block of linked assets is not positive semi-definite.
    """
    if n_bad := int(np.sum(~(np.isfinite(specific_var) & (specific_var >= 0)))):
        raise ValueError(f"specific_var has {n_bad} of {specific_var.size} values that are not finite and >= 0")
    vols: Floats = np.sqrt(specific_var)
    if not linked.cov.size:
        return vols
    diagonal, rows, columns, cells = vols.copy(), [], [], []
    for block in linked_blocks(linked):
        inside = take_linked(linked, block, specific_var.size)
        eigenvalues, vectors = _spectrum(
            specific_times(specific_var[block], inside, np.eye(block.size)), "a block of linked assets"
        )
        root = (vectors * np.sqrt(eigenvalues)) @ vectors.T
        diagonal[block] = 0.0
        rows.append(np.repeat(block, block.size))
        columns.append(np.tile(block, block.size))
        cells.append((root + root.T).ravel() / 2)
    own = np.flatnonzero(diagonal)
    of_rows, of_columns = np.concatenate([own, *rows]), np.concatenate([own, *columns])
    values = np.concatenate([diagonal[own], *cells])
    return scipy.sparse.csr_array((values, (of_rows, of_columns)), shape=(vols.size, vols.size))


def _spectrum(cov: Floats, name: str) -> tuple[Floats, Floats]:
    """Eigenvalues, those below 0 by rounding alone as 0, and eigenvectors."""
    eigenvalues, vectors = np.linalg.eigh(cov)
    if eigenvalues.size and eigenvalues[0] < -_ROUNDING * max(eigenvalues[-1], 0.0):
        raise ValueError(f"{name} has an eigenvalue of {eigenvalues[0]:g}: it is not positive semi-definite")
    return np.maximum(eigenvalues, 0.0), vectors
