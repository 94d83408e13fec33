"""Least squares under linear constraints from the sums X'WX and X'Wr alone."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import scipy

from sigmalake.numerics.types import Bools, Floats, Ints

_CONDITION_LIMIT = 1e5  # of the scaled Gram matrix in the 1-norm, which bounds the 2-norm's that the dense route looks at
_ACCURACY_LIMIT = 1e3  # cancellation times the condition number of the design: some 2e-13 of relative accuracy is lost with each
_LEAST = 1e-250  # a sum of squares below it is near the end of floating point


class DoubtfulError(Exception):
    """The sums alone do not carry the accuracy that the answer promises: the dense route decides."""


class Reflection(NamedTuple):
    """I - q q' / s: the constraint's row becomes a multiple of a unit vector, its pivot's."""

    vector: Floats  # (K,) q
    size: float  # s
    pivot: int

    def of_vector(self, values: Floats) -> Floats:
        """(K,) the reflected values."""
        reflected: Floats = values - self.vector * (self.vector @ values / self.size)
        return reflected

    def of_matrix(self, symmetric: Floats) -> Floats:
        """(K, K) the matrix reflected from both sides."""
        image = symmetric @ self.vector
        image -= self.vector * (self.vector @ image * (0.5 / self.size))
        update = np.multiply.outer(self.vector / self.size, image)
        reflected: Floats = symmetric - update
        reflected -= update.T
        return reflected


class ReducedSystem(NamedTuple):
    """D R'X'WXR D with D = 1 / lengths of the columns of sqrt(W) X R, and its Cholesky factor.

    R is an orthonormal basis of {f : C f = 0}. Each constraint takes out its pivot's column; that column and those of
    factors that are not estimated are unit vectors here, which change neither the others nor the condition number.
    """

    reflections: tuple[Reflection, ...]
    scaled: Floats  # (K, K)
    scale: Floats  # (K,) the diagonal of D; 0 in the columns taken out
    factor: Floats  # (K, K) lower triangle
    rank: int  # p


def reflections(shares: Floats, groups: Sequence[Ints]) -> tuple[Reflection, ...]:
    """One Householder reflection for each constraint sum_k m_k f_k = 0 over a group of columns.

    Args:
        shares: (K,) m, a multiple of the cap shares.
        groups: the columns of each constraint; no column is in two.
    """
    found = []
    for columns in groups:
        row = shares.take(columns)
        length = math.sqrt(row @ row)
        if length == 0.0:
            continue
        row /= length
        pivot = int(np.abs(row).argmax())
        row[pivot] += math.copysign(1.0, row[pivot])
        vector = np.zeros(len(shares))
        vector[columns] = row
        found.append(Reflection(vector, abs(float(row[pivot])), int(columns[pivot])))
    return tuple(found)


def reduce_gram(gram: Floats, constraints: tuple[Reflection, ...], active: Bools, *, disjoint: bool) -> ReducedSystem:
    """The reduced and scaled normal equations.

    Args:
        gram: (K, K) X'WX; rows and columns that are not active do not matter.
        constraints: the reflections of the rows C.
        active: (K,) the columns that are estimated.
        disjoint: no asset has two memberships in a group, so that no sum within one cancels.

    Raises:
        DoubtfulError: sums near the ends of floating point or no numbers, a matrix that is not positive definite, or one so
            near to it that the answer would not be as accurate as the dense route's.
    """
    reduced = gram
    for reflection in constraints:
        reduced = reflection.of_matrix(reduced)
    estimated = active
    if constraints:
        estimated = active.copy()
        for reflection in constraints:
            estimated[reflection.pivot] = False
    squares = np.where(estimated, reduced.diagonal(), 1.0)
    if not np.minimum.reduce(squares) > _LEAST:
        raise DoubtfulError
    scale = estimated / np.sqrt(squares)
    scaled = np.multiply.outer(scale, scale)
    scaled *= reduced
    scaled.ravel()[:: len(scale) + 1] = 1.0
    factor, failed = scipy.linalg.lapack.dpotrf(scaled.T, lower=1)
    if failed:
        raise DoubtfulError
    norm = scipy.linalg.lapack.dlange("1", scaled.T)  # type: ignore[call-arg]  # scipy-stubs forgets the second argument
    inverse_condition, _ = scipy.linalg.lapack.dpocon(factor, norm, uplo="L")
    growth = 1.0 if disjoint else _cancellation(gram, squares, constraints, estimated)
    if not (inverse_condition * _CONDITION_LIMIT >= 1.0 and growth * inverse_condition**-0.5 <= _ACCURACY_LIMIT):
        raise DoubtfulError
    return ReducedSystem(constraints, scaled, scale, factor, int(np.count_nonzero(estimated)))


def _cancellation(gram: Floats, squares: Floats, constraints: tuple[Reflection, ...], estimated: Bools) -> float:
    """How much larger than a squared length of R'X'WXR the terms are that it is the sum of: 1 means that nothing cancels."""
    largest, diagonal = 1.0, gram.diagonal()
    for vector, size, _ in constraints:
        sizes = np.abs(vector)
        image = gram @ sizes
        terms = diagonal + sizes * (2.0 * image + sizes * (float(sizes @ image) / size)) / size
        terms *= estimated & (sizes > 0.0)
        largest = max(largest, float(np.maximum.reduce(terms / squares)))
    return largest


def solve_reduced(system: ReducedSystem, right: Floats) -> Floats:
    """(K,) f with C f = 0 that solves R'X'WX f = R'X'Wr; 0 in the columns that are not estimated.

    Args:
        system: of the Gram matrix.
        right: (K,) X'Wr.
    """
    for reflection in system.reflections:
        right = reflection.of_vector(right)
    scaled, _ = scipy.linalg.lapack.dpotrs(system.factor, right * system.scale, lower=1)
    solution: Floats = scaled * system.scale
    for reflection in system.reflections:
        solution = reflection.of_vector(solution)
    return solution


def unit_variances(system: ReducedSystem) -> Floats:
    """(K,) the diagonal of R (R'X'WXR)^-1 R'; 0 in the columns that are not estimated."""
    root = _root_covariance(system)
    variances: Floats = np.einsum("jk,jk->k", root, root)
    return variances


def unit_covariance(system: ReducedSystem) -> Floats:
    """(K, K) R (R'X'WXR)^-1 R'."""
    root = _root_covariance(system)
    covariance: Floats = root.T @ root
    return covariance


def _root_covariance(system: ReducedSystem) -> Floats:
    """(K, K) H with H'H = R (R'X'WXR)^-1 R'. By dtrtri: OpenBLAS gives dpotri to threads, which fight over small matrices."""
    inverse, _ = scipy.linalg.lapack.dtrtri(system.factor, lower=1)
    root: Floats = inverse * system.scale
    for vector, size, _ in system.reflections:
        root -= np.multiply.outer(root @ vector / size, vector)
    return root


def condition_number(system: ReducedSystem) -> float:
    """Of sqrt(W) X R with columns of length 1."""
    eigenvalues, _, _ = scipy.linalg.lapack.dsyevd(system.scaled.T, compute_v=0, lower=1)
    return math.sqrt(eigenvalues[-1] / eigenvalues[0])
