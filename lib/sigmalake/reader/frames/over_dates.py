"""What a model holds of many dates, as series and wide frames: a row a date."""

from collections.abc import Sequence
from datetime import date
from functools import partial

import numpy as np
import pandas as pd
import pyarrow.compute as pc
import pyarrow.dataset as ds

from sigmalake.errors import MissingRiskError
from sigmalake.numerics.factors import Factor, Kind, dense_exposures
from sigmalake.numerics.types import Floats
from sigmalake.reader.dates import date_index
from sigmalake.reader.factor_premia import READ, factor_return_frame
from sigmalake.reader.names import asset_ids, hints
from sigmalake.reader.storage.model_tables import EXPOSURE_COLUMNS, ModelTables, Row, values_of
from sigmalake.tables.packed import CROSS_SECTIONS, PANEL


def between(dated: str, start: date | None, end: date | None) -> ds.Expression | None:
    """The rows from one date to another, both included; None: all."""
    first = None if start is None else ds.field(dated) >= start
    last = None if end is None else ds.field(dated) <= end
    return first & last if first is not None and last is not None else last if first is None else first


def r2_series(tables: ModelTables) -> pd.Series:
    """R2 of every regression, by date; NaN: the date has none."""
    rows = tables.rows(CROSS_SECTIONS, ["date", "r2"]).sort_by("date")
    values = rows.column("r2").to_numpy().astype(float)
    return pd.Series(values, date_index(rows.column("date").to_pylist()), name="r2")


def factor_frame(tables: ModelTables) -> pd.DataFrame:
    """Factor returns, a row a date and a column a factor, fractions per period; NaN: not estimated."""
    return factor_return_frame(tables.rows(CROSS_SECTIONS, READ), tables.factor_sets).rename_axis(columns="factor")


def t_stat_frame(tables: ModelTables) -> pd.DataFrame:
    """Factor returns over their standard errors; NaN: not estimated, or without an error."""
    errors = std_error_frame(tables)
    return (factor_frame(tables) / errors.where(errors > 0)).rename_axis(columns="factor")


def std_error_frame(tables: ModelTables) -> pd.DataFrame:
    """Standard errors of the factor returns, shaped like `factor_frame`; NaN: none."""
    rows = tables.rows(CROSS_SECTIONS, [*READ[:2], "std_error"]).rename_columns(list(READ))
    return factor_return_frame(rows, tables.factor_sets).rename_axis(columns="factor")


def specific_return_frame(tables: ModelTables, start: date | None, end: date | None) -> pd.DataFrame:
    """Specific returns, a row a date and a column an asset, fractions per period; NaN: none, or not in the coverage."""
    columns = ["date", "asset_id", "specific_return"]
    rows = tables.rows(CROSS_SECTIONS, columns, between("date", start, end)).sort_by("date").combine_chunks()
    assets, values = (pc.list_flatten(rows.column(name)) for name in columns[1:])
    of_row = pc.list_parent_indices(rows.column("asset_id")).to_numpy()
    encoded = assets.combine_chunks().dictionary_encode()
    names = encoded.dictionary.to_pylist()
    order = np.argsort(np.array(names, dtype=object), kind="stable")
    place = np.empty(len(names), dtype=np.int64)
    place[order] = np.arange(len(names))
    wide = np.full((rows.num_rows, len(names)), np.nan)
    wide[of_row, place[encoded.indices.to_numpy()]] = values.to_numpy().astype(float)
    index = date_index(rows.column("date").to_pylist())
    return pd.DataFrame(wide, index, pd.Index([names[n] for n in order], name="asset_id", dtype=object))


def asset_exposure_frame(tables: ModelTables, asset: str | int, start: date | None, end: date | None) -> pd.DataFrame:
    """X of an asset, a row a date at whose close it is known and a column a factor; dates on which it has none are left out.

    Raises:
        MissingRiskError: there are no exposures of that asset.
    """
    known = partial(assets_of_newest, tables)
    (name,) = asset_ids([asset], "assets", known)
    history = _exposures_by_date(tables, name, start, end)
    if not history:
        raise MissingRiskError(f"no exposures of {name} from {start or 'the first'} to {end or 'the last'}{hints([name], known())}")
    names = list(dict.fromkeys(factor for exposures in history.values() for factor in exposures.index))
    values = np.array([exposures.reindex(names).to_numpy() for exposures in history.values()])
    return pd.DataFrame(values, date_index(history), pd.Index(names, name="factor", dtype=object))


def _exposures_by_date(tables: ModelTables, asset: str, start: date | None, end: date | None) -> dict[date, pd.Series]:
    days = [day for day in tables.dates_of(PANEL, "exposure_date") if _holds(day, start, end)]
    history = {}
    for day, row in tables.rows_by_date(PANEL, EXPOSURE_COLUMNS, "exposure_date", days):
        position = pc.index(row["asset_id"].values, asset).as_py()
        if position >= 0:
            factors = tables.factor_sets[row["factor_set"].as_py()]
            history[day] = pd.Series(_exposures_of(row, factors, position), [factor.name for factor in factors])
    return history


def assets_of_newest(tables: ModelTables) -> list[str]:
    """The assets of the newest cross-section."""
    days = tables.dates_of(PANEL, "exposure_date")
    row = tables.row(PANEL, ["asset_id"], {"exposure_date": days[-1]}) if days else None
    assets: list[str] = [] if row is None else row["asset_id"].as_py()
    return assets


def _exposures_of(row: Row, factors: Sequence[Factor], position: int) -> Floats:
    """(K,) exposures of one asset, from the packed form."""
    members, of_factors, shares = (values_of(row[f"member_{what}"]) for what in ("assets", "factors", "shares"))
    own = members == position
    n_styles = sum(factor.kind is Kind.STYLE for factor in factors)
    styles = values_of(row["styles"])[position * n_styles : (position + 1) * n_styles]
    X: Floats = dense_exposures(1, factors, members[own] - position, of_factors[own], shares[own], styles)
    own_exposures: Floats = X[0]
    return own_exposures


def _holds(day: date, start: date | None, end: date | None) -> bool:
    return (start is None or day >= start) and (end is None or day <= end)
