"""`model.plot`: the pictures of a model, each a figure of plotly, which a notebook shows and `write_html` keeps."""

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from plotly.graph_objects import Figure

from sigmalake.errors import ConfigError, MissingRiskError
from sigmalake.figures.data.changes import changes_figure
from sigmalake.figures.data.coverage import coverage_figure
from sigmalake.figures.data.data_quality import data_quality_figure
from sigmalake.figures.data.exposure_stability import exposure_stability_figure
from sigmalake.figures.regressions.factor_returns import factor_returns_figure
from sigmalake.figures.regressions.factor_strength import factor_strength_figure, strengths
from sigmalake.figures.regressions.r2 import r2_figure
from sigmalake.figures.regressions.scatter import scatter_figure
from sigmalake.figures.regressions.slope import slope_figure
from sigmalake.figures.regressions.t_stats import t_stats_figure
from sigmalake.figures.risk.calibration import calibration_figure
from sigmalake.figures.risk.correlations import correlations_figure
from sigmalake.figures.risk.covariance import covariance_figure
from sigmalake.figures.risk.portfolio_risk import portfolio_risk_figure
from sigmalake.figures.risk.residual_correlation import residual_correlation_figure
from sigmalake.figures.risk.specific_risk import specific_risk_figure
from sigmalake.numerics.evaluation.forecast_measures import bias_band
from sigmalake.numerics.portfolio.linked_cov import specific_times
from sigmalake.numerics.windows.calendar import periods_per_year
from sigmalake.reader.dates import Day, bounds
from sigmalake.reader.factor_premia import in_period, premia_frame
from sigmalake.reader.holdings import Holdings, Missing
from sigmalake.reader.names import hints
from sigmalake.reader.plots.earlier_release import moved_since

if TYPE_CHECKING:
    from sigmalake.reader.factor_model import FactorModel

_FEW = 10  # factors that lines show where none are named
_SMALL = 4  # assets of V where none are named
_A_STYLE, _A_SHARE = "standard deviations", "share, 0 to 1"


