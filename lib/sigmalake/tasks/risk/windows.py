"""Sigma and Delta as of each date: chunks of as-of dates, each with the rows of its windows before it.

The calendar and its complete months, the variants and the factor sets are shipped. A task holds one chunk: (dates of the longest
window + dates of the chunk) x N numbers, for a variant of months a row a month beside them, and gives a row of `risk_models` a
variant and date. Exposures, caps and issuers are read only where a layer of Delta needs them: then a task also holds the packed
exposures of its as-of dates.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa

from sigmalake.config.variant import Variant
from sigmalake.numerics.factors import Factor
from sigmalake.numerics.specific_risk.layers import specific_history, specific_risk
from sigmalake.numerics.windows.calendar import Month
from sigmalake.tables.declaration import Table
from sigmalake.tables.packed import CROSS_SECTIONS, PANEL, RISK_MODELS
from sigmalake.tasks.chunks import AsOf, Chunk
from sigmalake.tasks.contract import Input, PartTask, no_rows
from sigmalake.tasks.risk.risk_rows import RiskRow, as_table
from sigmalake.tasks.risk.window_arrays import CAPS_BEFORE, HISTORY, KNOWN, Window, read_window
from sigmalake.tasks.risk.window_periods import by_date, by_month

_HISTORY = ("date", "factor_set", "factor_return", "factor_status", "asset_id", "specific_return")


@dataclass(frozen=True)
class EstimateWindows(PartTask):
    """The rows of `risk_models` of each chunk's variants and dates, by date and variant."""

    calendar: Sequence[date]  # dates of `cross_sections`
    chunks: Sequence[Chunk]
    variants: Mapping[str, Variant]  # estimators by name
    factor_sets: Mapping[str, Sequence[Factor]]  # what the arrays by factor mean
    months: Sequence[Month] = ()  # the calendar's complete ones, which a variant with `frequency: month` reads
    has_caps: bool = True  # the model's; without, every cap counts 1
    into: Table = RISK_MODELS

    @property
    def n_parts(self) -> int:
        """A part a chunk."""
        return len(self.chunks)

    @property
    def inputs(self) -> Mapping[str, Input]:
        """Cross-sections of the windows, the panel's rows of the as-of dates, and caps before the windows' dates where needed."""
        known = ("exposure_date", "factor_set", "asset_id", *known_columns(self.variants.values()))
        roles = {HISTORY: Input(CROSS_SECTIONS, _HISTORY, "date"), KNOWN: Input(PANEL, known, "exposure_date")}
        if self.has_caps and any(variant.specific_var.regime for variant in self.variants.values()):
            roles[CAPS_BEFORE] = Input(PANEL, ("return_date", "asset_id", "cap"), "return_date")
        return roles

    def dates(self, part: int) -> Mapping[str, Sequence[date]]:
        """Of a chunk."""
        window, as_of = (dates(self.calendar) for dates in (self.chunks[part].dates, self.chunks[part].as_of_dates))
        found = {HISTORY: window, KNOWN: as_of, CAPS_BEFORE: window}
        return {role: found[role] for role in self.inputs}

    def __call__(self, part: int, inputs: Mapping[str, pa.Table]) -> pa.Table:
        """Of a chunk, from the cross-sections of its windows and the coverage of its as-of dates."""
        chunk, rows = self.chunks[part], {role: self.rows_of(part, inputs, role) for role in self.inputs}
        history, known = rows[HISTORY], rows[KNOWN]
        window = read_window(history, known, rows.get(CAPS_BEFORE), chunk.first, self.factor_sets)
        as_of = [row for row in chunk.as_of if row.position in window.factor_sets]
        estimated = [
            row
            for name in sorted({row.variant for row in as_of})
            for row in _estimate_variant([row for row in as_of if row.variant == name], self.variants[name], window, self.months)
        ]
        estimated.sort(key=lambda row: (row.position, row.variant))
        return as_table(estimated, window.asset_ids, self.calendar) if estimated else no_rows(self.into)


def known_columns(variants: Collection[Variant]) -> list[str]:
    """The columns of `panel` at the as-of dates that the layers of Delta read, beside its assets."""
    layers = [variant.specific_var for variant in variants]
    columns = ["styles", "member_assets", "member_factors", "member_shares"] if any(d.reads_exposures for d in layers) else []
    columns += ["cap"] if any(d.reads_caps for d in layers) else []
    return columns + (["issuer_id"] if any(d.linked for d in layers) else [])


def _estimate_variant(as_of: Sequence[AsOf], variant: Variant, window: Window, months: Sequence[Month]) -> list[RiskRow]:
    positions = np.array([row.position for row in as_of], dtype=np.int64)
    periods = by_month(window, positions, months) if variant.by_month else by_date(window, positions)
    layers, gaps = variant.specific_var, periods.gaps
    history = specific_history(layers, periods.specific_returns, periods.newest, periods.caps_before)
    rows = []
    for number, row in enumerate(as_of):
        set_name, columns = window.factor_sets[row.position]
        end = int(periods.newest[number]) + 1
        read = slice(max(0, end - variant.factor_cov.look_back), end)
        names = [window.factors[column] for column in columns]
        sigma = variant.factor_cov.estimate(periods.factor_returns[read][:, columns], names)
        zero = [names[out.factor] for out in sigma.left_out if names[out.factor] in window.without_effect[row.position]]
        coverage = window.coverage(row.position, layers)
        delta = specific_risk(history, number, coverage)
        if gaps is not None:
            sigma = sigma.then(sigma.cov, *gaps.of_factors(read, columns, names))
            read = slice(max(0, end - layers.look_back), end)
            delta = delta._replace(diagnostics=(*delta.diagnostics, *gaps.of_assets(read, coverage.columns)))
        rows.append(
            RiskRow(
                row.variant, variant.frequency, row.position, row.inputs_hash, set_name, names, sigma, zero, coverage.columns, delta
            )
        )
    return rows
