"""How well a model's forecasts did, as a frame."""

import pandas as pd
import pyarrow.dataset as ds

from sigmalake.reader.evaluation_summary import READ, KindMeasures, summarise
from sigmalake.reader.storage.model_tables import ModelTables
from sigmalake.tables.evaluation import FORECAST_EVALUATION

_KEY = ["kind", "variant"]


def evaluation_frame(tables: ModelTables, where: ds.Expression, rolling_window: int | None, by_month: list[str]) -> pd.DataFrame:
    """A row a kind of portfolio and variant, and the measures of `KindMeasures` as columns; no row: nothing was evaluated."""
    rows = tables.rows(FORECAST_EVALUATION, READ, where)
    kinds = summarise(rows, rolling_window, by_month).kinds if rows.num_rows else []
    return pd.DataFrame([measures._asdict() for measures in kinds], columns=list(KindMeasures._fields)).set_index(_KEY)
