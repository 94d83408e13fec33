"""The panel as arrays over dates and assets, for the peers that work on numpy."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray
from stage import Selection

Floats = NDArray[np.float64]


class Panel(NamedTuple):
    """D dates, N assets, I industries, S styles; exposures at t explain the return at t + 1."""

    dates: NDArray[np.datetime64]  # (D,)
    assets: list[str]  # (N,)
    industries: list[str]  # (I,)
    style_names: list[str]  # (S,)
    returns: Floats  # (D, N) NaN when missing
    caps: Floats  # (D, N) 0 for an asset without a row
    in_estimation: NDArray[np.bool_]  # (D, N)
    industry: NDArray[np.int64]  # (D, N) position in `industries`, -1 for an asset without a row
    styles: Floats  # (D, N, S) NaN for an asset without a row

    @property
    def factors(self) -> list[str]:
        """(K,) market, industries, styles."""
        return ["market", *self.industries, *self.style_names]

    @property
    def families(self) -> list[str]:
        """(K,) what kind each factor is."""
        return ["market", *["industry"] * len(self.industries), *["style"] * len(self.style_names)]


def read_rows(selection: Selection) -> pa.Table:
    """The selected rows, with the date before the first return, whose exposures explain it."""
    filters = []
    if selection.n_dates is not None:
        calendar = pc.unique(pq.read_table(selection.path, columns=["date"])["date"]).sort()
        filters.append(("date", ">=", calendar[max(0, len(calendar) - selection.n_dates - 1)]))
    if selection.n_assets is not None:
        names = pc.unique(pq.read_table(selection.path, columns=["asset_id"])["asset_id"].cast(pa.string())).sort()
        filters.append(("asset_id", "<=", names[min(selection.n_assets, len(names)) - 1]))
    return pq.read_table(selection.path, filters=filters or None)


def dense_panel(rows: pa.Table) -> Panel:
    """Spread the rows over dates x assets."""
    dates, at_date = np.unique(rows["date"].to_numpy(), return_inverse=True)
    assets, at_asset = _codes(rows["asset_id"])
    industries, industry_of_row = _codes(rows["industry"])
    style_names = sorted(name for name in rows.column_names if name.startswith("style_"))
    shape = dates.size, len(assets)

    def spread(name: str, missing: float) -> Floats:
        values = np.full(shape, missing)
        values[at_date, at_asset] = rows[name].cast(pa.float64()).to_numpy()
        return values

    industry = np.full(shape, -1)
    industry[at_date, at_asset] = industry_of_row
    styles = np.full((*shape, len(style_names)), np.nan)
    for position, name in enumerate(style_names):
        styles[at_date, at_asset, position] = rows[name].to_numpy()
    in_estimation = spread("in_estimation", 0.0) > 0
    returns, caps = spread("ret", np.nan), spread("cap", 0.0)
    return Panel(dates, assets, industries, style_names, returns, caps, in_estimation, industry, styles)


def exposures_of(panel: Panel) -> Floats:
    """(D, N, K) market, industries and styles; NaN for an asset without a row."""
    n_industries = len(panel.industries)
    exposures = np.full((*panel.industry.shape, len(panel.factors)), np.nan)
    at = np.nonzero(panel.industry >= 0)
    exposures[at] = 0.0
    exposures[*at, 0] = 1.0
    exposures[*at, 1 + panel.industry[at]] = 1.0
    exposures[:, :, 1 + n_industries :] = panel.styles
    return exposures


def fit_weights(panel: Panel) -> Floats:
    """(D - 1, N) square roots of the caps at t-1; 0 outside the estimation universe and where something is missing."""
    complete = np.isfinite(panel.returns[1:]) & np.isfinite(panel.styles[:-1]).all(axis=2)
    return np.where(panel.in_estimation[:-1] & complete, np.sqrt(panel.caps[:-1]), 0.0)


def write_wide(path: Path, dates: NDArray[np.datetime64], names: list[str], values: Floats) -> None:
    """A row for each date, a column for each name."""
    columns = {"date": pa.array(dates), **dict(zip(names, values.T, strict=True))}
    pq.write_table(pa.table(columns), path)


def _codes(column: pa.ChunkedArray) -> tuple[list[str], NDArray[np.int64]]:
    """The names in order, and the position of each row's name."""
    encoded = column.cast(pa.string()).combine_chunks().dictionary_encode()
    names, order = np.unique(encoded.dictionary.to_numpy(zero_copy_only=False).astype(str), return_inverse=True)
    return names.tolist(), order[encoded.indices.to_numpy()]
