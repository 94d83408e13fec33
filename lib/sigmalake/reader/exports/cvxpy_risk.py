"""The risk of weights that are a cvxpy variable, without V: a sum of K + N squares."""

from typing import TYPE_CHECKING, Literal

import numpy as np

from sigmalake.errors import ConfigError
from sigmalake.numerics.types import Floats
from sigmalake.reader.exports.factored import FactoredRisk
from sigmalake.reader.exports.tools import tool

if TYPE_CHECKING:
    import cvxpy

Measure = Literal["variance", "vol"]


def risk_expression(factored: FactoredRisk, weights: "cvxpy.Expression", benchmark: Floats, measure: Measure) -> "cvxpy.Expression":
    """|L'X'a|^2 + |R a|^2 or its root, convex in w, where a is w beside zeros less the benchmark.

    Args:
        factored: of n assets, those of the weights first.
        weights: w, a variable or an affine expression of n or fewer entries.
        benchmark: (n,) fractions of its value; 0 where there is none.
        measure: `variance`, fraction^2, or `vol`, its root.

    Raises:
        InfrastructureError: cvxpy is not installed.
        ValueError: there is no such measure.
    """
    if measure not in {"variance", "vol"}:
        raise ValueError(f"measure is {measure!r}; give 'variance' or 'vol'")
    cp = tool("cvxpy", "cvxpy", "an expression of cvxpy")
    n_other = benchmark.size - weights.size
    active = (cp.hstack([weights, np.zeros(n_other)]) if n_other else weights) - benchmark
    shared = (factored.exposures @ factored.factor_root).T @ active
    root = factored.specific_root
    own = cp.multiply(root, active) if isinstance(root, np.ndarray) else root @ active
    terms = cp.hstack([shared, own])
    return cp.sum_squares(terms) if measure == "variance" else cp.norm2(terms)


def check_weights(weights: "cvxpy.Expression", n_assets: int) -> None:
    """Raise ConfigError for weights that are no vector of an entry an asset."""
    shape = getattr(weights, "shape", None)
    if shape != (n_assets,):
        raise ConfigError(f"weights have the shape {shape}; give a cvxpy expression of shape ({n_assets},), an entry an asset")
