"""How well a model's forecasts did, as frames."""

from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow.dataset as ds

from sigmalake.numerics.evaluation.forecast_measures import rolling_bias
from sigmalake.reader.dates import date_index
from sigmalake.reader.evaluation_summary import (
    READ,
    Comparison,
    EvaluationSummary,
    KindMeasures,
    PortfolioMeasures,
    at_horizon,
    forecast_run,
    forecasts_a_year,
    summarise,
)
from sigmalake.reader.storage.model_tables import ModelTables
from sigmalake.tables.evaluation import FORECAST_EVALUATION

_KEY = ["kind", "variant"]


class EvaluationFrames(NamedTuple):
    """The measures of one horizon."""

    kinds: pd.DataFrame  # a row a kind and variant, with `KindMeasures`
    portfolios: pd.DataFrame  # a row a portfolio of it, with `PortfolioMeasures`
    comparisons: pd.DataFrame  # a row a kind and pair of variants, with `Comparison`


def evaluation_frames(
    tables: ModelTables, where: ds.Expression, rolling_window: int | None, by_month: list[str], horizon: int
) -> EvaluationFrames:
    """The measures of `summarise`; no row: nothing was evaluated."""
    rows = at_horizon(tables.rows_if_any(FORECAST_EVALUATION, READ, where), horizon)
    found = summarise(rows, rolling_window, by_month, horizon) if rows.num_rows else EvaluationSummary([], [], [])
    kinds = pd.DataFrame([measures._asdict() for measures in found.kinds], columns=list(KindMeasures._fields))
    portfolios = pd.DataFrame([measures._asdict() for measures in found.portfolios], columns=list(PortfolioMeasures._fields))
    comparisons = pd.DataFrame([one._asdict() for one in found.comparisons], columns=list(Comparison._fields))
    return EvaluationFrames(
        kinds.set_index(_KEY), portfolios.set_index([*_KEY, "portfolio"]), comparisons.set_index([*_KEY, "other"])
    )


def rolling_bias_frame(tables: ModelTables, where: ds.Expression, rolling_window: int | None, horizon: int) -> pd.DataFrame:
    """Mean over a kind's portfolios of the bias of the `rolling_window` forecasts up to a date; a column a kind.

    The rows of `where` are one variant's. `attrs` has the window.
    """
    stored = at_horizon(tables.rows_if_any(FORECAST_EVALUATION, READ, where), horizon)
    rows = stored.to_pandas().sort_values(["kind", "portfolio", "date"])
    window = rolling_window or (forecasts_a_year(rows["date"].unique()) if len(rows) else 2)
    found: dict[str, pd.Series] = {}
    for kind, of_kind in rows[rows["n_forecasts"] > 0].groupby("kind", sort=False):
        rolled = [
            pd.Series(rolling_bias(forecast_run(of), window), of["date"].to_numpy()[window - 1 :])
            for _, of in of_kind.groupby("portfolio", sort=False)
        ]
        found[str(kind)] = pd.concat(rolled, axis=1).mean(axis=1) if rolled else pd.Series(dtype=float)
    frame = pd.DataFrame(found, dtype=np.float64).sort_index()
    frame = frame.set_axis(date_index(frame.index), axis=0)
    frame.attrs = {"window": window}
    return frame
