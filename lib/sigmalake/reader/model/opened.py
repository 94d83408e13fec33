"""A model that was opened: its tables, its dates and what a period is. Its questions stand beside this module."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date as Date  # the plain name is an argument
from datetime import datetime
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow.dataset as ds

from sigmalake.numerics.windows.calendar import Frequency, periods_per_year
from sigmalake.reader.dates import date_index
from sigmalake.reader.frames.html import html_table
from sigmalake.reader.model_rows import ModelRows
from sigmalake.reader.storage.model_tables import ModelTables
from sigmalake.reader.storage.table_reader import TableReader
from sigmalake.tables.packed import PANEL, RISK_MODELS

if TYPE_CHECKING:
    from sigmalake.reader.factor_model import FactorModel

_MONTHS_A_YEAR = 12.0


class OpenedModel:
    """The tables of a model that was estimated, at the versions that belong together, and their dates."""

    def __init__(
        self,
        tables: TableReader,
        *,
        as_of: Date,
        variants: Sequence[str],
        release_id: str | None = None,
        created_at: datetime | None = None,
        versions: Mapping[str, int] | None = None,
        last: "Callable[[], FactorModel] | None" = None,
    ) -> None:
        """A model on tables.

        Args:
            tables: what gives the rows.
            as_of: newest date of the model.
            variants: in the order of the configuration; the first is the default.
            release_id: None: it was not released.
            created_at: when it became known; None: it was not released.
            versions: of each table; None: they have none.
            last: opens the last release of the lake; None: this model is the last of its kind.
        """
        self._last = last
        self.release_id = release_id
        self.as_of = as_of
        self.created_at = created_at
        self.variants: tuple[str, ...] = tuple(variants)
        self.tables: dict[str, int] = dict(versions or {})
        self._tables = ModelTables(tables)
        named = "the model" if release_id is None else f"release {release_id}"
        self._rows = ModelRows(self._tables, named, as_of=as_of, variants=self.variants)

    def __repr__(self) -> str:
        return f"<{self._title}: {', '.join(self._listed_variants) or 'no variants'} as of {self.as_of}>"

    def _repr_html_(self) -> str:
        created = [] if self.created_at is None else [("created", f"{self.created_at:%Y-%m-%d %H:%M %Z}")]
        rows = [("as of", str(self.as_of)), *created, ("variants", ", ".join(self._listed_variants) or "none")]
        return html_table(self._title, rows)

    @property
    def packed(self) -> ModelTables:
        """The tables as they are stored, by the row: for those who know their columns, see docs/tables.md."""
        return self._tables

    def dates(self, variant: str | None = None) -> pd.DatetimeIndex:
        """The dates of a variant's risk models, ascending."""
        return date_index(self._rows.risk_dates(self._rows.variant(variant)))

    def frequency(self, variant: str | None = None) -> Frequency:
        """What a period of a variant is, for which its risk and horizon are: `month`, or `period`, a step of the calendar."""
        wanted = ds.field("variant") == self._rows.variant(variant)
        rows = self._tables.rows(RISK_MODELS, ["date", "frequency"], wanted).sort_by("date")
        return rows.column("frequency")[-1].as_py() or "period" if rows.num_rows else "period"

    def calendar(self) -> pd.DatetimeIndex:
        """The dates of the returns, ascending."""
        return date_index(self._tables.dates_of(PANEL, "return_date"))

    def periods_per_year(self, variant: str | None = None) -> float:
        """Periods of a variant in a year: 12 months, or what the calendar of returns tells, 252, 52, 12 or 4.

        Raises:
            ConfigError: the dates of the returns are no days, weeks, months or quarters.
        """
        return (
            _MONTHS_A_YEAR if self.frequency(variant) == "month" else periods_per_year(self._tables.dates_of(PANEL, "return_date"))
        )

    @property
    def place(self) -> str:
        """The folder or URI of the lake; `memory` where the tables lie there."""
        return self._tables.place

    @property
    def _title(self) -> str:
        return "model in memory" if self.release_id is None else f"release {self.release_id} of {self._tables.place}"

    @property
    def _listed_variants(self) -> list[str]:
        first, *others = self.variants or ("",)
        return [f"{first} (default)", *others] if others else [first] if first else []
