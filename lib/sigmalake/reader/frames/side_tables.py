"""What a model says of its data, as frames: coverage, data quality, stability of exposures."""

from datetime import date

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from sigmalake.errors import MissingRiskError
from sigmalake.reader.dates import date_index
from sigmalake.reader.frames.over_dates import between
from sigmalake.reader.storage.model_tables import ModelTables
from sigmalake.tables.declaration import Table
from sigmalake.tables.long import EXPOSURE_STABILITY
from sigmalake.tables.packed import CROSS_SECTIONS, PANEL, RISK_MODELS
from sigmalake.tables.quality import DATA_QUALITY
from sigmalake.tables.records import REJECTED_ROWS

_REJECTED_KEY = ["source", "row_hash", "copy"]


def data_quality_frame(tables: ModelTables, start: date | None, end: date | None) -> pd.DataFrame:
    """The rows of `data_quality`, in the order of dates, sources and measures."""
    return _table_frame(tables, DATA_QUALITY, ["date", "source", "measure"], start, end)


def exposure_stability_frame(tables: ModelTables, start: date | None, end: date | None) -> pd.DataFrame:
    """The rows of `exposure_stability`, in the order of dates and styles."""
    return _table_frame(tables, EXPOSURE_STABILITY, ["exposure_date", "style"], start, end)


def coverage_frame(tables: ModelTables, variant: str | None, start: date | None, end: date | None) -> pd.DataFrame:
    """Counts by date: n_assets and n_returns of the panel, n_fitted of the regression, n_with_risk of a variant, n_rejected.

    Args:
        tables: of the model.
        variant: whose specific variances count; None: there is none, and n_with_risk is NaN.
        start: first date; None: the first there is.
        end: last date; None: the last there is.
    """
    panel = tables.rows(PANEL, ["return_date", "n_returns"], between("return_date", start, end)).drop_null()
    section = tables.rows(CROSS_SECTIONS, ["date", "n_assets", "n_estimation"], between("date", start, end))
    columns = {
        "n_assets": _by_date(section, "date", section.column("n_assets")),
        "n_returns": _by_date(panel, "return_date", panel.column("n_returns")),
        "n_fitted": _by_date(section, "date", section.column("n_estimation")),
        "n_with_risk": pd.Series(dtype=float) if variant is None else _with_risk(tables, variant, between("date", start, end)),
        "n_rejected": _rejected(tables, between("date", start, end)),
    }
    frame = pd.concat(columns, axis=1).astype(float).sort_index()
    frame["n_rejected"] = frame["n_rejected"].fillna(0.0)
    return frame.set_axis(date_index(frame.index), axis=0)


def _by_date(rows: pa.Table, dated: str, values: pa.ChunkedArray) -> pd.Series:
    return pd.Series(values.to_pylist(), rows.column(dated).to_pylist(), dtype=float)


def _with_risk(tables: ModelTables, variant: str, dates: ds.Expression | None) -> pd.Series:
    of_variant = ds.field("variant") == variant
    rows = tables.rows(RISK_MODELS, ["date", "specific_var"], of_variant if dates is None else of_variant & dates).combine_chunks()
    variances = rows.column("specific_var")
    known = pc.list_parent_indices(variances).filter(pc.is_valid(pc.list_flatten(variances))).to_numpy()
    counts = pd.Series(known).value_counts().reindex(range(rows.num_rows), fill_value=0)
    return pd.Series(counts.to_numpy(), rows.column("date").to_pylist(), dtype=float)


def _rejected(tables: ModelTables, dates: ds.Expression | None) -> pd.Series:
    """Source rows by date; one with two reasons counts once, one whose date cannot be read has no place."""
    stored = tables.rows_if_any(REJECTED_ROWS, [*_REJECTED_KEY, "date", "source_rows"], dates)
    once = stored.to_pandas(date_as_object=True).drop_duplicates(_REJECTED_KEY).dropna(subset=["date"])
    counts: pd.Series = once.groupby("date")["source_rows"].sum().astype(float)
    return counts


def _table_frame(tables: ModelTables, table: Table, order: list[str], start: date | None, end: date | None) -> pd.DataFrame:
    columns = [name for name in table.column_names if name != "inputs_hash"]
    found = tables.rows_if_any(table, columns, between(str(table.date), start, end))
    frame: pd.DataFrame = found.sort_by([(name, "ascending") for name in order]).to_pandas(date_as_object=True)
    for name in columns:
        if pa.types.is_date(found.schema.field(name).type):
            frame[name] = pd.to_datetime(frame[name])
    return frame


def refuse_empty(frame: pd.DataFrame, what: str, way_out: str) -> pd.DataFrame:
    """The frame, unless it has no row.

    Raises:
        MissingRiskError: says what is missing, and what brings it.
    """
    if frame.empty:
        raise MissingRiskError(f"{what}; {way_out}")
    return frame
