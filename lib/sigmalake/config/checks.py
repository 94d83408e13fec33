"""What `checks:`, `long_tables:`, `evaluate:` and `retention:` may say.

What stops a release, which tables in rows are written beside the others, how forecasts are tested, which releases stay.
"""

from typing import Annotated

from pydantic import AfterValidator, Field

from sigmalake.config.types import Strict, key
from sigmalake.numerics.evaluation.forecast_evaluation import EvaluationRules
from sigmalake.numerics.quality.rules import QualityRules

Share = Annotated[float, Field(ge=0, le=1)]


def _ascending(horizons: list[int]) -> list[int]:
    return sorted(set(horizons))


class MaxRejected(Strict):
    """Shares of rejected rows beyond which the run stops: a source that is read wrongly is no source with a few bad rows."""

    date: Annotated[Share, key("largest rejected share of a date's rows", unit="share", source="choice")] = 0.2
    source: Annotated[Share, key("largest rejected share of a source's rows", unit="share", source="choice")] = 0.05


class Checks(Strict):
    """What stops a run or a release."""

    max_rejected: Annotated[MaxRejected, key("shares of rows that may be rejected, beyond which the run stops")] = MaxRejected()
    max_coverage_drop: Annotated[
        Share, key("share of the assets that may go missing from one date to the next", unit="share", source="choice")
    ] = 0.2
    min_r2: Annotated[
        float,
        key(
            "least R2 of a regression since the last release; about 0 is right where neither a market nor a complete group is in "
            "the model; with given factors, which may explain less than nothing, the default does not count",
            unit="share of variance",
            source="choice",
        ),
        Field(le=1),
    ] = 0.0
    max_failed_dates: Annotated[
        int, key("regressions without factor returns since the last release", unit="dates", source="choice"), Field(ge=0)
    ] = 0
    require_factor_cov: Annotated[bool, key("every variant has Sigma on the release's date", source="choice")] = True
    quality: Annotated[QualityRules, key("what counts as a defect of the data, and what it means for a run")] = QualityRules()


class LongTables(Strict):
    """Tables in rows, for people who query, that are large and not written unless they are asked for."""

    exposures: Annotated[bool, key("also write X in rows, a row a date, asset and factor, from the panel")] = False


class Evaluate(Strict):
    """What `sigmalake evaluate` tests."""

    variants: Annotated[list[str] | None, key("variants whose forecasts are evaluated; none: every one")] = None
    test_portfolios: Annotated[EvaluationRules, key("which test portfolios are made")] = EvaluationRules()
    portfolios: Annotated[
        Annotated[str, Field(min_length=1)] | None,
        key(
            "your own: a CSV or Parquet file, relative to the configuration's, of `portfolio`, `asset_id`, `weight` and, "
            "where they change, `date`, from which they hold"
        ),
    ] = None
    horizons: Annotated[
        Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=1), AfterValidator(_ascending)],
        key(
            "how far ahead forecasts are held to what happened, e.g. [1, 5, 21]: V times h meets the compounded returns of the "
            "next h periods, as of every date, so that forecasts overlap; of a variant by month, months",
            unit="periods of the variant",
            source="choice",
        ),
    ] = Field(default=[1])
    rolling_window: Annotated[
        Annotated[int, Field(ge=2)] | None,
        key("window of a rolling bias, 2 or more; none: the forecasts of 12 months", unit="forecasts", source="[M]"),
    ] = None


class Retention(Strict):
    """Which releases stay readable; all of them where none of `last`, `monthly` and `releases` is given.

    A release is kept if one of them keeps it. The last release that stands is always kept.
    """

    last: Annotated[Annotated[int, Field(ge=1)] | None, key("the newest so many releases are kept", unit="releases")] = None
    monthly: Annotated[bool, key("the last release of each calendar month of `as_of` is kept")] = False
    releases: Annotated[list[str] | None, key("ids of releases that are kept")] = None
    hours: Annotated[
        float,
        key(
            "how long a file stays after it was written, or replaced in the newest version, for those who are reading it",
            unit="hours",
            source="choice",
        ),
        Field(ge=0),
    ] = 168.0

    @property
    def keeps_all(self) -> bool:
        """Whether no release is trimmed."""
        return self.last is None and not self.monthly and not self.releases
