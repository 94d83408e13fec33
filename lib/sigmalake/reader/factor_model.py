"""A factor model that was estimated: its tables as arrays and frames, from a release of a lake or from memory."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date as Date  # the plain name is an argument
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import pandas as pd
import pyarrow.dataset as ds

from sigmalake.errors import ConfigError, MissingRiskError
from sigmalake.numerics.windows.calendar import Frequency
from sigmalake.reader import dates
from sigmalake.reader.attribution import RealisedAttribution, attribute_returns
from sigmalake.reader.dates import Day, as_date, date_index
from sigmalake.reader.factor_premia import in_period, premia_frame
from sigmalake.reader.frames import of_a_date, over_dates
from sigmalake.reader.frames.evaluation import evaluation_frames, rolling_bias_frame
from sigmalake.reader.frames.forecasts import factor_vol_frame
from sigmalake.reader.frames.html import html_table
from sigmalake.reader.frames.partial_regression import (
    PANEL_COLUMNS,
    SECTION_COLUMNS,
    DateFit,
    date_fit,
    partial_frame,
)
from sigmalake.reader.frames.portfolios import contribution_frame, portfolio_risk_frame
from sigmalake.reader.frames.side_tables import coverage_frame, data_quality_frame, exposure_stability_frame, refuse_empty
from sigmalake.reader.holdings import Holdings, Missing
from sigmalake.reader.model_rows import ModelRows
from sigmalake.reader.plots.opening import plots_of
from sigmalake.reader.releases.comparison import Compared, ModelComparison, compare_models, unlike_dates
from sigmalake.reader.risk_model import RiskModel
from sigmalake.reader.risk_rows import RISK_COLUMNS, SIGMA_COLUMNS, risk_model_of, sigma_frame
from sigmalake.reader.sql.connection import Queried, connect
from sigmalake.reader.storage.model_tables import EXPOSURE_COLUMNS, ModelTables
from sigmalake.reader.storage.table_reader import TableReader
from sigmalake.tables.packed import PANEL, RISK_MODELS
from sigmalake.tables.views import Periods

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from sigmalake.reader.plots.model_plots import ModelPlots

_MONTHS_A_YEAR = 12.0


class FactorModel:
    """A factor model that was estimated, whatever its tables lie in.

    From a release, every table is read at the version that the release names, whatever the lake has become since. Dates may be
    given as ISO text, date, datetime, Timestamp or datetime64; frames by date have a DatetimeIndex called `date`. Where a variant
    is not named, it is the first of the configuration. Whole numbers are ids where the model's ids are digits.
    """

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
        self._evaluation: tuple[int | None, tuple[pd.DataFrame, pd.DataFrame]] | None = None  # by the window that was last wanted
        self._fit: DateFit | None = None  # the date that was read last: many factors of it are looked at
        named = "the model" if release_id is None else f"release {release_id}"
        self._rows = ModelRows(self._tables, named, as_of=as_of, variants=self.variants)

    def __repr__(self) -> str:
        return f"<{self._title}: {', '.join(self._listed_variants) or 'no variants'} as of {self.as_of}>"

    def _repr_html_(self) -> str:
        created = [] if self.created_at is None else [("created", f"{self.created_at:%Y-%m-%d %H:%M %Z}")]
        rows = [("as of", str(self.as_of)), *created, ("variants", ", ".join(self._listed_variants) or "none")]
        return html_table(self._title, rows)

    @cached_property
    def plot(self) -> "ModelPlots":
        """The model's pictures, each a figure of plotly: `model.plot.factor_returns()`; docs/figures.md shows them all.

        Raises:
            InfrastructureError: plotly is not installed, which the extra `sigmalake[report]` brings.
        """
        return plots_of(self)

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
            _MONTHS_A_YEAR
            if self.frequency(variant) == "month"
            else dates.periods_per_year(self._tables.dates_of(PANEL, "return_date"))
        )

    def panel(self, *, exposure_date: Day | None = None, return_date: Day | None = None) -> pd.DataFrame:
        """A date's cross-section, a row an asset: returns, caps, flags, and X, a column a factor.

        Columns that the model does not have (cap, weight, issuer_id) are left out. A factor that is called like one of them is
        prefixed with `factor.`. Both dates are in the frame's `attrs`.

        Args:
            exposure_date: close at which the exposures are known; with neither date, the model's newest.
            return_date: date of the returns that they explain.

        Raises:
            MissingRiskError: the panel has no such date.
        """
        if exposure_date is not None and return_date is not None:
            raise ValueError("give exposure_date or return_date, not both: each names one row of the panel")
        dated, day = ("exposure_date", exposure_date) if return_date is None else ("return_date", return_date)
        row = self._rows.panel(dated, self.as_of if day is None else as_date(day), of_a_date.PANEL_COLUMNS)
        return of_a_date.panel_frame(self._tables, row)

    def exposures(
        self,
        date: Day | None = None,
        *,
        asof: Day | None = None,
        asset: str | int | None = None,
        start: Day | None = None,
        end: Day | None = None,
    ) -> pd.DataFrame:
        """X as known at the close of a date, a row an asset; or of one asset over the dates, a row a date. A column a factor.

        Args:
            date: of the close; None for the model's newest. The frame's `attrs` name it.
            asof: takes the last date on or before this day, in the place of `date`.
            asset: of whom the history is wanted, in the place of a date; dates on which it has no exposures are left out.
            start: of an asset's history, itself included; None: the first there is.
            end: of an asset's history, itself included; None: the last there is.

        Raises:
            MissingRiskError: there are no exposures of that date or asset.
        """
        if asset is not None and (date is not None or asof is not None):
            raise ValueError("give date, asof or asset, not two of them: X is of all assets on a date, or of one over the dates")
        if asset is None and (start is not None or end is not None):
            raise ValueError("start and end bound the history of an asset; give asset, or a date")
        if asset is not None:
            return over_dates.asset_exposure_frame(self._tables, asset, *_bounds(start, end))
        day = self._rows.day(date, asof, lambda: self._tables.dates_of(PANEL, "exposure_date"))
        frame = of_a_date.exposure_frame(self._tables, self._rows.panel("exposure_date", day, EXPOSURE_COLUMNS))
        frame.attrs = {"date": day}
        return frame

    def exposure_moments(self, exposure_date: Day | None = None) -> pd.DataFrame:
        """How the styles of a date came about, a row a step, in the order in which they were taken.

        A style that is as given has no row. Columns: style, step, term, mean, sd, coefficient, n_values, n_changed, as in the
        table `exposure_moments`.

        Args:
            exposure_date: close at which the exposures are known; None for the model's newest.

        Raises:
            MissingRiskError: the panel has no such date.
        """
        day = self.as_of if exposure_date is None else as_date(exposure_date)
        return of_a_date.moments_frame(self._rows.panel("exposure_date", day, ["style_steps"]))

    def factor_returns(self) -> pd.DataFrame:
        """Factor returns, a row a date and a column a factor, fractions per period; NaN: not estimated."""
        return over_dates.factor_frame(self._tables)

    def t_stats(self) -> pd.DataFrame:
        """Factor returns over their standard errors, a row a date and a column a factor; NaN: not estimated."""
        return over_dates.t_stat_frame(self._tables)

    def std_errors(self) -> pd.DataFrame:
        """Standard errors of the factor returns, a row a date and a column a factor, fractions per period; NaN: none."""
        return over_dates.std_error_frame(self._tables)

    def r2(self) -> pd.Series:
        """R2 of every regression, by date; NaN: the date has none."""
        return over_dates.r2_series(self._tables)

    def specific_returns(self, start: Day | None = None, end: Day | None = None) -> pd.DataFrame:
        """Specific returns, a row a date and a column an asset, fractions per period; NaN: no return, or not in the coverage.

        Args:
            start: first date, itself included; None: the first there is.
            end: last date, itself included; None: the last there is.
        """
        return over_dates.specific_return_frame(self._tables, *_bounds(start, end))

    def factor_premia(self, start: Day | None = None, end: Day | None = None, lags: int | None = None) -> pd.DataFrame:
        """What each factor earned on average per period, with plain and Newey-West standard errors; see `fama_macbeth`.

        A row a factor. Columns: n_periods, first_date, last_date, mean, std_error, t_stat, nw_lags, nw_std_error, nw_t_stat.

        Args:
            start: first date of the returns, itself included; None for the model's first.
            end: last date, itself included; None for its last.
            lags: of Newey-West, periods; None: floor(4 (T / 100)^(2/9)), T being the number of dates.

        Raises:
            MissingRiskError: no regression from `start` to `end`.
            ValueError: lags below 0, or not below the number of dates.
        """
        return premia_frame(in_period(self.factor_returns(), *_bounds(start, end)), lags)

    def regression(self, day: Day) -> pd.DataFrame:
        """A date's regression, a row a factor: factor_return, std_error, t_stat, vif, n_members, status.

        NaN: not estimated, and status says why: empty, constant, collinear or thin; the date's status where the date failed.
        What is of the date is in the frame's `attrs`: date, status, detail, n_estimation, rank, dof, r2, adj_r2,
        r2_uncentred, residual_var, condition_number, market_return, n_reweighted, and outliers, a list of assets.

        Raises:
            MissingRiskError: no regression of that date.
        """
        return of_a_date.regression_frame(self._tables, self._rows.cross_section(day, of_a_date.REGRESSION_COLUMNS))

    def partial_regression(self, day: Day, factor: str) -> pd.DataFrame:
        """A factor of a date's regression as points about a line, a row an asset: exposure, ret, weight (0: not in the fit).

        The line is ret = intercept + slope * exposure, and its slope is the factor's return. Exposure and ret are the
        model's own where a line explains them: in a model of one factor, or of a market and one factor. Elsewhere both are
        what the other factors leave over in the weighted and constrained fit, see `partial_regression` of the numerics. Assets
        without a return have no row. In `attrs`: date, factor, group, kind, slope, std_error, intercept, adjusted, and
        slope_of_points: the points' own, which is the slope but for ridge and shrunk thin factors.

        Raises:
            MissingRiskError: no regression of that date, no such factor in it, or no return of its own.
        """
        if self._fit is None or self._fit.day != as_date(day):
            section = self._rows.cross_section(day, SECTION_COLUMNS)
            self._fit = date_fit(self._tables, self._rows.panel("return_date", section["date"].as_py(), PANEL_COLUMNS), section)
        return partial_frame(self._fit, factor)

    def coverage(self, start: Day | None = None, end: Day | None = None, variant: str | None = None) -> pd.DataFrame:
        """How many assets the model covers, a row a date.

        Columns: n_assets with exposures, n_returns of these with a return, n_fitted in the regression, n_with_risk with a
        specific variance as of the date (NaN: no risk model), n_rejected rows of the sources of that date.

        Args:
            start: first date, itself included; None: the first there is.
            end: last date, itself included; None: the last there is.
            variant: None for the first of the configuration.

        Raises:
            MissingRiskError: there is no such variant.
        """
        name = self._rows.variant(variant) if self.variants or variant else None
        return coverage_frame(self._tables, name, *_bounds(start, end))

    def data_quality(self, start: Day | None = None, end: Day | None = None) -> pd.DataFrame:
        """What the data of each date look like and what is hardly right about them: the rows of the table `data_quality`.

        A row a date, source and measure, with severity, value, n_checked, n_found and found; docs/quality.md says what each
        measure is.

        Args:
            start: first date, itself included; None: the first there is.
            end: last date, itself included; None: the last there is.

        Raises:
            MissingRiskError: there is no such row, or the model is older than the table.
        """
        frame = data_quality_frame(self._tables, *_bounds(start, end))
        return refuse_empty(frame, f"{self._title} has no rows of data_quality in the range", "`sigmalake run` writes them")

    def exposure_stability(self, start: Day | None = None, end: Day | None = None) -> pd.DataFrame:
        """Each style's correlation with itself a month before, a row a date and style: the rows of `exposure_stability`.

        Columns: exposure_date, style, before, correlation, n_common.

        Args:
            start: first date, itself included; None: the first there is.
            end: last date, itself included; None: the last there is.

        Raises:
            MissingRiskError: there is no such row: the model has no styles, or not two months that are over.
        """
        frame = exposure_stability_frame(self._tables, *_bounds(start, end))
        return refuse_empty(frame, f"{self._title} has no month-to-month correlation of styles", "it takes styles and two months")

    def cross_section(self, day: Day) -> pd.DataFrame:
        """A date's regression, a row an asset: specific and fitted return, universe flag, weight.

        Raises:
            MissingRiskError: no regression of that date.
        """
        return of_a_date.residual_frame(self._rows.cross_section(day, of_a_date.RESIDUAL_COLUMNS))

    def risk(
        self,
        date: Day | None = None,
        variant: str | None = None,
        *,
        asof: Day | None = None,
        exposures: Literal["known", "used"] = "known",
        horizon: float = 1,
    ) -> RiskModel:
        """Sigma and Delta as of a date, with the exposures known then, or used in its regression.

        Args:
            date: as of this close; None for the model's newest.
            variant: None for the first of the configuration.
            asof: takes the last date on or before this day, in the place of `date`; the model's `date` says which.
            exposures: `known` at the close of `date`, or `used` to explain its returns.
            horizon: periods of the variant that the risk is for, see `frequency`. Sigma, Delta and the covariances of linked
                issues are stored for one, and multiplied by it, as if returns had no memory.

        Raises:
            MissingRiskError: there is no such variant, date or Sigma, or there are no exposures.
            DataError: the horizon is not above 0.
        """
        if exposures not in {"known", "used"}:
            raise ValueError(f"exposures is {exposures!r}; give 'known' or 'used'")
        name, day, row = self._rows.risk(date, asof, variant, RISK_COLUMNS)
        dated = "exposure_date" if exposures == "known" else "return_date"
        panel = self._tables.row(PANEL, ["exposure_date", *EXPOSURE_COLUMNS], {dated: day})
        if panel is None or not len(panel["asset_id"]):
            raise MissingRiskError(
                f"no exposures known at {day}: the newest are older than the model allows; exposures='used' takes its regression's"
                if exposures == "known"
                else f"no exposures explain the returns of {day}; exposures='known' takes those known at its close"
            )
        return risk_model_of(self._tables, row, panel, name, day).over(horizon)

    def factor_cov(
        self,
        date: Day | None = None,
        variant: str | None = None,
        *,
        asof: Day | None = None,
        annualised: bool = False,
        periods_per_year: float | None = None,
    ) -> pd.DataFrame:
        """Sigma as of a date, a row and a column a factor, fraction^2 per period, or per year where `annualised`.

        Nothing stored is annualised. An annualised Sigma is Sigma times the periods per year that the calendar of returns tells
        (`periods_per_year`), as if returns had no memory. The frame's `attrs` name the date, the variant and the periods per year.

        Args:
            date: as of this close; None for the model's newest.
            variant: None for the first of the configuration.
            asof: takes the last date on or before this day, in the place of `date`.
            annualised: per year.
            periods_per_year: in the place of what the calendar tells.

        Raises:
            MissingRiskError: there is no such variant, date or Sigma.
            ConfigError: the calendar does not tell how many periods make a year.
        """
        name, day, row = self._rows.risk(date, asof, variant, SIGMA_COLUMNS)
        frame = sigma_frame(row)
        a_year = None
        if annualised:
            a_year = self.periods_per_year(name) if periods_per_year is None else periods_per_year
            frame *= a_year
        frame.attrs = {"date": day, "variant": name, "periods_per_year": a_year}
        return frame

    def specific_risk(self, date: Day | None = None, variant: str | None = None, *, asof: Day | None = None) -> pd.DataFrame:
        """Delta as of a date and the layers that it came from, a row an asset, fraction^2 per period of the variant.

        Columns: specific_var, source, n_obs, ts_var and, where the layers are on, structural_var, blend_weight, shrink_weight, as
        in the table `risk_models`. The frame's `attrs` name the date, the variant and the regime_multiplier, None where it is off.

        Args:
            date: as of this close; None for the model's newest.
            variant: None for the first of the configuration.
            asof: takes the last date on or before this day, in the place of `date`.

        Raises:
            MissingRiskError: there is no such variant, date or Sigma.
        """
        name, day, row = self._rows.risk(date, asof, variant, (*SIGMA_COLUMNS, *of_a_date.SPECIFIC_COLUMNS))
        frame = of_a_date.specific_frame(row)
        frame.attrs |= {"date": day, "variant": name}
        return frame

    def risk_diagnostics(self, date: Day | None = None, variant: str | None = None, *, asof: Day | None = None) -> pd.DataFrame:
        """What the estimators of a date's risk did, a row a name with its value and detail, as in the table `risk_diagnostics`.

        Arguments and errors are those of `specific_risk`.
        """
        name, day, row = self._rows.risk(date, asof, variant, (*SIGMA_COLUMNS, *of_a_date.DIAGNOSTIC_COLUMNS))
        frame = of_a_date.diagnostics_frame(row)
        frame.attrs = {"date": day, "variant": name}
        return frame

    def factor_vols(self, start: Day | None = None, end: Day | None = None, variant: str | None = None) -> pd.DataFrame:
        """Volatilities of the factors as they were forecast, a row an as-of date and a column a factor.

        Fractions per period of the variant, see `frequency`: the roots of Sigma's diagonal. NaN: the factor was not in Sigma.

        Args:
            start: first as-of date, itself included; None: the first there is.
            end: last as-of date, itself included; None: the last there is.
            variant: None for the first of the configuration.

        Raises:
            MissingRiskError: there is no such variant.
        """
        return factor_vol_frame(self._tables, self._rows.variant(variant), *_bounds(start, end))

    def evaluation(self, rolling_window: int | None = None) -> pd.DataFrame:
        """How well the forecasts did, a row a kind of portfolio and variant; the columns are those of `KindMeasures`.

        What `sigmalake evaluate` wrote is no part of a release: these are the forecasts of the model's variants up to its newest
        date, as the table holds them now.

        Args:
            rolling_window: forecasts of a rolling bias; None: those of 12 months.

        Raises:
            MissingRiskError: nothing was evaluated.
        """
        return self._evaluated(rolling_window)[0]

    def evaluation_by_portfolio(self, rolling_window: int | None = None) -> pd.DataFrame:
        """How well the forecasts did, a row a kind, variant and portfolio; the columns are those of `PortfolioMeasures`.

        Arguments and errors are those of `evaluation`.
        """
        return self._evaluated(rolling_window)[1]

    def rolling_bias(self, variant: str | None = None, rolling_window: int | None = None) -> pd.DataFrame:
        """Bias of the last forecasts, a row a date and a column a kind of portfolio: the mean over its portfolios.

        The rows begin where the first window is full. `attrs` names the variant and the window.

        Args:
            variant: None for the first of the configuration.
            rolling_window: forecasts; None: those of 12 months.

        Raises:
            MissingRiskError: there is no such variant, or nothing was evaluated.
        """
        name = self._rows.variant(variant)
        frame = rolling_bias_frame(self._tables, self._forecasts & (ds.field("variant") == name), rolling_window)
        if not len(frame.columns):
            raise MissingRiskError(self._not_evaluated)
        frame.attrs |= {"variant": name}
        return frame

    def portfolio_risk(
        self,
        portfolios: str | Sequence[str] | None = None,
        variant: str | None = None,
        *,
        start: Day | None = None,
        end: Day | None = None,
    ) -> pd.DataFrame:
        """The risk of your own portfolios, the books of `sources.books`, as the stage `portfolios` stored it; see docs/books.md.

        A row a date and book. Columns as in the table `portfolio_risk`, without arrays: volatilities are fractions per period.

        Args:
            portfolios: a book's name, or several; None: all.
            variant: None for the first of the configuration.
            start: first date, itself included; None: the first there is.
            end: last date, itself included; None: the last there is.

        Raises:
            MissingRiskError: there are no books, no such book, or no such variant.
        """
        chosen = [portfolios] if isinstance(portfolios, str) else portfolios
        return portfolio_risk_frame(self._tables, self._rows.variant(variant), chosen, *_bounds(start, end))

    def portfolio_contributions(
        self,
        portfolios: str | Sequence[str] | None = None,
        variant: str | None = None,
        *,
        start: Day | None = None,
        end: Day | None = None,
    ) -> pd.DataFrame:
        """Where the risk of the books comes from, by factor, by group of factors, and the specific part.

        A row a date, book, kind (`factor`, `group` or `specific`) and name. Columns: exposure, contribution, active_exposure,
        active_contribution. The contributions of factors and the specific one sum to `vol` of `portfolio_risk`, those of groups and
        the specific one, too; the active ones to `tracking_error`. Arguments and errors as of `portfolio_risk`.
        """
        chosen = [portfolios] if isinstance(portfolios, str) else portfolios
        return contribution_frame(self._tables, self._rows.variant(variant), chosen, *_bounds(start, end))

    @property
    def _forecasts(self) -> ds.Expression:
        return ds.field("variant").isin(list(self.variants)) & (ds.field("return_date") <= self.as_of)

    def _evaluated(self, rolling_window: int | None) -> tuple[pd.DataFrame, pd.DataFrame]:
        if self._evaluation is None or self._evaluation[0] != rolling_window:
            by_month = [name for name in self.variants if self.frequency(name) == "month"]
            self._evaluation = rolling_window, evaluation_frames(self._tables, self._forecasts, rolling_window, by_month)
        kinds, portfolios = self._evaluation[1]
        if kinds.empty:
            raise MissingRiskError(self._not_evaluated)
        return kinds.copy(), portfolios.copy()

    @property
    def _not_evaluated(self) -> str:
        saved = "save it, and " if self.place == "memory" else ""
        return f"{self._title}: no forecast has been evaluated yet; {saved}use `sigmalake evaluate`"

    def attribution(
        self,
        holdings: Holdings | pd.DataFrame,
        start: Day | None = None,
        end: Day | None = None,
        *,
        missing: Missing = "raise",
    ) -> RealisedAttribution:
        """Where the returns of holdings came from, from `start` to `end`, both included; see `attribute_returns`."""
        return attribute_returns(self._tables, holdings, *_bounds(start, end), missing)

    def compared_with(self, earlier: "FactorModel", start: Day | None = None, end: Day | None = None) -> ModelComparison:
        """What moved from an earlier model to this one, number by number, by how much, and why; see `compare_models`.

        Args:
            earlier: another release of the same model, or another model with the same tables.
            start: first date, itself included; None: the first there is.
            end: last date, itself included; None: the last there is.
        """
        return compare_models(earlier._compared(), self._compared(), *_bounds(start, end))

    def changed_dates(self, earlier: "FactorModel") -> list[Date]:
        """Dates, ascending, that an earlier model has too and of which a row was computed from something else; see `unlike_dates`.

        Where none is listed, `compared_with` finds nothing up to the earlier model's last date, and reads far more.
        """
        return unlike_dates(earlier._compared(), self._compared(), earlier.as_of)

    def compared_variants(self, first: str, second: str, start: Day | None = None, end: Day | None = None) -> ModelComparison:
        """How Sigma and Delta of one variant differ from those of another; see `compare_models`.

        Raises:
            MissingRiskError: the model has no such variant.
        """
        one, other = (self._compared(self._rows.variant(name)) for name in (first, second))
        return compare_models(one, other, *_bounds(start, end))

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


def _bounds(start: Day | None, end: Day | None) -> tuple[Date | None, Date | None]:
    return None if start is None else as_date(start), None if end is None else as_date(end)
