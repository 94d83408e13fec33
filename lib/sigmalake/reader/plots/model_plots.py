"""`model.plot`: the pictures of a model, each a figure of plotly, which a notebook shows and `write_html` keeps."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from plotly.graph_objects import Figure

from sigmalake.reader.dates import Day
from sigmalake.reader.holdings import Holdings, Missing

if TYPE_CHECKING:
    from sigmalake.reader.factor_model import FactorModel


class ModelPlots:
    """The pictures of a model. What is missing is a MissingRiskError that says what to run."""

    def __init__(self, model: "FactorModel") -> None:
        self._model = model

    def factor_returns(
        self,
        factors: Sequence[str] | None = None,
        *,
        start: Day | None = None,
        end: Day | None = None,
        variant: str | None = None,
    ) -> Figure:
        """Sums of factor returns over time, each with the band of its forecast volatility."""
        raise NotImplementedError

    def r2(self, *, start: Day | None = None, end: Day | None = None) -> Figure:
        """R2 of every regression."""
        raise NotImplementedError

    def t_stats(self, factors: Sequence[str] | None = None, *, start: Day | None = None, end: Day | None = None) -> Figure:
        """Share of |t| > 2 by factor, and over time."""
        raise NotImplementedError

    def factor_strength(self, *, start: Day | None = None, end: Day | None = None) -> Figure:
        """Which factors matter: mean |t|, share of |t| > 2, volatility, premium and its t."""
        raise NotImplementedError

    def correlations(self, date: Day | None = None, variant: str | None = None, *, asof: Day | None = None) -> Figure:
        """Correlations of the factors as of a date, ordered by hierarchical clustering."""
        raise NotImplementedError

    def exposure_stability(self, *, start: Day | None = None, end: Day | None = None) -> Figure:
        """Each style's correlation with itself a month before."""
        raise NotImplementedError

    def coverage(self, *, start: Day | None = None, end: Day | None = None, variant: str | None = None) -> Figure:
        """Assets with exposures, with returns, fitted and with risk, and rejected rows, by date."""
        raise NotImplementedError

    def specific_risk(self, date: Day | None = None, variant: str | None = None, *, asof: Day | None = None) -> Figure:
        """Distribution of specific volatilities by size."""
        raise NotImplementedError

    def calibration(self, variant: str | None = None, *, rolling_window: int | None = None) -> Figure:
        """Bias of the forecasts by kind of portfolio with its band, and over time."""
        raise NotImplementedError

    def data_quality(self, *, start: Day | None = None, end: Day | None = None) -> Figure:
        """What is hardly right about the data, by measure and date."""
        raise NotImplementedError

    def scatter(self, date: Day, factor: str, *, max_points: int = 2000) -> Figure:
        """Returns against exposures of a date with the fitted slope, which is the factor's return, and its equation."""
        raise NotImplementedError

    def slope(self, factor: str, *, start: Day | None = None, end: Day | None = None, variant: str | None = None) -> Figure:
        """A factor's return over time with the band of its forecast variance."""
        raise NotImplementedError

    def covariance(
        self,
        date: Day | None = None,
        assets: Iterable[str | int] | None = None,
        variant: str | None = None,
        *,
        asof: Day | None = None,
    ) -> Figure:
        """V = B Sigma B' + Delta of some assets as a picture of the four matrices, with their numbers."""
        raise NotImplementedError

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
        """Where the risk of holdings comes from: by group, factor and asset."""
        raise NotImplementedError

    def changes(self, earlier: "FactorModel | None" = None, *, start: Day | None = None, end: Day | None = None) -> Figure:
        """What moved since an earlier model, by quantity and date; None: the release before this one in the same lake."""
        raise NotImplementedError
