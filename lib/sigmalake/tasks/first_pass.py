"""The second of two passes: variances from the first pass's rows before a date, and the regressions that they weigh.

The calendar of return dates and what `FitDates` takes are shipped. A task holds one chunk: (look_back + dates of the chunk) x N
residuals, the panel's rows of the chunk, and one X at a time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa

from sigmalake.numerics.specific_risk.layered import LayeredSpecificVar
from sigmalake.tables.declaration import Table
from sigmalake.tables.packed import CROSS_SECTIONS, FIRST_PASS, PANEL
from sigmalake.tasks.arrays import lengths, lists, numbers
from sigmalake.tasks.chunks import Chunk
from sigmalake.tasks.contract import Input, PartTask, no_rows
from sigmalake.tasks.regression import READ, FitDates
from sigmalake.tasks.risk.window_arrays import HISTORY, KNOWN, asset_codes, by_row_and_asset


@dataclass(frozen=True)
class FitSecondPass(PartTask):
    """The rows of `cross_sections` of a chunk's dates, weighted by the specific variances known one date before each."""

    calendar: Sequence[date]  # return dates
    chunks: Sequence[Chunk]  # a date reads the `look_back` positions before its own
    fit: FitDates  # whose rules have two passes
    into: Table = CROSS_SECTIONS

    @property
    def n_parts(self) -> int:
        """A part a chunk."""
        return len(self.chunks)

    @property
    def inputs(self) -> Mapping[str, Input]:
        """The first pass's rows of the windows, and the panel's of the dates."""
        history = Input(FIRST_PASS, ("date", "asset_id", "specific_return"), "date")
        return {HISTORY: history, KNOWN: Input(PANEL, READ, "return_date")}

    def dates(self, part: int) -> Mapping[str, Sequence[date]]:
        """Of a chunk."""
        chunk = self.chunks[part]
        return {HISTORY: chunk.dates(self.calendar), KNOWN: chunk.as_of_dates(self.calendar)}

    def __call__(self, part: int, inputs: Mapping[str, pa.Table]) -> pa.Table:
        """By date."""
        history, known = (self.rows_of(part, inputs, role) for role in (HISTORY, KNOWN))
        if not known.num_rows:
            return no_rows(self.into)
        two_pass = self.fit.rules.two_pass
        if two_pass is None:
            raise ValueError("the rules of a second pass have `weights: inverse_specific_var`")
        found = variances_before(history, known, self.chunks[part], two_pass.estimator())
        return self.fit(known.append_column("specific_var", found))


def variances_before(history: pa.Table, known: pa.Table, chunk: Chunk, estimator: LayeredSpecificVar) -> pa.Array:
    """Delta as of the date before each of the known rows, in the order of its assets; null: too short a history.

    Args:
        history: rows of `first_pass` by `position`.
        known: rows of `panel` by `position`.
        chunk: whose windows are read.
        estimator: of the two passes.
    """
    ids, (before, now) = asset_codes([history, known])
    position = known.column("position").to_numpy().astype(np.int64)
    shape = (chunk.last - chunk.first + 1, len(ids))
    specific = by_row_and_asset(history, before, "specific_return", chunk.first, shape)
    has_past = position > 0
    var = np.full((len(position), len(ids)), np.nan)
    var[has_past] = estimator.time_series(specific, position[has_past] - 1 - chunk.first).var
    counts = lengths(known, "asset_id")
    return lists(numbers(var[np.repeat(np.arange(len(position)), counts), now]), counts)
