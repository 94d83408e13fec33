"""Sigma and Delta on Spark: each cross-section goes to the chunks whose windows hold it. Nothing of N by T passes the driver."""

from pyspark.sql import DataFrame

from sigmalake.engines.spark.parts import map_parts
from sigmalake.tasks.risk.window_arrays import CAPS_BEFORE, HISTORY, KNOWN
from sigmalake.tasks.risk.windows import EstimateWindows


def estimate_windows(task: EstimateWindows, cross_sections: DataFrame, panel: DataFrame, caps_before: DataFrame) -> DataFrame:
    """The rows of `risk_models`.

    Args:
        task: the chunks and what to compute of them.
        cross_sections: its rows for at least the dates that the windows read.
        panel: its rows for the as-of dates, whose assets are the coverage known then.
        caps_before: the panel's rows whose return dates the windows read, for the caps known one date before.
    """
    given = {HISTORY: cross_sections, KNOWN: panel, CAPS_BEFORE: caps_before}
    return map_parts(task, {role: rows for role, rows in given.items() if role in task.inputs})
