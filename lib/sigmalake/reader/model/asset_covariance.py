"""V of one date, kept factored: V of some assets, its inverse, its root, and what lacks it."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date as Date  # the plain name is a field
from functools import cached_property
from typing import NamedTuple, Self

import numpy as np
import pandas as pd

from sigmalake.errors import DataError, MissingRiskError
from sigmalake.numerics.portfolio.asset_cov import asset_cov
from sigmalake.numerics.portfolio.linked_cov import UNLINKED, LinkedCov, check_linked, take_linked
from sigmalake.numerics.portfolio.woodbury import dense_inverse, factor_inverse, solve_asset_cov
from sigmalake.numerics.types import Floats, Ints
from sigmalake.numerics.windows.calendar import Frequency
from sigmalake.reader.exports.factored import FactoredRisk, factored_risk
from sigmalake.reader.frames.html import html_table
from sigmalake.reader.holdings import checked_holdings, refuse_repeats, with_reasons
from sigmalake.reader.names import asset_ids, hints

_SHOWN = 40  # factors that a notebook lists


class FactoredCov(NamedTuple):
    """V of some assets, kept factored: X, Sigma, Delta and the covariances of linked issues."""

    exposures: Floats
    factor_cov: Floats
    specific_var: Floats
    linked: LinkedCov


@dataclass(frozen=True, eq=False, repr=False)
class AssetCovariance:
    """V = X Sigma X' + diag(Delta) + linked issues of one date. All is per `horizon` periods, in fractions."""

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
    currencies: tuple[str, ...] = ()  # the factors whose returns are given for a group of memberships
    numeraire: str | None = None  # the currency that returns are counted in; None: that of the model

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
        counted_in = "" if self.numeraire is None else f", in {self.numeraire}"
        return f"{len(self.usable)} assets{refused}, {len(self.factors)} factors, over {horizon}{counted_in}"

    @cached_property
    def usable(self) -> tuple[str, ...]:
        """The assets that can have a V, ascending."""
        return tuple(asset for asset in self.assets if asset not in self.refused)

    def over(self, horizon: float) -> Self:
        """The model of that many times as many periods: Sigma, Delta and linked issues alike, as if returns had no memory.

        Raises:
            DataError: the horizon is not a finite number above 0.
        """
        if not (np.isfinite(horizon) and horizon > 0):
            raise DataError(f"the horizon is {horizon}; give periods, more than 0")
        linked = LinkedCov(self.linked.pairs, self.linked.cov * horizon)
        cov, var = self.factor_cov * horizon, self.specific_var * horizon
        return replace(self, factor_cov=cov, specific_var=var, linked=linked, horizon=self.horizon * horizon)

    def in_numeraire(self, currency: str) -> Self:
        """The model of returns counted in another currency: each asset's exposure to that currency is 1 less.

        A return of the model's currency becomes r - F of the other one, so that X(numeraire) = X(own currency) - 1 for every asset,
        also for those without an exposure to a currency, and Sigma, Delta and linked issues stay [G]. It is exact for log returns,
        and leaves out products of returns for simple ones.

        Args:
            currency: a factor with a given return, of a group of memberships.

        Raises:
            MissingRiskError: there is no such currency, or Sigma lacks it.
            DataError: the model is in another currency than its own already.
        """
        if self.numeraire is not None:
            raise DataError(f"the model is in {self.numeraire} already; take it in its own currency, and then in {currency}")
        if currency not in self.currencies:
            known = f"it has {', '.join(self.currencies)}" if self.currencies else "no group of memberships has given returns"
            raise MissingRiskError(f"the model has no currency {currency}{hints([currency], self.currencies)}: {known}")
        if currency not in self.factors:
            raise MissingRiskError(f"Sigma as of {self.date} lacks {currency}; its diagnostics say why")
        exposures = self.exposures - np.array([factor == currency for factor in self.factors], dtype=float)
        return replace(self, exposures=exposures, numeraire=currency)

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

    def parts(self, assets: Sequence[str]) -> FactoredCov:
        """X, Sigma and D of assets that have them, in this order."""
        rows: Ints = np.array([self._row[asset] for asset in assets], dtype=np.int64)
        linked = take_linked(self.linked, rows, len(self.assets))
        return FactoredCov(self.exposures[rows], self.factor_cov, self.specific_var[rows], linked)

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