class ModelPlots:
    """The pictures of a model.

    Each method reads what it shows and returns a figure of plotly: `show()` shows it, `write_html` keeps it. Dates and variants are
    given as to the model's other methods. `figure.layout.meta["alt"]` says the picture in a sentence, with its numbers. What is
    missing is a MissingRiskError that says what to run. `sigmalake.figures.theme` has `dark` and `light` for a page that is.
    """

    def __init__(self, model: "FactorModel") -> None:
        self._model = model
        self._variances: dict[str, pd.DataFrame] = {}  # by variant

    def factor_returns(
        self,
        factors: Sequence[str] | None = None,
        *,
        start: Day | None = None,
        end: Day | None = None,
        variant: str | None = None,
    ) -> Figure:
        """Sums of factor returns over time; a menu shows one with its band.

        The band is where the sum lies 19 times in 20 if the factor has no premium and its forecasts are right: the sum on the date
        of the first forecast, +- 2 sqrt(sum of the variances forecast for each return since).

        Args:
            factors: to be drawn; None: all, or of more than ten those with the largest mean `|t|`.
            start: first date, itself included; None: the first there is.
            end: last date, itself included; None: the last there is.
            variant: whose forecasts; None for the first of the configuration. A model without variants has no bands.

        Raises:
            MissingRiskError: no regression in the range, or no such factor or variant.
        """
        returns = self._returns(start, end)
        names = self._chosen(factors, returns, start, end)
        name = self._variant(variant)
        return factor_returns_figure(
            returns[names],
            None if name is None else self._forecast_vars(name),
            left_out=0 if factors is not None else len(returns.columns) - len(names),
            variant=name or "",
        )

    def r2(self, *, start: Day | None = None, end: Day | None = None) -> Figure:
        """R2 of every regression, and its mean over three months.

        Raises:
            MissingRiskError: no regression in the range.
        """
        found = in_period(self._model.r2().to_frame(), *bounds(start, end))["r2"]
        if not found.notna().any():
            raise MissingRiskError("no regression of the range has an R2: each failed, or its returns are all alike")
        return r2_figure(found)

    def t_stats(self, factors: Sequence[str] | None = None, *, start: Day | None = None, end: Day | None = None) -> Figure:
        """Share of the dates with `|t| > 2` by factor; below, the share of the factors over time.

        Args:
            factors: whose statistics are drawn over time in the place of the share.
            start: first date, itself included; None: the first there is.
            end: last date, itself included; None: the last there is.

        Raises:
            MissingRiskError: no regression in the range has a t statistic, or there is no such factor.
        """
        found = in_period(self._statistics, *bounds(start, end))
        if not found.notna().any(axis=None):
            raise MissingRiskError("no regression of the range has a t statistic")
        return t_stats_figure(found, None if factors is None else self._named(factors, found))

    def factor_strength(self, *, start: Day | None = None, end: Day | None = None) -> Figure:
        """Which factors matter: mean `|t|`, share of `|t| > 2`, volatility, and the premium with its t (Newey and West).

        Per year where the calendar tells how many periods make one, else per period.

        Raises:
            MissingRiskError: no regression in the range.
        """
        returns = self._returns(start, end)
        statistics = in_period(self._statistics, *bounds(start, end))
        per_year = self._dates_per_year
        table = strengths(returns, statistics, premia_frame(returns), per_year or 1.0)
        return factor_strength_figure(table, annualised=per_year is not None)

    def correlations(self, date: Day | None = None, variant: str | None = None, *, asof: Day | None = None) -> Figure:
        """Correlations of the factors as of a date, ordered so that those that move together stand together.

        Arguments and errors are those of `FactorModel.factor_cov`.
        """
        cov = self._model.factor_cov(date, variant, asof=asof)
        return correlations_figure(cov, date=cov.attrs["date"], variant=cov.attrs["variant"])

    def exposure_stability(self, *, start: Day | None = None, end: Day | None = None) -> Figure:
        """Each style's correlation with itself a month before. Arguments and errors as of `FactorModel.exposure_stability`."""
        return exposure_stability_figure(self._model.exposure_stability(start, end))

    def residual_correlation(self, *, start: Day | None = None, end: Day | None = None) -> Figure:
        """What specific returns have in common. Arguments and errors as of `FactorModel.residual_correlation`."""
        found = self._model.residual_correlation(start, end)
        return residual_correlation_figure(found, self._model.residual_groups(found.index[-1], found.index[-1]))

    def coverage(self, *, start: Day | None = None, end: Day | None = None, variant: str | None = None) -> Figure:
        """Assets with exposures, with returns, in the fit and with risk, and rejected rows, by date; see `FactorModel.coverage`.

        Raises:
            MissingRiskError: no date in the range, or no such variant.
        """
        found = self._model.coverage(start, end, variant)
        if found.empty:
            raise MissingRiskError(f"no cross-section from {start or 'the first date'} to {end or 'the last'}")
        return coverage_figure(found)

    def specific_risk(self, date: Day | None = None, variant: str | None = None, *, asof: Day | None = None) -> Figure:
        """Specific volatility from the smallest assets to the largest, in groups of equally many.

        Arguments and errors are those of `FactorModel.risk`.
        """
        risk = self._model.risk(date, variant, asof=asof)
        vols = pd.Series(np.sqrt(risk.specific_var), list(risk.assets))
        panel = self._model.panel(exposure_date=risk.exposure_date)
        has_caps = "cap" in panel and "cap" not in risk.factors
        if not vols.notna().any():
            raise MissingRiskError(f"no asset has a specific variance as of {risk.date}: their histories are too short")
        return specific_risk_figure(
            vols, panel["cap"] if has_caps else None, date=risk.date, variant=risk.variant, per_year=self._per_year(risk.variant)
        )

    def calibration(
        self,
        variant: str | None = None,
        *,
        rolling_window: int | None = None,
        start: Day | None = None,
        end: Day | None = None,
    ) -> Figure:
        """Bias of the forecasts by kind of portfolio with its band; below, over time.

        Args:
            variant: None for the first of the configuration.
            rolling_window: forecasts of a rolling bias; None: those of 12 months.
            start: first as-of date of the forecasts, itself included; None: the first there is.
            end: last date of the returns that were forecast, itself included; None: the last there is.

        Raises:
            MissingRiskError: there is no such variant, or nothing was evaluated; `sigmalake evaluate` does.
        """
        rolling = self._model.rolling_bias(variant, rolling_window, start=start, end=end)
        name, window = rolling.attrs["variant"], rolling.attrs["window"]
        kinds = self._model.evaluation(rolling_window, start=start, end=end)
        if name not in kinds.index.get_level_values("variant"):
            raise MissingRiskError(f"no forecast of {name} has been evaluated yet; use `sigmalake evaluate`")
        portfolios = (
            self._model.evaluation_by_portfolio(rolling_window, start=start, end=end).xs(name, level="variant").reset_index()
        )
        of_variant = kinds[kinds.index.get_level_values("variant") == name].droplevel("variant")
        return calibration_figure(of_variant, portfolios, rolling, variant=name, window=window, band=bias_band(window))

    def data_quality(self, *, start: Day | None = None, end: Day | None = None) -> Figure:
        """What is hardly right about the data, by measure and date. Arguments and errors as of `FactorModel.data_quality`."""
        return data_quality_figure(self._model.data_quality(start, end))

    def scatter(self, date: Day, factor: str, *, max_points: int = 2000) -> Figure:
        """Returns against exposures of a date with the fitted line, whose slope is the factor's return, and its equation.

        In a model of several factors both axes are what the other factors leave over, see `FactorModel.partial_regression`.
        `layout.meta` has slope, intercept, std_error, t, equation and n, the assets in the fit.

        Args:
            date: of the returns.
            factor: its name.
            max_points: fitted assets that are drawn, those with the largest weight; the line is always of all.

        Raises:
            MissingRiskError: no regression of that date, no such factor in it, or no return of its own.
        """
        points = self._model.partial_regression(date, factor)
        of = points.attrs
        return scatter_figure(
            points, date=of["date"], factor=factor, slope=of["slope"], intercept=of["intercept"], std_error=of["std_error"],
            of_points=of["slope_of_points"], adjusted=of["adjusted"], unit=_A_STYLE if of["kind"] == "style" else _A_SHARE,
            max_points=max_points,
        )  # fmt: skip

    def slope(self, factor: str, *, start: Day | None = None, end: Day | None = None, variant: str | None = None) -> Figure:
        """A factor's return over time, the slope of each date, with the band of its forecast variance; below, that variance.

        Args:
            factor: its name.
            start: first date, itself included; None: the first there is.
            end: last date, itself included; None: the last there is.
            variant: whose forecasts; None for the first of the configuration. A model without variants has no band.

        Raises:
            MissingRiskError: no regression in the range, no such factor or variant, or no return of it in the range.
        """
        returns = self._returns(start, end)
        self._named([factor], returns)
        if not returns[factor].notna().any():
            raise MissingRiskError(f"{factor} has no return from {start or 'the first date'} to {end or 'the last'}")
        name = self._variant(variant)
        forecast = None
        if name is not None:
            known = self._forecast_vars(name).reindex(columns=[factor])[factor]
            steps = self._factor_returns.index.union(known.index)
            forecast = known.reindex(steps).ffill().shift(1).reindex(returns.index)
        errors = self._std_errors[factor].reindex(returns.index)
        return slope_figure(factor, returns[factor], errors, forecast, variant=name or "")

    def covariance(
        self,
        date: Day | None = None,
        assets: Iterable[str | int] | None = None,
        variant: str | None = None,
        *,
        asof: Day | None = None,
    ) -> Figure:
        """V = B Sigma B' + Delta of some assets: the four matrices with their numbers, where they are not too many.

        Factors to which none of the assets is exposed are left out: they add nothing to V.

        Args:
            date: as of this close; None for the model's newest.
            assets: a few; None: the four with the largest caps, or the first four in a model without caps.
            variant: None for the first of the configuration.
            asof: takes the last date on or before this day, in the place of `date`.

        Raises:
            MissingRiskError: no such variant or date, or an asset cannot have a V.
        """
        risk = self._model.risk(date, variant, asof=asof)
        if assets is None:
            panel = self._model.panel(exposure_date=risk.exposure_date).loc[list(risk.usable)]
            assets = panel["cap"].nlargest(_SMALL).index if "cap" in panel and "cap" not in risk.factors else panel.index[:_SMALL]
        chosen = list(risk.asset_cov(assets).index)
        X, factor_cov, specific_var, linked = risk.parts(chosen)
        exposed = np.flatnonzero((X != 0.0).any(axis=0))
        return covariance_figure(
            chosen, [risk.factors[k] for k in exposed], X[:, exposed], factor_cov[np.ix_(exposed, exposed)],
            specific_times(specific_var, linked, np.eye(len(chosen))), date=risk.date, variant=risk.variant, per=risk.frequency,
            left_out=len(risk.factors) - len(exposed),
        )  # fmt: skip

    def risk(
        self,
        holdings: Holdings,
        date: Day | None = None,
        variant: str | None = None,
        *,
        asof: Day | None = None,
        benchmark: Holdings | None = None,
        missing: Missing = "raise",
        horizon: float = 1,
    ) -> Figure:
        """Where the risk of holdings comes from: by group of factors, by factor and by asset, each a sum that is the risk.

        Args:
            holdings: by asset, fractions of the value.
            date: as of this close; None for the model's newest.
            variant: None for the first of the configuration.
            asof: takes the last date on or before this day, in the place of `date`.
            benchmark: by asset; the picture is then of holdings minus benchmark, and of the tracking error.
            missing: what to do about holdings without risk data: `raise`, or `leave_out`.
            horizon: periods of the variant that the risk is for.

        Raises:
            MissingRiskError: no such variant or date, or a holding has no risk data.
            DataError: holdings that are no numbers by asset.
        """
        risk = self._model.risk(date, variant, asof=asof, horizon=horizon)
        if benchmark is None:
            report, what = risk.risk_of(holdings, missing=missing), "Volatility"
        else:
            report, what = risk.risk_against(holdings, benchmark, missing=missing).active, "Tracking error"
        a_year = self._per_year(risk.variant)
        return portfolio_risk_figure(
            report.by_group, report.by_factor, report.by_asset, report.specific, vol=report.vol, what=what, date=risk.date,
            variant=risk.variant, per=risk.frequency if horizon == 1 else f"{horizon:g} {risk.frequency}s",
            per_year=None if a_year is None else a_year / horizon, left_out=len(report.left_out),
        )  # fmt: skip

    def changes(self, earlier: "FactorModel | None" = None, *, start: Day | None = None, end: Day | None = None) -> Figure:
        """What moved since an earlier model, by quantity and date, and why; see `FactorModel.compared_with`.

        Only dates that both models have are compared, and of these only the span in which their rows differ.

        Args:
            earlier: None for the release before this one in the same lake.
            start: first date, itself included; None: the first there is.
            end: last date, itself included; None: the last that both have.

        Raises:
            MissingRiskError: there is no earlier release, or nothing moved.
        """
        found = moved_since(self._model, earlier, *bounds(start, end))
        return changes_figure(found.dates, first=found.first, second=found.second)

    @cached_property
    def _factor_returns(self) -> pd.DataFrame:
        return self._model.factor_returns()

    @cached_property
    def _std_errors(self) -> pd.DataFrame:
        return self._model.std_errors()

    @cached_property
    def _statistics(self) -> pd.DataFrame:
        return self._factor_returns / self._std_errors.where(self._std_errors > 0)

    def _returns(self, start: Day | None, end: Day | None) -> pd.DataFrame:
        found = in_period(self._factor_returns, *bounds(start, end))
        if not found.notna().any(axis=None):
            raise MissingRiskError("no regression of the range has a factor return")
        return found

    def _forecast_vars(self, variant: str) -> pd.DataFrame:
        """Forecast variances of a step of the calendar, by as-of date: those of a month in equal parts."""
        if variant not in self._variances:
            found = self._model.factor_vols(variant=variant) ** 2
            if self._model.frequency(variant) == "month":
                found *= self._model.periods_per_year(variant) / (self._dates_per_year or np.nan)
            self._variances[variant] = found
        return self._variances[variant]

    def _variant(self, requested: str | None) -> str | None:
        """The variant that is named, or the first; None where the model has none and none is named."""
        if requested is None:
            return self._model.variants[0] if self._model.variants else None
        self._model.dates(requested)  # refuses one that is not there
        return requested

    def _chosen(self, factors: Sequence[str] | None, returns: pd.DataFrame, start: Day | None, end: Day | None) -> list[str]:
        """The factors that are drawn, in the model's order."""
        if factors is not None:
            return self._named(factors, returns)
        known = returns.columns[returns.notna().any()]
        strength = in_period(self._statistics, *bounds(start, end)).abs().mean()[known]
        first = set(strength.nlargest(_FEW).index) if len(known) > _FEW else set(known)
        return [str(name) for name in returns if name in first]

    def _named(self, factors: Sequence[str], known: pd.DataFrame) -> list[str]:
        names = [factors] if isinstance(factors, str) else list(dict.fromkeys(factors))
        unknown = [name for name in names if name not in known.columns]
        if unknown or not names:
            listed = ", ".join(map(str, unknown)) or "none is named"
            raise MissingRiskError(f"the model has no such factor: {listed}{hints(unknown, list(known.columns))}")
        return names

    def _per_year(self, variant: str) -> float | None:
        """Periods of a variant in a year; None: the calendar does not tell."""
        try:
            return self._model.periods_per_year(variant)
        except ConfigError:
            return None

    @cached_property
    def _dates_per_year(self) -> float | None:
        """Dates of returns in a year; None: the calendar does not tell."""
        try:
            return periods_per_year([day.date() for day in self._model.calendar()])
        except ConfigError:
            return None
