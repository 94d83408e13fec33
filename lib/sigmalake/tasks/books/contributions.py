"""Where the risk of books comes from, in rows: of rows of `portfolio_risk`, the parts by factor, by group, and the specific one.

The factors of each Sigma and the groups of the factors are shipped. A task holds the rows that it is given, and their long form.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sigmalake.numerics.types import Bools, Floats, Ints
from sigmalake.tables.books import PORTFOLIO_CONTRIBUTIONS, PORTFOLIO_RISK
from sigmalake.tables.declaration import Table
from sigmalake.tasks.arrays import as_array, flat_floats, numbers
from sigmalake.tasks.contract import Input, MapTask, no_rows, sorted_rows, table_of

RISK_ROWS = "portfolio_risk"  # the role
_ARRAYS = ("exposure", "contribution", "active_exposure", "active_contribution")
_SPECIFIC = (("specific_vol", "vol"), ("active_specific_vol", "tracking_error"))
_READ = ("variant", "date", "portfolio", "vol", "specific_vol", "tracking_error", "active_specific_vol", *_ARRAYS)


@dataclass(frozen=True)
class Contributions(MapTask):
    """The rows of `portfolio_contributions`, by date, variant and portfolio; of books that are not measured none."""

    factors: Mapping[tuple[str, date], Sequence[str]]  # of Sigma, by variant and date
    group_of: Mapping[str, str]
    detail: Literal["factors", "groups"]
    into: Table = PORTFOLIO_CONTRIBUTIONS

    @property
    def inputs(self) -> Mapping[str, Input]:
        """Rows of `portfolio_risk`."""
        return {RISK_ROWS: Input(PORTFOLIO_RISK, _READ, "date")}

    def __call__(self, rows: pa.Table) -> pa.Table:
        """For each book its factors, then the groups, then the specific part."""
        rows = sorted_rows(rows.select(list(_READ)), "date", "variant", "portfolio")
        rows = rows.filter(pc.is_valid(rows.column("vol"))).combine_chunks()
        found = [self._of_date(rows.slice(start, stop - start)) for start, stop in _runs(rows)]
        return pa.concat_tables(found) if found else no_rows(self.into)

    def _of_date(self, rows: pa.Table) -> pa.Table:
        """Of the rows of one variant and date."""
        key = rows.column("variant")[0].as_py(), rows.column("date")[0].as_py()
        names = list(self.factors[key])
        groups = list(dict.fromkeys(self.group_of[name] for name in names))
        sums = np.zeros((len(names), len(groups)))
        sums[np.arange(len(names)), [groups.index(self.group_of[name]) for name in names]] = 1.0
        shown = len(names) if self.detail == "factors" else 0
        n, width = rows.num_rows, shown + len(groups) + 1
        kinds = ["factor"] * shown + ["group"] * len(groups) + ["specific"]
        repeated = pa.array(np.repeat(np.arange(n), width))
        each = pa.array(np.tile(np.arange(width), n))
        columns: dict[str, object] = {name: rows.column(name).take(repeated) for name in ("variant", "date", "portfolio")}
        columns["kind"] = pa.array(kinds).take(each)
        columns["name"] = pa.array([*names[:shown], *groups, "specific"]).take(each)
        arrays = {name: _matrix(rows, name, len(names)) for name in _ARRAYS}
        for (total, whole), prefix in zip(_SPECIFIC, ("", "active_"), strict=True):
            values = arrays[f"{prefix}contribution"]
            specific = _specific(rows, total, whole)
            parts = np.column_stack([values[:, :shown], values @ sums, specific])
            columns[f"{prefix}contribution"] = numbers(parts.ravel())
            of_x = arrays[f"{prefix}exposure"][:, :shown]
            columns[f"{prefix}exposure"] = numbers(np.column_stack([of_x, np.full((n, len(groups) + 1), np.nan)]).ravel())
        return table_of(self.into, columns)


def _runs(rows: pa.Table) -> Iterator[tuple[int, int]]:
    """Where the rows of each variant and date begin and end."""
    if not rows.num_rows:
        return
    changes: Bools = np.ones(rows.num_rows, dtype=bool)
    variant = as_array(rows.column("variant")).dictionary_encode().indices.to_numpy()
    days = as_array(rows.column("date")).cast(pa.int32()).to_numpy()
    changes[1:] = (np.diff(variant) != 0) | (np.diff(days) != 0)
    starts: Ints = np.flatnonzero(changes)
    yield from zip(starts.tolist(), [*starts[1:].tolist(), rows.num_rows], strict=True)


def _matrix(rows: pa.Table, name: str, width: int) -> Floats:
    """(n, width) the arrays of a column; NaN where one is null."""
    there = as_array(rows.column(name)).is_valid().to_numpy(zero_copy_only=False)
    found = np.full((rows.num_rows, width), np.nan)
    found[there] = flat_floats(rows, name).reshape(-1, width)
    return found


def _specific(rows: pa.Table, specific: str, whole: str) -> Floats:
    """(n,) what the specific part contributes to a volatility: its variance over the volatility; 0 where there is none."""
    part, total = (as_array(rows.column(name)).to_numpy(zero_copy_only=False).astype(float) for name in (specific, whole))
    found: Floats = np.divide(part**2, total, out=np.where(np.isnan(total), np.nan, 0.0), where=total > 0)
    return found
