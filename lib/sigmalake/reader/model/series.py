"""What a model says over time: factor returns and their fit, specific returns, coverage, quality of the data."""

import pandas as pd

from sigmalake.reader.dates import Day, bounds
from sigmalake.reader.factor_premia import in_period, premia_frame
from sigmalake.reader.frames import over_dates
from sigmalake.reader.frames.residual_correlation import residual_correlation_frame, residual_groups_frame
from sigmalake.reader.frames.side_tables import coverage_frame, data_quality_frame, exposure_stability_frame, refuse_empty
from sigmalake.reader.model.opened import OpenedModel


class Series(OpenedModel):
    """Series over the dates of the returns."""

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
        return over_dates.specific_return_frame(self._tables, *bounds(start, end))

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
        return premia_frame(in_period(self.factor_returns(), *bounds(start, end)), lags)

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
        return coverage_frame(self._tables, name, *bounds(start, end))

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
        frame = data_quality_frame(self._tables, *bounds(start, end))
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
        frame = exposure_stability_frame(self._tables, *bounds(start, end))
        return refuse_empty(frame, f"{self._title} has no month-to-month correlation of styles", "it takes styles and two months")

    def residual_correlation(self, start: Day | None = None, end: Day | None = None) -> pd.DataFrame:
        """What specific returns have in common, at the end of each month: the rows of `residual_correlation`.

        Columns: n_assets, n_periods, n_free, largest, edge, n_above, mean_correlation, mean_squared, expected_squared, eigenvalues
        (a tuple), leading (asset to correlation with the first component); docs/specific_risk.md says what they are.

        Args:
            start: first date, itself included; None: the first there is.
            end: last date, itself included; None: the last there is.

        Raises:
            MissingRiskError: there is no such row: no month is over at whose end the window has enough dates.
        """
        frame = residual_correlation_frame(self._tables, *bounds(start, end))
        missing = f"{self._title} has no residual correlations in the range"
        return refuse_empty(frame, missing, "they take a month that is over and `residual_correlation.min_periods` dates")

    def residual_groups(self, start: Day | None = None, end: Day | None = None) -> pd.DataFrame:
        """The same within each membership factor, a row a date and factor.

        Columns: date, factor_group, factor, n_members, mean_correlation, mean_squared, expected_squared; NaN: no pair of assets.
        Without a row where there is no date, or no membership. Arguments are those of `residual_correlation`.
        """
        return residual_groups_frame(self._tables, *bounds(start, end))
