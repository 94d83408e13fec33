"""Windows and exponential weights, shared by the factor covariance and the specific variances."""

from math import ceil, isfinite
from typing import NamedTuple

import numpy as np

from sigmalake.numerics.types import Floats, Ints

EQUAL = float("inf")  # the half-life of equal weights
_LONGEST = 100_000  # periods: four centuries of days
_OLDEST = 500  # half-lives; the weight 2^-500 and its square are still ordinary numbers


class Weighting(NamedTuple):
    """How a window's dates count."""

    window: int  # periods
    half_life: float  # periods


def decay(ages: Ints, half_life: float) -> Floats:
    """2^(-age / half_life), not normalised; `ages` and `half_life` in periods."""
    return np.exp2(-ages / half_life)


def window_of(half_life: float) -> int:
    """The window that a half-life gets when none is given: 3 half-lives (**choice**), in periods."""
    return max(2, ceil(3 * half_life))


def fewest(min_periods: int | None, window: int) -> int:
    """`min_periods`, or where it is not given half the window, at most 60 and at least 2 (**choice**)."""
    return max(2, min(60, window // 2)) if min_periods is None else min_periods


def check_half_life(name: str, half_life: float) -> None:
    """Refuse a half-life that is no finite number of periods above 0."""
    if not (isfinite(half_life) and half_life > 0):
        raise ValueError(f"{name} is {half_life}; it must be a finite number of periods > 0, e.g. 84")


def check_window(name: str, window: int, half_life: float = EQUAL) -> None:
    """Refuse a window too short for a variance, or so long that its oldest weights vanish."""
    if window < 2:
        raise ValueError(f"{name} is {window}; a variance needs a window of 2 periods or more")
    if window > _LONGEST:
        raise ValueError(f"{name} is {window:.3g}; the longest is {_LONGEST:,} periods (3 half-lives where none is given)")
    if window > _OLDEST * half_life:
        raise ValueError(
            f"{name} is {window}, more than {_OLDEST} half-lives of {half_life} periods: "
            f"its oldest weights are nothing; 3 half-lives are usual"
        )


def check_min_periods(min_periods: int | None, window: int) -> None:
    """Refuse a `min_periods` outside 2 to the (shorter) window."""
    if min_periods is not None and not 2 <= min_periods <= window:
        raise ValueError(f"min_periods is {min_periods}; it must be from 2 to the window of {window} periods")


def check_history(name: str, values: Floats) -> None:
    """Refuse what is not a table of numbers and NaN: an infinite value would spoil every window around it."""
    if values.ndim != 2:
        raise ValueError(f"{name} has shape {values.shape}; rows are periods and columns series")
    if n_infinite := int(np.isinf(values).sum()):
        raise ValueError(f"{name} has {n_infinite} infinite values; a missing value is NaN")
