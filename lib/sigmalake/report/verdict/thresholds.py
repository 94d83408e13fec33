"""What numbers of a model are held against, each with its reason. docs/report.md lists them; a test compares."""

from typing import NamedTuple


class Threshold(NamedTuple):
    """A number that a verdict rests on."""

    value: float
    unit: str
    means: str
    reason: str


FAILED_SHARE = Threshold(
    0.01, "share of dates", "more dates without a regression than this is to be mended", "choice: two or three days a year"
)
LOW_R2 = Threshold(
    0.05, "adjusted R2", "a lower median is to be watched",
    "choice: 95 % of what happens among stocks is then specific, and factor risk says little; daily models of large US stocks "
    "show some .25",
)  # fmt: skip
R2_FALL = Threshold(
    0.6, "ratio of medians", "an R2 of the last year below this part of the years before is to be watched",
    "choice: R2 follows the market's volatility, and halves in calm years",
)  # fmt: skip
LARGE_T = Threshold(
    2.0, "|t|", "a factor return is clearly not 0", "two standard errors: by chance on 4.6 % of dates of a normal error"
)
WEAK_SHARE = Threshold(
    0.10, "share of dates", "a factor with |t| above 2 on fewer dates is weak", "choice: twice what chance alone gives"
)
WEAK_PART = Threshold(
    0.25, "share of the factors", "more weak factors than this are to be watched",
    "choice: each weak factor adds its estimation error to every forecast",
)  # fmt: skip
CONDITION = Threshold(
    30.0, "condition number", "a larger median is to be watched",
    "Belsley, Kuh and Welsch (1980): from 30 on, near dependencies of scaled columns harm the estimates",
)  # fmt: skip
VIF = Threshold(10.0, "variance inflation", "a style whose median is larger is to be watched", "Marquardt (1970)")
FEW_A_FACTOR = Threshold(
    5.0, "assets in the fit a factor", "fewer on the newest date are to be watched",
    "choice: below it the errors of factor returns are nearly as large as those of single stocks",
)  # fmt: skip
STABLE = Threshold(0.90, "correlation with itself a month before", "a style above it is stable", "Menchero, Orr and Wang (2011)")
UNSTABLE = Threshold(0.80, "the same correlation", "a style below it is doubtful", "Menchero, Orr and Wang (2011)")
NO_SPECIFIC = Threshold(
    0.05, "share of assets", "more assets without a specific variance are to be watched",
    "choice: such an asset has no forecast of its own, and is refused by name",
)  # fmt: skip
STRUCTURAL = Threshold(
    0.20, "share of assets", "more assets whose specific risk comes from their exposures alone are to be watched",
    "choice: it is an average of their like, not their own",
)  # fmt: skip
SHARED_FACTOR = Threshold(
    1.1, "largest eigenvalue / edge", "specific returns that share more are to be watched",
    "choice: noise passes it less than once in 100 times, even of 30 assets and 60 dates (Johnstone 2001)",
)  # fmt: skip
PERIODS_A_FACTOR = Threshold(
    2.0, "effective periods a factor of Sigma", "fewer are to be watched",
    "choice: the least eigenvalues of an estimated Sigma are then a tenth of the true ones (Marchenko and Pastur 1967)",
)  # fmt: skip
BIAS_WATCH = Threshold(
    0.05, "|B - 1|", "a bias beyond it and beyond its band is to be watched",
    "choice: a smaller error of volatility is within what volatility itself moves in a week",
)  # fmt: skip
BIAS_ACT = Threshold(
    0.25, "|B - 1|", "a bias beyond it and beyond its band is to be mended", "choice: above it a third of the variance is missing"
)
FEW_FORECASTS = Threshold(
    60.0, "forecasts", "with fewer, calibration is not judged", "the band 1 ± sqrt(2 / T) is then wider than ± .18"
)
REJECTED = Threshold(0.02, "share of rows", "more rejected rows are to be watched", "as checks.quality.rejected.warn")
REJECTED_ACT = Threshold(0.10, "share of rows", "more rejected rows are to be mended", "choice: the model is of another universe")
MISSING = Threshold(
    0.05, "share of returns", "more missing returns in the last year are to be watched",
    "choice: a stock that misses one day in twenty has a monthly return only by chance",
)  # fmt: skip
COVERAGE_DROP = Threshold(
    0.10, "share of assets", "a larger loss within a year is to be watched", "as checks.quality.coverage_year.note"
)
LATE = Threshold(
    5.0, "periods", "a release that is so many periods newer than its newest date is to be watched",
    "choice: a week of daily data",
)  # fmt: skip
HISTORY = Threshold(
    366.0, "days", "a release so much newer than its newest date is taken for a study of the past, and not judged",
    "choice: nobody runs a model with last year's prices by mistake",
)  # fmt: skip

THRESHOLDS: dict[str, Threshold] = {name: value for name, value in list(globals().items()) if isinstance(value, Threshold)}
"""All of them, by name."""
