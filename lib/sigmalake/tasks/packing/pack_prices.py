"""Rows of prices from checked source rows, and what of the described sources is given more than once: a part is a run of dates."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import pyarrow as pa

from sigmalake.tables.declaration import Table
from sigmalake.tables.descriptors import PRICES
from sigmalake.tables.records import REJECTED_ROWS
from sigmalake.tasks.contract import Input, PartTask
from sigmalake.tasks.packing.packed_prices import pack_prices
from sigmalake.tasks.sources.check_source import CheckSource
from sigmalake.tasks.sources.checking import PROBLEMS, CheckedRows
from sigmalake.tasks.sources.duplicates import duplicates
from sigmalake.tasks.sources.rejected_rows import rejected_rows

SOURCE_ROWS = "source rows"  # the role of the usable rows of one source


@dataclass(frozen=True)
class PackPrices(PartTask):
    """The rows of `prices` of each part's dates."""

    parts: Sequence[Mapping[date, str]]  # hash of each date's row
    columns_read: tuple[str, ...]
    has_caps: bool  # whether the source has caps
    has_volumes: bool
    into: Table = PRICES

    @property
    def n_parts(self) -> int:
        """Runs of dates."""
        return len(self.parts)

    @property
    def inputs(self) -> Mapping[str, Input]:
        """The usable rows of prices."""
        return {SOURCE_ROWS: Input(None, self.columns_read, "date")}

    def dates(self, part: int) -> Mapping[str, Sequence[date]]:
        """The part's own."""
        return {SOURCE_ROWS: sorted(self.parts[part])}

    def __call__(self, part: int, inputs: Mapping[str, pa.Table]) -> pa.Table:
        """A row a date; one of which no source row can be used has empty arrays."""
        checked = CheckedRows(inputs[SOURCE_ROWS], PROBLEMS.empty_table())
        return pack_prices(checked, self.parts[part], has_caps=self.has_caps, has_volumes=self.has_volumes)


@dataclass(frozen=True)
class RejectRepeated(PartTask):
    """The rows of `rejected_rows` whose key is given more than once: of equal copies all but one, of unequal ones all."""

    parts: Sequence[Sequence[date]]
    source: str
    key: tuple[str, ...]
    columns_read: tuple[str, ...]
    into: Table = REJECTED_ROWS

    @property
    def n_parts(self) -> int:
        """Runs of dates."""
        return len(self.parts)

    @property
    def inputs(self) -> Mapping[str, Input]:
        """The usable rows of the source."""
        return {SOURCE_ROWS: Input(None, self.columns_read, "date")}

    def dates(self, part: int) -> Mapping[str, Sequence[date]]:
        """The part's own."""
        return {SOURCE_ROWS: self.parts[part]}

    def __call__(self, part: int, inputs: Mapping[str, pa.Table]) -> pa.Table:
        """Of the usable rows of a part."""
        del part
        checked = CheckedRows(inputs[SOURCE_ROWS], PROBLEMS.empty_table())
        return rejected_rows(checked.with_problems(duplicates(checked, self.key).problems()), self.source)


@dataclass(frozen=True)
class EachOnce:
    """The usable records of a source, each once; its raw rows are all of their dates."""

    check: CheckSource
    side: str
    usable: Callable[[CheckedRows], pa.Table]

    def schema(self, raw: pa.Schema) -> pa.Schema:
        """As `SourceTask`."""
        return self(raw.empty_table()).schema

    def __call__(self, raw: pa.Table) -> pa.Table:
        """As `SourceTask`."""
        return self.usable(self.check.checked(raw)[self.side])
