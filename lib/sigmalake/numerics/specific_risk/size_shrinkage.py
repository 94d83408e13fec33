"""Shrinkage of specific volatilities towards the mean of their size group."""

from dataclasses import dataclass
from math import isfinite
from typing import ClassVar, NamedTuple

import numpy as np

from sigmalake.numerics.linear.constraints import below_one
from sigmalake.numerics.settings import setting
from sigmalake.numerics.types import Floats, Ints

_ALIKE = 1e-12  # of the mean: volatilities that differ by less are one number, rounded


@dataclass(frozen=True, kw_only=True)
class SizeShrinkage:
    """sigma <- v sbar + (1 - v) sigma within each size group (Menchero, Orr, Wang 2011)."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    q: float = setting(0.1, "strength of the shrinkage; 0: none", unit="factor", source="[M]")
    groups: int = setting(10, "groups of equal numbers of names, by cap", unit="groups", source="[M]")

    def __post_init__(self) -> None:
        if not (isfinite(self.q) and self.q >= 0):
            raise ValueError(f"q is {self.q}; it must be a finite number >= 0, e.g. 0.1")
        if self.groups < 1:
            raise ValueError(f"groups is {self.groups}; it must be 1 or more, e.g. 10")


class ShrunkVol(NamedTuple):
    """Volatilities after shrinkage."""

    vol: Floats  # (N,) fraction per period; NaN where there is none
    weight: Floats  # (N,) v, the group's part; NaN where there is no volatility or cap


def shrink_by_size(vol: Floats, caps: Floats, q: float, groups: int) -> ShrunkVol:
    """v = q |sigma - sbar| / (D + q |sigma - sbar|), sbar the group's cap-weighted mean, D = sqrt(mean (sigma - sbar)^2).

    Menchero, Orr, Wang 2011. The groups hold equal numbers of the names with a volatility, by cap; equal caps fall into
    one group. D = 0 or one name: v = 0. A name without a cap keeps its volatility.

    Args:
        vol: (N,) specific volatilities, fraction per period, NaN where there is none.
        caps: (N,) > 0, any one currency; NaN where unknown.
        q: strength.
        groups: how many.
    """
    shrunk, weight = vol.copy(), np.full(len(vol), np.nan)
    names = np.flatnonzero(~np.isnan(vol) & ~np.isnan(caps))
    group = _groups(caps[names], groups)
    for number in np.unique(group):
        members = names[group == number]
        mean = np.average(vol[members], weights=below_one(caps[members]))
        distance = np.abs(vol[members] - mean)
        spread = np.sqrt((distance**2).mean()) if members.size > 1 else 0.0
        v = q * distance / (spread + q * distance) if spread > _ALIKE * mean else np.zeros(members.size)
        shrunk[members] = v * mean + (1 - v) * vol[members]
        weight[members] = v
    return ShrunkVol(shrunk, weight)


def _groups(caps: Floats, groups: int) -> Ints:
    """The group of each cap, from how many are smaller: the order of the names does not matter."""
    smaller = np.searchsorted(np.sort(caps), caps, side="left")
    numbers: Ints = smaller * groups // max(1, caps.size)
    return numbers
