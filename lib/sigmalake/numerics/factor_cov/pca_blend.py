"""Correlations mixed with those of their first principal components."""

from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

import numpy as np

from sigmalake.numerics.settings import described, setting
from sigmalake.numerics.types import Floats


@dataclass(frozen=True, kw_only=True)
class PcaBlend:
    """Correlations (1 - w) C + w (C_J + diagonal), C_J of the first J principal components (Menchero and Li 2020)."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    components: int = field(metadata=described("J: principal components of the correlations that are kept", unit="components"))
    weight: float = setting(0.5, "w: the share of the components' correlations, above 0 to 1", unit="share", source="choice")

    def __post_init__(self) -> None:
        if self.components < 1:
            raise ValueError(f"components is {self.components}; give 1 or more, fewer than there are factors")
        if not 0 < self.weight <= 1:
            raise ValueError(f"weight is {self.weight}; it must be above 0 and at most 1; without pca_blend it is 0")


class Blended(NamedTuple):
    """A covariance with other correlations."""

    cov: Floats  # (K, K) the variances unchanged
    explained: float  # what the components hold, as a share of the correlations' trace K


def blend_components(cov: Floats, components: int, weight: float) -> Blended:
    """D ((1 - w) C + w (sum_{j <= J} d_j v_j v_j' + diagonal)) D, the diagonal such that correlations with itself are 1.

    Menchero and Li 2020. C has the eigenvalues d_1 >= d_2 >= ... and eigenvectors v. What the components leave is taken as
    independent, so that their part is positive definite unless they explain a factor wholly.

    Args:
        cov: (K, K) positive variances.
        components: J; with K or more nothing changes.
        weight: w.
    """
    vols = np.sqrt(np.diag(cov))
    corr = cov / np.outer(vols, vols)
    values, vectors = np.linalg.eigh(corr)
    kept = slice(max(0, len(values) - components), None)
    low = (vectors[:, kept] * values[kept]) @ vectors[:, kept].T
    np.fill_diagonal(low, 1.0)
    blended = ((1 - weight) * corr + weight * (low + low.T) / 2) * np.outer(vols, vols)
    np.fill_diagonal(blended, np.diag(cov))
    return Blended(blended, float(values[kept].sum()) / len(values))
