"""Each style's correlation with itself a month before: chunks of month ends, each with the one before its first.

The month ends and the factor sets are shipped. A task holds the panel's rows of one chunk, and gives a row a style and date.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from sigmalake.numerics.exposures.stability import exposure_stability
from sigmalake.numerics.factors import Factor, Kind
from sigmalake.numerics.regression.rules import RegressionWeights
from sigmalake.numerics.types import Floats, Ints
from sigmalake.numerics.weights import regression_weights
from sigmalake.tables.declaration import Table
from sigmalake.tables.long import EXPOSURE_STABILITY
from sigmalake.tables.packed import PANEL
from sigmalake.tasks.arrays import as_array, finite_numbers, ranked_ids
from sigmalake.tasks.chunks import AsOf, Chunk
from sigmalake.tasks.contract import Input, PartTask, table_of
from sigmalake.tasks.panel_rows import read_panel_rows

DATES_A_CHUNK = 12  # with the one before them
PANEL_ROWS = "panel"  # the role of the rows that are correlated

_READ = ("exposure_date", "factor_set", "asset_id", "cap", "weight_column", "in_estimation", "styles")


@dataclass(frozen=True)
class CorrelateStyles(PartTask):
    """The rows of `exposure_stability` of some month ends, by date, and the styles of a date in their order."""

    calendar: Sequence[date]  # month ends
    chunks: Sequence[Chunk]  # a date reads its own row and the one before
    weighting: RegressionWeights  # the regression's
    factor_sets: Mapping[str, Sequence[Factor]]  # what the arrays by factor mean
    into: Table = EXPOSURE_STABILITY

    @property
    def n_parts(self) -> int:
        """A part a chunk."""
        return len(self.chunks)

    @property
    def inputs(self) -> Mapping[str, Input]:
        """The panel's rows of month ends."""
        return {PANEL_ROWS: Input(PANEL, _READ, "exposure_date")}

    def dates(self, part: int) -> Mapping[str, Sequence[date]]:
        """Of a chunk, and the one before its first."""
        return {PANEL_ROWS: self.chunks[part].dates(self.calendar)}

    def __call__(self, part: int, inputs: Mapping[str, pa.Table]) -> pa.Table:
        """Of the dates of a chunk that have a row, as has the month end before."""
        sections = _sections(self.rows_of(part, inputs, PANEL_ROWS), self.weighting, self.factor_sets)
        pairs = [
            _correlate(row, sections[row.position], sections[row.position - 1])
            for row in self.chunks[part].as_of
            if {row.position, row.position - 1} <= sections.keys()
        ]
        found = [style for pair in pairs for style in pair]
        columns: dict[str, object] = {
            "exposure_date": [self.calendar[style.position] for style in found],
            "style": [style.name for style in found],
            "before": [self.calendar[style.position - 1] for style in found],
            "correlation": finite_numbers([style.correlation for style in found]),
            "n_common": [style.n_common for style in found],
            "inputs_hash": [style.inputs_hash for style in found],
        }
        return table_of(self.into, columns)


class _Section(NamedTuple):
    """One date's styles."""

    assets: Ints  # (N,) codes, each once
    weights: Floats  # (N,)
    styles: list[str]
    exposures: Floats  # (N, S)


class _Style(NamedTuple):
    """A style of a date beside itself a month before."""

    position: int
    name: str
    correlation: float
    n_common: int
    inputs_hash: str


def _correlate(row: AsOf, now: _Section, before: _Section) -> list[_Style]:
    styles = [style for style in now.styles if style in before.styles]
    _, here, there = np.intersect1d(now.assets, before.assets, assume_unique=True, return_indices=True)
    one, other = _of_styles(now, here, styles), _of_styles(before, there, styles)
    found = exposure_stability(one, other, now.weights[here])
    correlations = zip(styles, found.correlation.tolist(), strict=True)
    return [_Style(row.position, style, correlation, found.n_common, row.inputs_hash) for style, correlation in correlations]


def _of_styles(section: _Section, assets: Ints, styles: Sequence[str]) -> Floats:
    return section.exposures[assets][:, [section.styles.index(style) for style in styles]]


def _sections(rows: pa.Table, weighting: RegressionWeights, factor_sets: Mapping[str, Sequence[Factor]]) -> dict[int, _Section]:
    """By position. Ids become integers in the order of ids, so that sums do not depend on what else a chunk holds."""
    panel = read_panel_rows(rows)
    _, codes = ranked_ids([as_array(rows.column("asset_id")).flatten()])
    found = {}
    for row, position in enumerate(rows.column("position").to_pylist()):
        n, end = int(panel.n_assets[row]), int(panel.n_assets[: row + 1].sum())
        styles = [factor.name for factor in factor_sets[panel.factor_set[row]] if factor.kind is Kind.STYLE]
        weights = regression_weights(weighting, panel.caps(row), panel.weight_column(row), panel.in_estimation(row))
        exposures = panel.lists["styles"].row(row).reshape(n, len(styles))
        found[position] = _Section(codes[end - n : end], weights, styles, exposures)
    return found
