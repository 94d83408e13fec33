"""One date's risk: V of a list of assets, its inverse, and the risk of holdings."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Self

import pandas as pd

from sigmalake.errors import DataError
from sigmalake.numerics.portfolio.benchmark import benchmark_risk
from sigmalake.numerics.portfolio.risk import portfolio_risk
from sigmalake.numerics.types import Floats
from sigmalake.reader.dates import Day
from sigmalake.reader.exports.cvxpy_risk import Measure, check_weights, risk_expression
from sigmalake.reader.holdings import Holdings, Missing, check_missing, checked_holdings, refuse_missing
from sigmalake.reader.model.asset_covariance import AssetCovariance, FactoredCov
from sigmalake.reader.portfolios.many import ManyReport, risk_of_many
from sigmalake.reader.portfolios.replay import ReplayReport, replay_of
from sigmalake.reader.portfolios.reverse_stress import ReverseStressReport, reverse_stress_of
from sigmalake.reader.portfolios.tail_risk import LEVELS, TailMethod, TailReport, tail_by, tail_risk_of
from sigmalake.reader.portfolios.units import Unit, question_percents
from sigmalake.reader.report import BenchmarkReport, Labels, PortfolioReport, report_of
from sigmalake.reader.scenario import ScenarioReport, run_scenario

if TYPE_CHECKING:
    import cvxpy

__all__ = ["FactoredCov", "RiskModel"]


@dataclass(frozen=True, eq=False, repr=False)
class RiskModel(AssetCovariance):
    """V = X Sigma X' + diag(Delta) + linked issues of one date, kept factored. All is per `horizon` periods, in fractions.

    A period is what `frequency` says: a step of the calendar of returns, or a calendar month.
    """

    check_units: bool = True  # whether holdings that sum to 100 are questioned; see `as_given`

    @property
    def as_given(self) -> Self:
        """The same model, which takes holdings as fractions of the value without a question, also where they sum to 100."""
        return replace(self, check_units=False)

    def risk_of(self, holdings: Holdings, *, missing: Missing = "raise") -> PortfolioReport:
        """Risk of holdings and where it comes from, in O(NK + K^2).

        Args:
            holdings: by asset, fractions of the value, any sign. A holding of 0 needs no risk data.
            missing: what to do about holdings without risk data: `raise`, or `leave_out` and list them in the report.

        Raises:
            MissingRiskError: a holding has no risk data; names each with its reason. Or none is left.
            DataError: no holdings, an asset twice, a holding that is not a finite number, or holdings that sum to 100 as
                percentages do (`as_given` takes them).
        """
        split, left_out = self.split_holdings(holdings, missing)
        return report_of(portfolio_risk(self._over_usable(split), *self.parts(self.usable)), self._labels, split.index, left_out)

    def risk_against(self, holdings: Holdings, benchmark: Holdings, *, missing: Missing = "raise") -> BenchmarkReport:
        """Active risk, h - b, and beta; the arguments and errors of `risk_of`, for both.

        Raises:
            DataError: the benchmark has no risk.
        """
        h, without_h = self.split_holdings(holdings, missing)
        b, without_b = self.split_holdings(benchmark, missing)
        of_h, of_b = self._over_usable(h), self._over_usable(b)
        try:
            compared = benchmark_risk(of_h, of_b, *self.parts(self.usable))
        except ValueError as error:
            raise DataError(str(error)) from None
        either = h.index.append(b.index.difference(h.index, sort=False))
        return BenchmarkReport(
            portfolio=report_of(compared.portfolio, self._labels, h.index, without_h),
            benchmark=report_of(compared.benchmark, self._labels, b.index, without_b),
            active=report_of(compared.active, self._labels, either, without_h | without_b),
            beta=compared.beta,
            asset_betas=pd.Series(compared.asset_betas, list(self.usable), name="beta"),
            correlation=compared.correlation,
        )

    def risk_of_many(
        self, portfolios: pd.DataFrame, benchmark: Holdings | pd.DataFrame | None = None, *, missing: Missing = "raise"
    ) -> ManyReport:
        """Risk, contributions by factor and beta of thousands of portfolios in one call; see `risk_of_many`."""
        return risk_of_many(self, portfolios, benchmark, missing=missing)

    def tail_risk(
        self,
        holdings: Holdings,
        levels: Sequence[float] = LEVELS,
        *,
        factor_returns: pd.DataFrame | None = None,
        start: Day | None = None,
        missing: Missing = "raise",
    ) -> TailReport:
        """Value at risk and expected shortfall by level and method, with the past losses; see `tail_risk_of`."""
        return tail_risk_of(self, holdings, levels, factor_returns=factor_returns, start=start, missing=missing)

    def var(
        self,
        holdings: Holdings,
        level: float = 0.95,
        method: TailMethod = "normal",
        *,
        factor_returns: pd.DataFrame | None = None,
        missing: Missing = "raise",
    ) -> float:
        """Value at risk over the horizon: the loss that is not exceeded with probability `level`, a fraction of the value.

        Args:
            holdings: by asset, fractions of the value, any sign.
            level: from 0.5 to below 1, e.g. 0.95 or 0.99.
            method: `normal`, with mean 0; `history`, past factor returns on today's exposures with a normal specific part;
                `history_of_factors`, the same without it.
            factor_returns: of the past, for the last two: `model.factor_returns()`.
            missing: as of `risk_of`.

        Raises:
            DataError: the level is none, as 95 is not, or the method lacks its factor returns.
            MissingRiskError: a holding has no risk data, or the history is too short for the level.
        """
        return tail_by(self.tail_risk(holdings, (level,), factor_returns=factor_returns, missing=missing), method).var

    def expected_shortfall(
        self,
        holdings: Holdings,
        level: float = 0.95,
        method: TailMethod = "normal",
        *,
        factor_returns: pd.DataFrame | None = None,
        missing: Missing = "raise",
    ) -> float:
        """Mean loss in the worst 1 - `level` of the cases over the horizon; arguments and errors as of `var`."""
        report = self.tail_risk(holdings, (level,), factor_returns=factor_returns, missing=missing)
        return tail_by(report, method).expected_shortfall

    def scenario(
        self, holdings: Holdings, shocks: Mapping[str, float], *, shocks_in: Unit | None = None, missing: Missing = "raise"
    ) -> ScenarioReport:
        """What holdings earn if some factors move as given and the others as these let expect; see `run_scenario`."""
        return run_scenario(self, holdings, shocks, shocks_in=shocks_in, missing=missing)

    def replay(
        self, holdings: Holdings, factor_returns: pd.DataFrame, start: Day, end: Day, *, missing: Missing = "raise"
    ) -> ReplayReport:
        """What today's exposures would have earned from one close of the past to another; see `replay_of`."""
        return replay_of(self, holdings, factor_returns, start, end, missing=missing)

    def reverse_stress(
        self, holdings: Holdings, loss: float, *, loss_in: Unit | None = None, missing: Missing = "raise"
    ) -> ReverseStressReport:
        """The likeliest factor returns that lose `loss`, a fraction of the value; see `reverse_stress_of`."""
        return reverse_stress_of(self, holdings, loss, loss_in=loss_in, missing=missing)

    def risk_expression(
        self,
        weights: "cvxpy.Expression",
        benchmark: Holdings | None = None,
        *,
        measure: Measure = "variance",
        assets: Iterable[str | int] | None = None,
        missing: Missing = "raise",
    ) -> "cvxpy.Expression":
        """The risk of weights over the horizon as a convex expression of cvxpy, from K + N squares: no V is made.

        A daily variance is about 0.0001, which is near the tolerances of solvers: take a model over a year, or `vol`.

        Args:
            weights: a cvxpy variable or an affine expression of shape (N,), fractions of the value, in the order of `assets`.
            benchmark: by asset, fractions of its value, also of assets beyond `assets`; makes it active risk. None: total risk.
            measure: `variance`, fraction^2, or `vol`, its root.
            assets: what `weights` are of; None for `usable`.
            missing: what to do about holdings of the benchmark without risk data, as in `risk_of`.

        Raises:
            ConfigError: cvxpy is not installed, or `weights` have another shape.
            MissingRiskError: an asset cannot have a V.
            DataError: an asset twice, or holdings that are no numbers.
        """
        requested = self._requested(assets)
        check_weights(weights, len(requested))
        of_benchmark = pd.Series(dtype=float) if benchmark is None else self.split_holdings(benchmark, missing)[0]
        of_benchmark = of_benchmark[of_benchmark != 0]
        every = [*requested, *of_benchmark.index.difference(requested, sort=False)]
        held: Floats = of_benchmark.reindex(every, fill_value=0.0).to_numpy()
        return risk_expression(self.factored(every), weights, held, measure)

    def split_holdings(self, holdings: Holdings, missing: Missing) -> tuple[pd.Series, dict[str, str]]:
        """Checked holdings that have risk data or are 0, and the others with their reasons; errors as of `risk_of`."""
        check_missing(missing)
        checked = checked_holdings(holdings, "holdings", self._known)
        if self.check_units:
            question_percents(checked, "the holdings", "Divide them by 100; if they are what you mean, take risk.as_given")
        held = checked.index[checked != 0]
        left_out = self._missing(held)
        refuse_missing(left_out, held.size, missing, self._row)
        return checked.drop(list(left_out)), left_out

    @cached_property
    def _labels(self) -> Labels:
        return Labels(list(self.usable), list(self.factors), list(self.groups))

    def _over_usable(self, holdings: pd.Series) -> Floats:
        found: Floats = holdings.reindex(list(self.usable), fill_value=0.0).to_numpy()
        return found
