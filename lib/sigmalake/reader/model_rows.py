"""The rows of a model by date and variant: which one is meant, and what is there where it is missing."""

from collections.abc import Callable, Sequence
from datetime import date as Date  # the plain name is an argument

import pyarrow.dataset as ds

from sigmalake.errors import MissingRiskError
from sigmalake.reader.dates import Day, as_date, last_until, nearest
from sigmalake.reader.names import hints
from sigmalake.reader.risk_rows import check_sigma
from sigmalake.reader.storage.model_tables import ModelTables, Row
from sigmalake.tables.packed import CROSS_SECTIONS, PANEL, RISK_MODELS


class ModelRows:
    """Rows of `panel`, `cross_sections` and `risk_models`; one that is missing is an error that names the nearest there are."""

    def __init__(self, tables: ModelTables, named: str, *, as_of: Date, variants: Sequence[str]) -> None:
        """The rows of a model.

        Args:
            tables: of the model.
            named: what a message calls the model.
            as_of: newest date of the model, which is meant where none is named.
            variants: the first is meant where none is named.
        """
        self._tables, self._named, self._as_of, self._variants = tables, named, as_of, variants

    def panel(self, dated: str, day: Date, columns: Sequence[str]) -> Row:
        """The cross-section of a date.

        Args:
            dated: which date, `exposure_date` or `return_date`.
            day: that date.
            columns: to read.

        Raises:
            MissingRiskError: the panel has no such date.
        """
        row = self._tables.row(PANEL, columns, {dated: day})
        if row is None:
            raise MissingRiskError(f"the panel has no {dated} {day}; {nearest(day, self._tables.dates_of(PANEL, dated))}")
        return row

    def cross_section(self, day: Day, columns: Sequence[str]) -> Row:
        """The regression of a date.

        Raises:
            MissingRiskError: there is none.
        """
        wanted = as_date(day)
        row = self._tables.row(CROSS_SECTIONS, columns, {"date": wanted})
        if row is None:
            known = self._tables.dates_of(CROSS_SECTIONS, "date")
            raise MissingRiskError(f"no regression of {wanted}; {nearest(wanted, known)}")
        return row

    def risk(self, date: Day | None, asof: Day | None, variant: str | None, columns: Sequence[str]) -> tuple[str, Date, Row]:
        """Variant, date and row of a risk model that has a Sigma.

        Raises:
            MissingRiskError: there is no such variant, date or Sigma.
        """
        name = self.variant(variant)
        day = self.day(date, asof, lambda: self.risk_dates(name))
        row = self._tables.row(RISK_MODELS, columns, {"variant": name, "date": day})
        if row is None:
            known = self.risk_dates(name)
            earlier = last_until(known, day)
            hint = "" if earlier is None else f"; asof='{day}' takes {earlier}"
            raise MissingRiskError(f"{name} has no risk model as of {day}; {nearest(day, known)}{hint}")
        check_sigma(row, name, day)
        return name, day, row

    def risk_dates(self, variant: str) -> list[Date]:
        """The dates of a variant's risk models, ascending."""
        rows = self._tables.rows(RISK_MODELS, ["date"], ds.field("variant") == variant)
        days: list[Date] = rows.column("date").to_pylist()
        return sorted(days)

    def day(self, date: Day | None, asof: Day | None, known: Callable[[], list[Date]]) -> Date:
        """The date that is named, the last known one on or before a day, or the newest of the model.

        Raises:
            MissingRiskError: no date is known on or before `asof`.
        """
        if date is not None and asof is not None:
            raise ValueError("give date or asof, not both: asof takes the last date on or before it")
        if asof is None:
            return self._as_of if date is None else as_date(date)
        day = as_date(asof)
        latest = last_until(known(), day)
        if latest is None:
            raise MissingRiskError(f"nothing is known as of {day}; {nearest(day, known())}")
        return latest

    def variant(self, requested: str | None) -> str:
        """The variant that is named, or the first.

        Raises:
            MissingRiskError: the model has no such variant, or none at all.
        """
        if not self._variants:
            raise MissingRiskError(f"{self._named} has no risk models: the configuration named no variant under risk")
        if requested is None:
            return self._variants[0]
        if requested not in self._variants:
            listed = ", ".join(self._variants)
            near = hints([requested], self._variants)
            raise MissingRiskError(f"{self._named} has no variant {requested}; it has {listed}{near}")
        return requested
