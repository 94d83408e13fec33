"""One date's risk as arrays: V of a list of assets, its inverse, and the risk of holdings."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date as Date  # the plain name is a field
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from sigmalake.errors import DataError, MissingRiskError
from sigmalake.numerics.portfolio.asset_cov import asset_cov
from sigmalake.numerics.portfolio.benchmark import benchmark_risk
from sigmalake.numerics.portfolio.coverage import align_model
from sigmalake.numerics.portfolio.linked_cov import UNLINKED, LinkedCov, check_linked, take_linked
from sigmalake.numerics.portfolio.risk import portfolio_risk
from sigmalake.numerics.portfolio.woodbury import dense_inverse, factor_inverse, solve_asset_cov
from sigmalake.numerics.types import Floats, Ints
from sigmalake.numerics.windows.calendar import Frequency
from sigmalake.reader.dates import Day
from sigmalake.reader.exports.cvxpy_risk import Measure, check_weights, risk_expression
from sigmalake.reader.exports.factored import FactoredRisk, factored_risk
from sigmalake.reader.frames.html import html_table
from sigmalake.reader.holdings import (
    Holdings,
    Missing,
    check_missing,
    checked_holdings,
    refuse_missing,
    refuse_repeats,
    with_reasons,
)
from sigmalake.reader.names import asset_ids, hints
from sigmalake.reader.portfolios.many import ManyReport, risk_of_many
from sigmalake.reader.portfolios.replay import ReplayReport, replay_of
from sigmalake.reader.portfolios.reverse_stress import ReverseStressReport, reverse_stress_of
from sigmalake.reader.portfolios.tail_risk import LEVELS, TailMethod, TailReport, tail_by, tail_risk_of
from sigmalake.reader.portfolios.units import Unit, question_percents
from sigmalake.reader.report import BenchmarkReport, Labels, PortfolioReport, report_of
from sigmalake.reader.scenario import ScenarioReport, run_scenario

if TYPE_CHECKING:
    import cvxpy

_SHOWN = 40  # factors that a notebook lists


class FactoredCov(NamedTuple):
    """V of some assets, kept factored: X, Sigma, Delta and the covariances of linked issues."""

    exposures: Floats
    factor_cov: Floats
    specific_var: Floats
    linked: LinkedCov


@dataclass(frozen=True, eq=False, repr=False)
class RiskModel:
    """V = X Sigma X' + diag(Delta) + linked issues of one date, kept factored. All is per `horizon` periods, in fractions.

    A period is what `frequency` says: a step of the calendar of returns, or a calendar month.
    """

    variant: str
    date: Date  # as of this close; forecasts the next `horizon` periods
    exposure_date: Date  # close at which `exposures` were known
    assets: tuple[str, ...]  # N ids, ascending
    factors: tuple[str, ...]  # K factors of Sigma, in the model's order
    groups: tuple[str, ...]  # (K,) the group of each factor
    exposures: Floats  # (N, K) styles in standard deviations, memberships as shares
    factor_cov: Floats  # (K, K) fraction^2
    specific_var: Floats  # (N,) fraction^2; NaN: none
    refused: dict[str, str]  # the assets that cannot have a V, each with its reason
    linked: LinkedCov = UNLINKED  # specific covariances of shares of one issuer, by positions in `assets`
    horizon: float = 1.0  # periods
    frequency: Frequency = "period"
    check_units: bool = True  # whether holdings that sum to 100 are questioned; see `as_given`

    def __post_init__(self) -> None:
        check_linked(self.linked, len(self.assets))

    def __repr__(self) -> str:
        return f"<{self._title}: {self._counted}>"

    def _repr_html_(self) -> str:
        vols = 100 * np.sqrt(np.diag(self.factor_cov))
        rows = [(name, group, f"{vol:.2f}") for name, group, vol in zip(self.factors, self.groups, vols, strict=True)]
        more = [(f"and {len(rows) - _SHOWN} more", "", "")] if len(rows) > _SHOWN else []
        return html_table(f"{self._title}; {self._counted}", [*rows[:_SHOWN], *more], ("factor", "group", "volatility, %"))

    @property
    def _title(self) -> str:
        exposures = "" if self.exposure_date == self.date else f" with exposures of {self.exposure_date}"
        return f"risk model {self.variant} as of {self.date}{exposures}"

    @property
    def _counted(self) -> str:
        refused = f", {len(self.refused)} without a V" if self.refused else ""
        horizon = f"{self.horizon:g} {self.frequency}{'' if self.horizon == 1 else 's'}"
        return f"{len(self.usable)} assets{refused}, {len(self.factors)} factors, over {horizon}"

    @cached_property
    def usable(self) -> tuple[str, ...]:
        """The assets that can have a V, ascending."""
        return tuple(asset for asset in self.assets if asset not in self.refused)

    @property
    def as_given(self) -> "RiskModel":
        """The same model, which takes holdings as fractions of the value without a question, also where they sum to 100."""
        return replace(self, check_units=False)

    def over(self, horizon: float) -> "RiskModel":
        """The model of that many times as many periods: Sigma, Delta and linked issues alike, as if returns had no memory.

        Raises:
            DataError: the horizon is not a finite number above 0.
        """
        if not (np.isfinite(horizon) and horizon > 0):
            raise DataError(f"the horizon is {horizon}; give periods, more than 0")
        linked = LinkedCov(self.linked.pairs, self.linked.cov * horizon)
        cov, var = self.factor_cov * horizon, self.specific_var * horizon
        return replace(self, factor_cov=cov, specific_var=var, linked=linked, horizon=self.horizon * horizon)

    def asset_cov(self, assets: Iterable[str | int] | None = None, *, max_cells: int = 100_000_000) -> pd.DataFrame:
        """V, dense and exactly symmetric, in the requested order.

        Args:
            assets: without repeats; None for `usable`.
            max_cells: the largest V that is made, N^2 numbers of 8 bytes.

        Raises:
            MissingRiskError: an asset cannot have a V; names each with its reason.
            DataError: an asset twice, or V beyond `max_cells`.
        """
        requested = self._requested(assets)
        _refuse_size("V", requested, max_cells, "The risk of a portfolio needs no V: use risk_of")
        return pd.DataFrame(asset_cov(*self.parts(requested)), index=requested, columns=requested)

    def inverse(self, assets: Iterable[str | int] | None = None, *, max_cells: int = 100_000_000) -> pd.DataFrame:
        """V^-1 of some assets, dense and exactly symmetric, 1 / fraction^2; arguments and errors as of `asset_cov` and `solve`."""
        requested = self._requested(assets)
        _refuse_size("the inverse of V", requested, max_cells, "V y = b needs no inverse: use solve")
        with _no_inverse(requested):
            return pd.DataFrame(dense_inverse(factor_inverse(*self.parts(requested))), index=requested, columns=requested)

    def solve(self, values: pd.Series) -> pd.Series:
        """y with V y = b over the assets that b names, by Woodbury's identity in O(N K^2): no V is made.

        Args:
            values: b, a finite number by asset.

        Raises:
            MissingRiskError: an asset cannot have a V.
            DataError: V is singular, or too near to it; an asset twice, or a value that is no number.
        """
        b = checked_holdings(values, "values", self._known)
        requested = self._requested(b.index)
        with _no_inverse(requested):
            return pd.Series(solve_asset_cov(factor_inverse(*self.parts(requested)), b.to_numpy()), b.index, name="solution")

    def factored(self, assets: Iterable[str | int] | None = None, *, periods_per_year: float | None = None) -> FactoredRisk:
        """X, F and the root of the specific part, with X F X' + R R = V; what optimisers take instead of V.

        Args:
            assets: without repeats; None for `usable`.
            periods_per_year: annualises, as if returns had no memory, see `FactorModel.periods_per_year`; None: over the horizon.

        Raises:
            MissingRiskError: an asset cannot have a V.
            DataError: an asset twice, linked issues without a root, or a number of periods that is not above 0.
        """
        requested = self._requested(assets)
        model = self if periods_per_year is None else self.over(periods_per_year / self.horizon)
        try:
            return factored_risk(*model.parts(requested), assets=tuple(requested), factors=self.factors, groups=self.groups)
        except ValueError as error:
            raise DataError(f"V of {len(requested)} assets has no root: {error}") from None

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
            InfrastructureError: cvxpy is not installed.
            ConfigError: `weights` have another shape.
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

    def parts(self, assets: Sequence[str]) -> FactoredCov:
        """X, Sigma and D of assets that have them, in this order."""
        rows: Ints = np.array([self._row[asset] for asset in assets], dtype=np.int64)
        linked = take_linked(self.linked, rows, len(self.assets))
        return FactoredCov(self.exposures[rows], self.factor_cov, self.specific_var[rows], linked)

    @cached_property
    def _labels(self) -> Labels:
        return Labels(list(self.usable), list(self.factors), list(self.groups))

    def _over_usable(self, holdings: pd.Series) -> Floats:
        found: Floats = holdings.reindex(list(self.usable), fill_value=0.0).to_numpy()
        return found

    @cached_property
    def _row(self) -> dict[str, int]:
        return {asset: row for row, asset in enumerate(self.assets)}

    def _known(self) -> Collection[str]:
        return self._row

    def _requested(self, assets: Iterable[str | int] | None) -> list[str]:
        requested = asset_ids(self.usable if assets is None else assets, "assets", self._known)
        refuse_repeats("assets", requested)
        if missing := self._missing(requested):
            unknown = [asset for asset in missing if asset not in self._row]
            raise MissingRiskError(f"no risk for {with_reasons(missing)}{hints(unknown, self._row)}")
        return requested

    def _missing(self, assets: Iterable[str]) -> dict[str, str]:
        unknown = f"no exposures known on {self.exposure_date}"
        return {asset: self.refused.get(asset, unknown) for asset in assets if asset in self.refused or asset not in self._row}


@contextmanager
def _no_inverse(assets: Sequence[str]) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise DataError(f"V of {len(assets)} assets has no inverse: {error}") from None


def _refuse_size(what: str, assets: Sequence[str], max_cells: int, instead: str) -> None:
    if len(assets) ** 2 > max_cells:
        raise DataError(
            f"{what} of {len(assets):,} assets has {len(assets) ** 2:,} cells ({len(assets) ** 2 * 8 / 1e9:.1f} GB, and three "
            f"times that while it is made), more than max_cells ({max_cells:,}); ask for fewer assets, or raise it. {instead}"
        )


def assemble(
    *,
    variant: str,
    date: Date,
    exposure_date: Date,
    assets: Sequence[str],
    columns: Sequence[str],
    groups: Sequence[str],
    exposures: Floats,
    factors: Sequence[str],
    factor_cov: Floats,
    specific_var: Mapping[str, float],
    left_out: Mapping[str, str],
    zero_factors: Collection[str] = (),
    linked: Mapping[tuple[str, str], float] | None = None,
    frequency: Frequency = "period",
) -> RiskModel:
    """The risk model of a cross-section: X brought to Sigma's factors, Delta and linked issues to X's assets.

    Args:
        variant: name of the estimators.
        date: of Sigma and Delta.
        exposure_date: of X.
        assets: (N,) rows of X.
        columns: (K',) factors of X, in the model's order.
        groups: (K',) the group of each.
        exposures: (N, K') X.
        factors: (K,) factors of Sigma.
        factor_cov: (K, K) fraction^2 per period.
        specific_var: by asset, fraction^2 per period; NaN or absent: none.
        left_out: why Sigma lacks a factor, where it is known.
        zero_factors: factors that Sigma lacks and that count as 0: collinear or constant in the date's regression.
        linked: specific covariances by pair of assets, fraction^2 per period; None: no issues are linked.
        frequency: what a period is.
    """
    aligned = align_model(
        assets=assets, columns=columns, exposures=exposures, factors=factors, factor_cov=factor_cov,
        specific_var=specific_var, left_out=left_out, zero_factors=zero_factors,
    )  # fmt: skip
    group_of = dict(zip(columns, groups, strict=True))
    return RiskModel(
        variant=variant,
        date=date,
        exposure_date=exposure_date,
        assets=tuple(assets),
        factors=tuple(aligned.factors),
        groups=tuple(group_of[factor] for factor in aligned.factors),
        exposures=aligned.exposures,
        factor_cov=aligned.factor_cov,
        specific_var=aligned.specific_var,
        refused=aligned.refused,
        linked=_linked_rows(assets, linked or {}),
        frequency=frequency,
    )


def _linked_rows(assets: Sequence[str], linked: Mapping[tuple[str, str], float]) -> LinkedCov:
    """Pairs by their rows of X; what is not in X has no V, and no pair."""
    row = {asset: position for position, asset in enumerate(assets)}
    cov_by_rows = {tuple(sorted((row[a], row[b]))): cov for (a, b), cov in linked.items() if a in row and b in row}
    return LinkedCov(np.array(list(cov_by_rows), dtype=np.int64).reshape(-1, 2), np.array(list(cov_by_rows.values()), dtype=float))
