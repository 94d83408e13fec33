"""What a model says of portfolios over time: the stored risk of the books, and where returns came from."""

from collections.abc import Sequence

import pandas as pd

from sigmalake.reader.attribution import RealisedAttribution, attribute_returns
from sigmalake.reader.dates import Day, bounds
from sigmalake.reader.frames.portfolios import contribution_frame, portfolio_risk_frame
from sigmalake.reader.holdings import Holdings, Missing
from sigmalake.reader.model.opened import OpenedModel


class Portfolios(OpenedModel):
    """Risk of the books by date, and the attribution of returns."""

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
        return portfolio_risk_frame(self._tables, self._rows.variant(variant), chosen, *bounds(start, end))

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
        return contribution_frame(self._tables, self._rows.variant(variant), chosen, *bounds(start, end))

    def attribution(
        self,
        holdings: Holdings | pd.DataFrame,
        start: Day | None = None,
        end: Day | None = None,
        *,
        missing: Missing = "raise",
    ) -> RealisedAttribution:
        """Where the returns of holdings came from, from `start` to `end`, both included; see `attribute_returns`."""
        return attribute_returns(self._tables, holdings, *bounds(start, end), missing)
