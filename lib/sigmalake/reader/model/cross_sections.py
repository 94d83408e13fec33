"""What a model says of the assets of one date: its exposures, and the regression that explains its returns."""

import pandas as pd

from sigmalake.reader.dates import Day, as_date, bounds
from sigmalake.reader.frames import of_a_date, over_dates
from sigmalake.reader.frames.partial_regression import (
    PANEL_COLUMNS,
    SECTION_COLUMNS,
    DateFit,
    date_fit,
    partial_frame,
)
from sigmalake.reader.model.opened import OpenedModel
from sigmalake.reader.storage.model_tables import EXPOSURE_COLUMNS
from sigmalake.tables.packed import PANEL


class CrossSections(OpenedModel):
    """Assets, exposures and the regression of a date."""

    _fit: DateFit | None = None  # the date that was read last: many factors of it are looked at

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
            return over_dates.asset_exposure_frame(self._tables, asset, *bounds(start, end))
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

    def regression(self, day: Day) -> pd.DataFrame:
        """A date's regression, a row a factor: factor_return, std_error, t_stat, vif, n_members, status.

        NaN: not estimated, and status says why: empty, constant, collinear or thin; the date's status where the date failed.
        What is of the date is in the frame's `attrs`: date, status, detail, n_estimation, rank, dof, r2, adj_r2,
        r2_uncentred, residual_var, condition_number, market_return, n_reweighted, and outliers, a list of assets.

        Raises:
            MissingRiskError: no regression of that date.
        """
        return of_a_date.regression_frame(self._tables, self._rows.cross_section(day, of_a_date.REGRESSION_COLUMNS))

    def cross_section(self, day: Day) -> pd.DataFrame:
        """A date's regression, a row an asset: specific and fitted return, universe flag, weight.

        Raises:
            MissingRiskError: no regression of that date.
        """
        return of_a_date.residual_frame(self._rows.cross_section(day, of_a_date.RESIDUAL_COLUMNS))

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
