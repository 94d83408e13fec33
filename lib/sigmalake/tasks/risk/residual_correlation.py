"""What specific returns have in common: chunks of month ends, each with the cross-sections of its windows.

The calendar, the month ends' chunks, the rules and the factor sets are shipped. A task holds one chunk: (dates of a window + dates
of the chunk) x N residuals and the packed exposures of its month ends, and gives a row of `residual_correlation` a month end.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from sigmalake.numerics.factors import Factor, factor_layout
from sigmalake.numerics.specific_risk.residual_correlation import (
    PairMeans,
    ResidualCorrelation,
    ResidualRules,
    residual_correlation,
)
from sigmalake.numerics.types import Floats, Ints
from sigmalake.tables.declaration import Table
from sigmalake.tables.long import RESIDUAL_CORRELATION
from sigmalake.tables.packed import CROSS_SECTIONS, PANEL
from sigmalake.tasks.arrays import finite_numbers, number_lists
from sigmalake.tasks.chunks import Chunk, first_row
from sigmalake.tasks.contract import Input, PartTask, table_of
from sigmalake.tasks.panel_rows import EXPOSURES, read_panel_rows
from sigmalake.tasks.risk.window_arrays import HISTORY, KNOWN, asset_codes, by_row_and_asset


class _Known(NamedTuple):
    """X known at a month's end."""

    assets: Ints  # (N,) codes
    factors: Sequence[Factor]
    exposures: Floats  # (N, K)


_NOBODY = _Known(np.empty(0, dtype=np.int64), (), np.empty((0, 0)))


@dataclass(frozen=True)
class CorrelateResiduals(PartTask):
    """The rows of `residual_correlation` of some month ends, by date."""

    calendar: Sequence[date]  # dates of `cross_sections`
    chunks: Sequence[Chunk]
    rules: ResidualRules
    factor_sets: Mapping[str, Sequence[Factor]]  # what the arrays by factor mean
    into: Table = RESIDUAL_CORRELATION

    @property
    def n_parts(self) -> int:
        """How many parts there are: one for each chunk."""
        return len(self.chunks)

    @property
    def inputs(self) -> Mapping[str, Input]:
        """Cross-sections of the windows, and the panel's rows of the month ends."""
        known = ("exposure_date", "factor_set", "asset_id", *EXPOSURES)
        return {
            HISTORY: Input(CROSS_SECTIONS, ("date", "asset_id", "specific_return"), "date"),
            KNOWN: Input(PANEL, known, "exposure_date"),
        }

    def dates(self, part: int) -> Mapping[str, Sequence[date]]:
        """The dates of each input that a chunk of month ends reads."""
        return {HISTORY: self.chunks[part].dates(self.calendar), KNOWN: self.chunks[part].as_of_dates(self.calendar)}

    def __call__(self, part: int, inputs: Mapping[str, pa.Table]) -> pa.Table:
        """Of the month ends of a chunk that have a cross-section; one without exposures has a row without numbers."""
        chunk, rows = self.chunks[part], {role: self.rows_of(part, inputs, role) for role in self.inputs}
        ids, codes = asset_codes([rows[HISTORY], rows[KNOWN]])
        residuals = by_row_and_asset(
            rows[HISTORY], codes[0], "specific_return", chunk.first, (chunk.last - chunk.first + 1, len(ids))
        )
        known, here = self._known(rows[KNOWN], codes[1]), set(rows[HISTORY].column("position").to_pylist())
        as_of = [row for row in chunk.as_of if row.position in here]
        found = [self._tested(residuals, row.position, chunk.first, known.get(row.position, _NOBODY)) for row in as_of]
        names = [np.array(ids)[known.get(row.position, _NOBODY).assets] for row in as_of]
        return table_of(
            self.into,
            {
                "date": [self.calendar[row.position] for row in as_of],
                "inputs_hash": [row.inputs_hash for row in as_of],
                "leading": [_leading(one, of) for one, of in zip(found, names, strict=True)],
                "within": [_within(one, known.get(row.position, _NOBODY)) for one, row in zip(found, as_of, strict=True)],
                **_numbers(found),
            },
        )

    def _known(self, rows: pa.Table, codes: Ints) -> dict[int, _Known]:
        """The assets, factors and X of each month end, by its position in the calendar."""
        panel = read_panel_rows(rows)
        by_row = np.split(codes, np.cumsum(panel.n_assets)[:-1])
        found = {}
        for row, position in enumerate(rows.column("position").to_pylist()):
            factors = self.factor_sets[panel.factor_set[row]]
            found[position] = _Known(by_row[row], factors, panel.exposures(row, factors))
        return found

    def _tested(self, residuals: Floats, position: int, first: int, known: _Known) -> ResidualCorrelation:
        window = residuals[first_row(position, self.rules.window) - first : position - first + 1]
        groups = np.flatnonzero(factor_layout(tuple(known.factors)).is_membership)
        of_assets = window[:, known.assets]
        if np.isfinite(of_assets).any(axis=1).sum() < self.rules.fewest_periods:
            of_assets = np.full_like(of_assets, np.nan)  # too few dates with residuals: a row without numbers
        return residual_correlation(of_assets, known.exposures, groups)


def _numbers(found: Sequence[ResidualCorrelation]) -> dict[str, object]:
    return {
        "n_assets": [one.n_assets for one in found],
        "n_periods": [one.n_periods for one in found],
        "n_free": [one.free for one in found],
        "eigenvalues": number_lists([one.eigenvalues for one in found]),
        "edge": finite_numbers([one.edge for one in found]),
        "n_above": [one.n_above for one in found],
        "mean_correlation": finite_numbers([one.pairs.correlation for one in found]),
        "mean_squared": finite_numbers([one.pairs.squared for one in found]),
        "expected_squared": finite_numbers([one.pairs.expected_squared for one in found]),
    }


def _leading(found: ResidualCorrelation, ids: np.ndarray) -> list[dict[str, object]]:
    pairs = zip(ids[found.leading].tolist(), found.leading_correlation.tolist(), strict=True)
    return [{"asset_id": asset, "correlation": correlation} for asset, correlation in pairs]


def _within(found: ResidualCorrelation, known: _Known) -> list[dict[str, object]]:
    return [
        {
            "factor_group": known.factors[k].group,
            "factor": known.factors[k].name,
            "n_members": found.members[k],
            **_means(pairs),
        }
        for k, pairs in found.groups.items()
    ]


def _means(pairs: PairMeans) -> dict[str, float | None]:
    names = ("mean_correlation", "mean_squared", "expected_squared")
    return {name: value if np.isfinite(value) else None for name, value in zip(names, pairs, strict=True)}
