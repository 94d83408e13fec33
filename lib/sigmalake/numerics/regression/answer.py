"""What one date's regression says, and the words for what went wrong."""

from enum import StrEnum
from typing import NamedTuple

from sigmalake.numerics.types import Bools, Floats, Ints


class FactorStatus(StrEnum):
    """What became of one factor on the date."""

    OK = "ok"
    EMPTY = "empty"  # no member, or zero throughout: null
    THIN = "thin"  # too few effective members: with a value where kept, null where dropped
    COLLINEAR = "collinear"  # adds no rank to the factors before it: null, 0 in X f
    CONSTANT = "constant"  # a style without variation: null, 0 in X f
    NO_FIT = "no_fit"  # the date has no fit; its own status says why
    GIVEN = "given"  # its return is given
    NOT_GIVEN = "not_given"  # its return is to be given, and is not: null


class Status(StrEnum):
    """What became of the date."""

    OK = "ok"
    TOO_FEW = "too_few"  # fewer assets than min_assets, or no degree of freedom
    NO_FACTORS = "no_factors"  # every factor is empty, dropped or constant
    NOT_GIVEN = "not_given"  # too few assets without an exposure to a factor whose return is to be given, and is not
    OUT_OF_RANGE = "out_of_range"  # numbers whose squares are beyond floating point
    NO_WEIGHTS = "no_weights"  # the kernel of another package that gives the weights failed
    NOT_CONVERGED = "not_converged"  # Huber's reweighting still changes the residuals


class CrossSection(NamedTuple):
    """What one date's regression says. Returns are in the unit of `returns`; NaN is null."""

    factor_returns: Floats  # (K,)
    std_errors: Floats  # (K,)
    n_members: Ints  # (K,) fitted assets with a non-zero exposure; for a dropped factor, before it was dropped
    factor_status: tuple[str, ...]  # (K,) FactorStatus
    specific_returns: Floats  # (N,) NaN without a return, or exposed to an empty or dropped factor
    fitted_returns: Floats  # (N,) X f; NaN if exposed to an empty or dropped factor
    weights: Floats  # (N,) mean 1 over the fit, 0 elsewhere; Huber's factor included
    n_fitted: int
    rank: int  # p
    dof: int  # n_fitted - p
    r2: float  # about the weighted mean; NaN where the returns are all alike
    adj_r2: float
    r2_uncentred: float
    residual_var: float  # s2, for an asset of weight 1
    condition_number: float  # of diag(sqrt w) X R with columns of length 1, with the weights before Huber
    status: str  # Status
    detail: str  # '' where there is nothing to say
    vif: Floats  # (K,) variance inflation of styles, with the weights before Huber; NaN for other factors
    is_outlier: Bools  # (N,) left out of the fit, not of the answer
    n_outliers: int
    n_reweighted: int  # fitted assets that Huber weighs down
    n_iterations: int  # of Huber's reweighting; 0 where it is off
