"""Rows of the panel from checked source rows, and the source rows that packing rejects: a part is a run of dates.

What the driver knows of each panel row is shipped, some dozen bytes a date. A task holds the source rows of its dates.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import pyarrow as pa

from sigmalake.numerics.exposures.build_styles import StyleRecipe
from sigmalake.numerics.factors import Factor
from sigmalake.tables.declaration import Table
from sigmalake.tables.packed import PANEL
from sigmalake.tables.records import REJECTED_ROWS
from sigmalake.tasks.contract import Input, PartTask
from sigmalake.tasks.packing.conflicts import with_conflicts
from sigmalake.tasks.packing.packed_dates import PanelRow, pack_dates
from sigmalake.tasks.packing.whole_returns import whole_returns
from sigmalake.tasks.sources.checking import PROBLEMS, CheckedRows
from sigmalake.tasks.sources.rejected_rows import rejected_rows

_DATED = {"exposures": ("exposures_from",), "returns": ("return_date", "opening"), "caps": ("caps_from",)}
PANEL_ROWS = "panel rows"  # the role of the rows that were packed


def dates_of(side: str, rows: Sequence[PanelRow]) -> set[date]:
    """The dates of one side's source rows that some panel rows are made of."""
    return {day for row in rows for name in _DATED[side] if (day := getattr(row, name)) is not None}


@dataclass(frozen=True)
class PackPanel(PartTask):
    """The rows of `panel` of each part."""

    parts: Sequence[Sequence[PanelRow]]
    columns_of: Mapping[str, Sequence[str]]  # of each source that is packed, the columns that it gives
    sides: Mapping[str, Collection[str]]  # that each source feeds
    level_ranks: Sequence[dict[str, int]]  # of each membership group
    recipe: StyleRecipe | None  # of the styles; None where all are as given
    beside: Mapping[str, Sequence[Factor]]  # factor sets with factors whose returns are given beside the panel's
    into: Table = PANEL

    @property
    def n_parts(self) -> int:
        """As many files of the panel."""
        return len(self.parts)

    @property
    def inputs(self) -> Mapping[str, Input]:
        """The columns to pack of each source."""
        return {source: Input(None, tuple(columns), "date") for source, columns in self.columns_of.items()}

    def dates(self, part: int) -> Mapping[str, Sequence[date]]:
        """Those that the part's panel rows name."""
        rows = self.parts[part]
        return {source: sorted(set().union(*(dates_of(side, rows) for side in sides))) for source, sides in self.sides.items()}

    def __call__(self, part: int, inputs: Mapping[str, pa.Table]) -> pa.Table:
        """In the order of dates."""
        rows = pa.concat_tables(inputs.values(), promote_options="default")
        caps_apart = any("caps" in sides for sides in self.sides.values())
        found = pack_dates(rows, self.parts[part], self.level_ranks, self.recipe, caps_apart=caps_apart)
        return whole_returns(found.cast(self.into.arrow_schema()), self.beside)


@dataclass(frozen=True)
class RejectConflicts(PartTask):
    """The rows of `rejected_rows` that packing rejects: doubled keys, assets without a cap, styles too far out."""

    parts: Sequence[tuple[Sequence[PanelRow], Sequence[PanelRow]]]  # rows that were packed; these and others that share exposures
    columns_of: Mapping[str, Sequence[str]]  # of each side
    names: Mapping[str, str]  # of the sides in `rejected_rows`
    standardises: bool  # whether packing measured styles
    into: Table = REJECTED_ROWS

    @property
    def n_parts(self) -> int:
        """Runs of dates."""
        return len(self.parts)

    @property
    def inputs(self) -> Mapping[str, Input]:
        """The usable rows of each side, and what the packed rows say of styles."""
        found = {side: Input(None, tuple(columns), "date") for side, columns in self.columns_of.items()}
        if self.standardises:
            found[PANEL_ROWS] = Input(PANEL, ("exposure_date", "style_rejects"), "exposure_date")
        return found

    def dates(self, part: int) -> Mapping[str, Sequence[date]]:
        """Those that the part's panel rows name."""
        serving = self.parts[part][1]
        found = {side: sorted(dates_of(side, serving)) for side in self.columns_of}
        return {**found, PANEL_ROWS: sorted(row.exposure_date for row in serving)}

    def __call__(self, part: int, inputs: Mapping[str, pa.Table]) -> pa.Table:
        """Of the usable rows of a part."""
        plan, serving = self.parts[part]
        sides = {side: CheckedRows(inputs[side], PROBLEMS.empty_table()) for side in self.columns_of}
        found = with_conflicts(plan, serving, sides, inputs[PANEL_ROWS] if self.standardises else None)
        rejected = [rejected_rows(checked, self.names[side]) for side, checked in found.items()]
        return pa.concat_tables([self.into.arrow_schema().empty_table(), *rejected])
