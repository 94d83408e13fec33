"""What a model forecasts: Sigma and Delta as of a date, over time, and how right they were."""

from datetime import date as Date  # the plain name is an argument
from typing import Literal

import pandas as pd
import pyarrow.dataset as ds

from sigmalake.errors import MissingRiskError
from sigmalake.reader.dates import Day, bounds
from sigmalake.reader.frames import of_a_date
from sigmalake.reader.frames.evaluation import EvaluationFrames, evaluation_frames, rolling_bias_frame
from sigmalake.reader.frames.forecasts import factor_vol_frame
from sigmalake.reader.model.opened import OpenedModel
from sigmalake.reader.risk_model import RiskModel
from sigmalake.reader.risk_rows import RISK_COLUMNS, SIGMA_COLUMNS, risk_model_of, sigma_frame
from sigmalake.reader.storage.model_tables import EXPOSURE_COLUMNS
from sigmalake.tables.packed import PANEL

_Wanted = tuple[int | None, int, Date | None, Date | None]  # rolling window, horizon, start, end


class Forecasts(OpenedModel):
    """Risk as it was forecast, and its evaluation."""

    _evaluation: tuple[_Wanted, EvaluationFrames] | None = None  # by what was wanted last

    def risk(
        self,
        date: Day | None = None,
        variant: str | None = None,
        *,
        asof: Day | None = None,
        exposures: Literal["known", "used"] = "known",
        horizon: float = 1,
        numeraire: str | None = None,
    ) -> RiskModel:
        """Sigma and Delta as of a date, with the exposures known then, or used in its regression.

        Args:
            date: as of this close; None for the model's newest.
            variant: None for the first of the configuration.
            asof: takes the last date on or before this day, in the place of `date`; the model's `date` says which.
            exposures: `known` at the close of `date`, or `used` to explain its returns.
            horizon: periods of the variant that the risk is for, see `frequency`. Sigma, Delta and the covariances of linked
                issues are stored for one, and multiplied by it, as if returns had no memory.
            numeraire: the currency that returns are counted in, a factor with a given return; None: that of the model. See
                `in_numeraire`.

        Raises:
            MissingRiskError: there is no such variant, date, Sigma or currency, or there are no exposures.
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
        found = risk_model_of(self._tables, row, panel, name, day).over(horizon)
        return found if numeraire is None else found.in_numeraire(numeraire)

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
        return factor_vol_frame(self._tables, self._rows.variant(variant), *bounds(start, end))

    def evaluation(
        self, rolling_window: int | None = None, *, horizon: int = 1, start: Day | None = None, end: Day | None = None
    ) -> pd.DataFrame:
        """How well the forecasts did, a row a kind of portfolio and variant; the columns are those of `KindMeasures`.

        What `sigmalake evaluate` wrote is no part of a release: these are the forecasts of the model's variants up to its newest
        date, as the table holds them now.

        Args:
            rolling_window: forecasts of a rolling bias; None: those of 12 months.
            horizon: periods that were forecast, one of `evaluate.horizons`; forecasts of several overlap.
            start: first as-of date of the forecasts, itself included; None: the first there is.
            end: last date of the returns that were forecast, itself included; None: the last there is.

        Raises:
            MissingRiskError: nothing was evaluated over this horizon, or nothing from `start` to `end`.
        """
        return self._evaluated(rolling_window, horizon, *bounds(start, end)).kinds.copy()

    def evaluation_by_portfolio(
        self, rolling_window: int | None = None, *, horizon: int = 1, start: Day | None = None, end: Day | None = None
    ) -> pd.DataFrame:
        """How well the forecasts did, a row a kind, variant and portfolio; the columns are those of `PortfolioMeasures`.

        Arguments and errors are those of `evaluation`.
        """
        return self._evaluated(rolling_window, horizon, *bounds(start, end)).portfolios.copy()

    def forecast_comparison(self, *, horizon: int = 1, start: Day | None = None, end: Day | None = None) -> pd.DataFrame:
        """Whether the variants' forecasts differ, a row a kind of portfolio and pair of variants; the columns of `Comparison`.

        The loss is QLIKE on the returns that all variants forecast; kinds whose portfolios depend on the variant are in no row,
        nor are variants of another frequency. Arguments and errors are those of `evaluation`.
        """
        return self._evaluated(None, horizon, *bounds(start, end)).comparisons.copy()

    def rolling_bias(
        self,
        variant: str | None = None,
        rolling_window: int | None = None,
        *,
        horizon: int = 1,
        start: Day | None = None,
        end: Day | None = None,
    ) -> pd.DataFrame:
        """Bias of the last forecasts, a row a date and a column a kind of portfolio: the mean over its portfolios.

        The rows begin where the first window is full. `attrs` names the variant and the window.

        Args:
            variant: None for the first of the configuration.
            rolling_window: forecasts; None: those of 12 months.
            horizon: periods that were forecast, one of `evaluate.horizons`.
            start: first date that is shown, itself included; its window may begin before. None: the first with a full window.
            end: last date of the returns that were forecast, itself included; None: the last there is.

        Raises:
            MissingRiskError: there is no such variant, or nothing was evaluated.
        """
        name = self._rows.variant(variant)
        first, last = bounds(start, end)
        where = self._forecasts_in(None, last) & (ds.field("variant") == name)
        whole = rolling_bias_frame(self._tables, where, rolling_window, horizon)
        if not len(whole.columns):
            raise MissingRiskError(self._not_evaluated(first, last, horizon))
        frame = whole if first is None else whole[whole.index >= pd.Timestamp(first)]
        frame.attrs = whole.attrs | {"variant": name}
        return frame

    def _forecasts_in(self, start: Date | None, end: Date | None) -> ds.Expression:
        last = self.as_of if end is None else min(end, self.as_of)
        found = ds.field("variant").isin(list(self.variants)) & (ds.field("return_date") <= last)
        return found if start is None else found & (ds.field("date") >= start)

    def _evaluated(self, rolling_window: int | None, horizon: int, start: Date | None, end: Date | None) -> EvaluationFrames:
        wanted = rolling_window, horizon, start, end
        if self._evaluation is None or self._evaluation[0] != wanted:
            by_month = [name for name in self.variants if self.frequency(name) == "month"]
            found = evaluation_frames(self._tables, self._forecasts_in(start, end), rolling_window, by_month, horizon)
            self._evaluation = wanted, found
        if self._evaluation[1].kinds.empty:
            raise MissingRiskError(self._not_evaluated(start, end, horizon))
        return self._evaluation[1]

    def _not_evaluated(self, start: Date | None, end: Date | None, horizon: int) -> str:
        saved = "save it, and " if self.packed.lake is None else ""
        span = f" from {start or 'the first date'} to {end or 'the last'}" if start or end else ""
        ahead = "" if horizon == 1 else f" over {horizon} periods"
        listed = "" if horizon == 1 else f" with {horizon} among `evaluate.horizons`"
        return f"{self._title}: no forecast{span}{ahead} has been evaluated yet; {saved}use `sigmalake evaluate`{listed}"
