"""A descriptor over a cross-section: values too far out, mean and sd, and several descriptors as one style."""

from typing import NamedTuple

import numpy as np

from sigmalake.numerics.linear.constraints import below_one
from sigmalake.numerics.regression.fit_statistics import ALIKE
from sigmalake.numerics.types import Bools, Floats

LARGEST = 1e300


class Moments(NamedTuple):
    """By what a date's values are measured, over the estimation universe's names that have one."""

    mean: float  # cap-weighted; NaN without a value
    sd: float  # equal-weighted about `mean`, N in the denominator; 0: all alike; NaN without a value
    n_values: int


class Limited(NamedTuple):
    """Values after those too far out were removed or clipped."""

    values: Floats  # (N,) NaN is missing
    moments: Moments  # of the values as they came
    changed: Bools  # (N,)


def cross_section_moments(values: Floats, caps: Floats, in_estimation: Bools) -> Moments:
    """mean = sum c x / sum c and sd^2 = 1/N sum (x - mean)^2 over the estimation universe (Menchero, Orr, Wang 2011).

    The cap-weighted mean gives the market portfolio exposure 0. That sd is about this mean, with N below, is a **choice**.
    Where all values are alike, to rounding, sd is exactly 0: so it is for one value.

    Args:
        values: (N,) NaN is missing.
        caps: (N,) market capitalisations at t-1, > 0, any one currency.
        in_estimation: (N,) the universe at t-1, also the names whose return is missing at t.
    """
    used = in_estimation & np.isfinite(values)
    if not used.any():
        return Moments(np.nan, np.nan, 0)
    exponent = int(np.frexp(np.abs(values[used]).max())[1])
    x, c = (
        np.ldexp(values[used], -exponent),
        below_one(caps[used]),
    )  # by powers of 2: squares are numbers
    mean = float(c @ x / c.sum())
    var, size = float(np.mean((x - mean) ** 2)), float(np.mean(x**2))
    sd = float(np.sqrt(var)) if var > ALIKE * size else 0.0
    return Moments(float(np.ldexp(mean, exponent)), float(np.ldexp(sd, exponent)), len(x))


def remove_extremes(values: Floats, caps: Floats, in_estimation: Bools, beyond: float) -> Limited:
    """Values further than `beyond` sd from the mean become missing: they are taken for errors of the data.

    One pass, by the plain moments of `cross_section_moments` (**choice**). A robust sd is 0 where half of the values are
    alike (dividend yields) and takes 1 % of a lognormal descriptor for errors at 10 sd, where the plain one takes .1 %.
    Its price: an error is part of its own yardstick. One value among N equal-weighted others is at most sqrt(N) sd away,
    so that 10 sd find nothing among fewer than 100 values. A value at the bound stays.

    Args:
        values: (N,) NaN is missing.
        caps: (N,) > 0.
        in_estimation: (N,) whose values make the moments; the bound holds for all.
        beyond: sd, > 0.
    """
    moments = cross_section_moments(values, caps, in_estimation)
    if not moments.sd > 0.0:
        return Limited(values, moments, np.zeros(len(values), dtype=np.bool_))
    far = _half_distance(values, moments.mean) > beyond * (moments.sd / 2)
    return Limited(np.where(far, np.nan, values), moments, far)


def clip_extremes(values: Floats, caps: Floats, in_estimation: Bools, beyond: float) -> Limited:
    """Values further than `beyond` sd from the mean are set to mean +- beyond * sd; one pass, by the moments before it.

    Args:
        values: (N,) NaN is missing.
        caps: (N,) > 0.
        in_estimation: (N,) whose values make the moments; the bound holds for all.
        beyond: sd, > 0.
    """
    moments = cross_section_moments(values, caps, in_estimation)
    if not moments.sd > 0.0:
        return Limited(values, moments, np.zeros(len(values), dtype=np.bool_))
    far = _half_distance(values, moments.mean) > beyond * (moments.sd / 2)
    reach = beyond * moments.sd
    return Limited(np.where(far, np.clip(values, moments.mean - reach, moments.mean + reach), values), moments, far)


def standardise(values: Floats, moments: Moments) -> Floats:
    """(x - mean) / sd, for all of the coverage, and at most LARGEST, of which the regression says that it is out of range.

    Where the estimation universe has no two different values, nothing can be measured: then whoever has a value has 0, and
    the regression finds a factor without exposures.

    Args:
        values: (N,) NaN is missing, and stays so.
        moments: of the estimation universe.
    """
    if moments.sd > 0.0:
        with np.errstate(over="ignore"):
            return np.clip((values / 2 - moments.mean / 2) / (moments.sd / 2), -LARGEST, LARGEST)
    return np.where(np.isnan(values), np.nan, 0.0)


def _half_distance(values: Floats, mean: float) -> Floats:
    """(N,) |x - mean| / 2, which is a number whatever the values are; halves are exact."""
    distance: Floats = np.abs(values / 2 - mean / 2)
    return distance


def combine_descriptors(descriptors: Floats, weights: Floats) -> Floats:
    """sum_d w_d z_nd / sum_d w_d over the descriptors that asset n has; not yet standardised again.

    Args:
        descriptors: (N, D) standardised; NaN is missing.
        weights: (D,) > 0.

    Returns:
        (N,) NaN for an asset without any.
    """
    present = np.isfinite(descriptors)
    total = present @ weights
    combined = np.where(present, descriptors, 0.0) @ weights / np.where(total > 0.0, total, 1.0)
    return np.where(total > 0.0, combined, np.nan)
