"""What a configuration may ask of the cross-sectional regression."""

from dataclasses import dataclass, replace
from enum import StrEnum
from math import isfinite
from typing import Annotated, ClassVar

from sigmalake.numerics.kernel_weights import KernelWeights
from sigmalake.numerics.registry.by_name import ByName
from sigmalake.numerics.registry.group import Group
from sigmalake.numerics.regression.two_pass import TwoPass
from sigmalake.numerics.settings import setting

LARGEST_RIDGE = 1e6  # draws a style to a millionth: a larger one leaves nothing but rounding
SMALLEST_TUNING = 0.7  # Huber's; below 0.6745 more than half of the assets would be weighed down


class RegressionWeights(StrEnum):
    """What the regression weights are."""

    SQRT_CAP = "sqrt_cap"  # specific variance proportional to 1 / sqrt(cap)
    CAP = "cap"
    EQUAL = "equal"
    COLUMN = "column"
    INVERSE_SPECIFIC_VAR = "inverse_specific_var"  # in two passes: 1 / Delta(t-1) of the first pass's specific returns


WEIGHTS = Group("sigmalake.weights", (), KernelWeights, RegressionWeights)


class Thin(StrEnum):
    """What happens to a membership factor with too few effective members."""

    KEEP = "keep"
    SHRINK = "shrink"  # to the group's weighted mean, by a pseudo-observation
    DROP = "drop"


@dataclass(frozen=True)
class RegressionRules:
    """What the configuration's `regression:` says."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    weights: Annotated[RegressionWeights | KernelWeights, ByName(WEIGHTS)] = setting(
        RegressionWeights.SQRT_CAP,
        (
            "`sqrt_cap`, `cap`, `equal` or `column`; or `inverse_specific_var`, in two passes: 1 / variance, known at t-1, of "
            "the residuals of a first regression weighted by sqrt(cap), equally without caps; or the name of weights that "
            "another package registers, or `{estimator: NAME, settings: {...}}`. Rescaling the weights changes nothing"
        ),
        source="[M]",
    )
    thin: Thin = setting(
        Thin.KEEP,
        (
            "what happens to a membership with few members: `keep`, it stays and is marked; `shrink`, it is drawn to its "
            "group's mean; `drop`, its shares go to the rest of the group"
        ),
    )
    min_members: float = setting(
        5.0,
        "a membership with fewer members is thin; they are counted as 1 / sum of squared weight shares",
        unit="effective members",
        source="choice",
    )
    min_assets: int | None = setting(
        None, "least number of assets in a date's fit; none: twice the factors", unit="assets", source="choice"
    )
    outliers_beyond: float | None = setting(
        None,
        (
            "distance from the date's weighted median beyond which a return leaves the fit, not the answer; 5 is usual; none: "
            "every return is fitted"
        ),
        unit="robust sd",
    )
    huber: float | None = setting(
        None, "Huber's tuning, of the residuals, 0.7 or more; 1.345 is usual; none: least squares", unit="robust sd"
    )
    portfolios: bool = setting(False, "keep the pure factor portfolios of every date in `factor_portfolios`: K x N weights a date")
    ridge: float = setting(
        0.0,
        (
            "penalty on styles, added to the diagonal of the scaled Gram matrix; 0.01 draws an uncorrelated style to 0 by 1 "
            "%, and 1e6 is the most; 0: none"
        ),
        unit="share of the scaled Gram diagonal",
    )
    two_pass: TwoPass | None = setting(
        None,
        (
            "the first pass of `weights: inverse_specific_var`, for which its defaults are filled in, or of another package's "
            "weights, whose kernel then knows specific variances; none: one pass"
        ),
    )

    def __post_init__(self) -> None:
        if not (isfinite(self.min_members) and self.min_members >= 0):
            raise ValueError(f"min_members is {self.min_members}; it must be a finite number >= 0, e.g. 5")
        if self.min_assets is not None and self.min_assets < 0:
            raise ValueError(f"min_assets is {self.min_assets}; it must be a number of assets, e.g. 30")
        if self.outliers_beyond is not None and not (isfinite(self.outliers_beyond) and self.outliers_beyond > 0):
            raise ValueError(f"outliers_beyond is {self.outliers_beyond}; it must be a number of robust sd > 0, e.g. 5")
        if self.huber is not None and not (isfinite(self.huber) and self.huber >= SMALLEST_TUNING):
            raise ValueError(f"huber is {self.huber}; it must be a number of robust sd >= {SMALLEST_TUNING}, e.g. 1.345")
        if not 0 <= self.ridge <= LARGEST_RIDGE:
            raise ValueError(f"ridge is {self.ridge}; it must be a number >= 0 and <= {LARGEST_RIDGE:g}, e.g. 0.01")
        self._fill_two_pass()

    def _fill_two_pass(self) -> None:
        in_two = self.weights is RegressionWeights.INVERSE_SPECIFIC_VAR
        if isinstance(self.weights, KernelWeights):
            if self.two_pass is not None and self.two_pass.max_ratio != TwoPass.max_ratio:
                raise ValueError(
                    "two_pass.max_ratio is of `inverse_specific_var`; a package's kernel gives its weights as they are"
                )
        elif self.two_pass is not None and not in_two:
            raise ValueError(
                f"two_pass is given, and weights is {self.weights}; it is for `weights: inverse_specific_var` and for weights of "
                "another package"
            )
        if self.two_pass is None and in_two:
            object.__setattr__(self, "two_pass", TwoPass())

    @property
    def first_pass(self) -> "RegressionRules":
        """The rules of a first pass: weights by sqrt(cap), which without caps are equal, and no portfolios."""
        return replace(self, weights=RegressionWeights.SQRT_CAP, two_pass=None, portfolios=False)

    @property
    def instant_weights(self) -> RegressionWeights:
        """The weights of a cross-section taken alone: the regression's, or the first pass's for those that it cannot give.

        Another package's weigh the regressions of returns alone: a new version of them moves no exposure.
        """
        if isinstance(self.weights, KernelWeights) or self.two_pass is not None:
            return RegressionWeights.SQRT_CAP
        return self.weights
