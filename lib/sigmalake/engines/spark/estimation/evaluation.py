"""Forecasts against what happened, on Spark: the rows of a run of forecast dates go to one task."""

from pyspark.sql import DataFrame

from sigmalake.engines.spark.parts import map_parts
from sigmalake.tasks.evaluation import KNOWN, MODELS, REGRESSED, RETURNED, EvaluateForecasts


def evaluate_each_date(
    task: EvaluateForecasts, models: DataFrame, known: DataFrame, returned: DataFrame, regressed: DataFrame
) -> DataFrame:
    """The rows of `forecast_evaluation`.

    Args:
        task: which forecasts, and the dates of their returns.
        models: rows of `risk_models`.
        known: the panel's rows with the exposures known at the models' dates.
        returned: the panel's rows of the dates of the returns.
        regressed: their regressions.
    """
    return map_parts(task, {MODELS: models, KNOWN: known, RETURNED: returned, REGRESSED: regressed})
