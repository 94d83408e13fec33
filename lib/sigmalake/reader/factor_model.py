"""A factor model that was estimated: its tables as arrays and frames, from a release of a lake or from memory."""

from collections.abc import Sequence
from datetime import date as Date  # the plain name is an argument
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from sigmalake.errors import ConfigError, MissingRiskError
from sigmalake.reader.dates import Day, as_date, bounds
from sigmalake.reader.model.cross_sections import CrossSections
from sigmalake.reader.model.forecasts import Forecasts
from sigmalake.reader.model.portfolios import Portfolios
from sigmalake.reader.model.series import Series
from sigmalake.reader.plots.opening import plots_of
from sigmalake.reader.releases.comparison import Compared, ModelComparison, compare_models, unlike_dates
from sigmalake.reader.sql.connection import Queried, connect
from sigmalake.tables.views import Periods

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from sigmalake.reader.plots.model_plots import ModelPlots


class FactorModel(CrossSections, Series, Forecasts, Portfolios):
    """A factor model that was estimated, whatever its tables lie in.

    From a release, every table is read at the version that the release names, whatever the lake has become since. Dates may be
    given as ISO text, date, datetime, Timestamp or datetime64; frames by date have a DatetimeIndex called `date`. Where a variant
    is not named, it is the first of the configuration. Whole numbers are ids where the model's ids are digits.
    """

    @cached_property
    def plot(self) -> "ModelPlots":
        """The model's pictures, each a figure of plotly: `model.plot.factor_returns()`; docs/figures.md shows them all.

        Raises:
            InfrastructureError: plotly is not installed, which the extra `sigmalake[report]` brings.
        """
        return plots_of(self)

    def report(
        self,
        to: str | Path,
        *,
        start: Day | None = None,
        end: Day | None = None,
        variant: str | None = None,
        date: Day | None = None,
        factors: Sequence[str] = (),
    ) -> Path:
        """Write the report on the model to one HTML file that needs no network; an older file is replaced. See docs/report.md.

        The page is that of `sigmalake report`. A model in memory has no release before it, and no forecast that was evaluated.

        Args:
            to: the file; its name ends in .html.
            start: first date of the returns, itself included; None: the first there is.
            end: last date, itself included; None: the last there is.
            variant: whose risk is shown; None for the first of the configuration.
            date: of the scatter that is shown first; None: the newest.
            factors: the first of the menus; none: the most telling.

        Returns:
            The file.

        Raises:
            ConfigError: plotly is not installed, or the file cannot be written.
            MissingRiskError: no such variant, factor or date, or no regression from `start` to `end`.
        """
        # The page is made above this ring: it is loaded when one is wanted.
        build = import_module("sigmalake.report.page.build")
        day = None if date is None else as_date(date)
        written: Path = build.report_on(self, build.Wanted(Path(to), *bounds(start, end), variant, day, tuple(factors))).to
        return written

    def compared_with(self, earlier: "FactorModel", start: Day | None = None, end: Day | None = None) -> ModelComparison:
        """What moved from an earlier model to this one, number by number, by how much, and why; see `compare_models`.

        Args:
            earlier: another release of the same model, or another model with the same tables.
            start: first date, itself included; None: the first there is.
            end: last date, itself included; None: the last there is.
        """
        return compare_models(earlier._compared(), self._compared(), *bounds(start, end))

    def changed_dates(self, earlier: "FactorModel") -> list[Date]:
        """Dates of both models, ascending, on which this one rests on other inputs than the earlier one; see `unlike_dates`.

        Where none is listed, `compared_with` finds nothing up to the earlier model's last date, and reads far more.
        """
        return unlike_dates(earlier._compared(), self._compared(), earlier.as_of)

    def compared_variants(self, first: str, second: str, start: Day | None = None, end: Day | None = None) -> ModelComparison:
        """How Sigma and Delta of one variant differ from those of another; see `compare_models`.

        Raises:
            MissingRiskError: the model has no such variant.
        """
        one, other = (self._compared(self._rows.variant(name)) for name in (first, second))
        return compare_models(one, other, *bounds(start, end))

    def duckdb(self, *, locked: bool = False) -> "DuckDBPyConnection":
        """The model's tables and views in SQL: a connection of DuckDB, in memory and of this process alone.

        Each table of the release is there under its name, at the version that the release names, and the declared views beside
        them. `current_` before a name takes the last release that stands when the connection is made. The run ledger and what
        `evaluate` wrote are as they are now. A query reads the columns that it names, of the files that its dates leave.

            model.duckdb().sql("select factor, factor_return from factor_returns where date = '2024-03-28'").df()

        Args:
            locked: whether SQL is kept from files, the network, variables of Python, extensions and settings: for queries that
                others wrote.

        Raises:
            InfrastructureError: DuckDB, the extra `sigmalake[sql]`, is not installed.
        """
        return connect(self._queried(), self._queried_last(), locked=locked)

    def _queried(self) -> Queried:
        return Queried(self._tables.stored(), [Periods(name, self.frequency(name), self._a_year(name)) for name in self.variants])

    def _queried_last(self) -> Queried | None:
        """Of the last release; None where that is this model. Without tables where no release stands any more."""
        try:
            last = None if self._last is None else self._last()
        except MissingRiskError:
            return Queried({}, [])
        return None if last is None or last.release_id == self.release_id else last._queried()

    def _a_year(self, variant: str) -> float | None:
        try:
            return self.periods_per_year(variant)
        except ConfigError:
            return None

    def _compared(self, variant: str | None = None) -> Compared:
        name = variant or self.release_id or "the model in memory"
        return Compared(name, self.release_id, self._tables, variant, self.variants)
