"""What `checks:` and `evaluate:` may say: what stops a run or a release, and what forecasts are tested on."""

from typing import Annotated

from pydantic import Field

from sigmalake.config.types import Strict, key
from sigmalake.numerics.evaluation.forecast_evaluation import EvaluationRules
from sigmalake.numerics.quality.rules import QualityRules

Share = Annotated[float, Field(ge=0, le=1)]


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
            "the model",
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
    rolling_window: Annotated[
        Annotated[int, Field(ge=2)] | None,
        key("window of a rolling bias, 2 or more; none: the forecasts of 12 months", unit="forecasts", source="[M]"),
    ] = None
