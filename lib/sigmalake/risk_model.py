"""One date's risk as arrays: V of a list of assets, and the risk of holdings."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date as Date  # the plain name is a field
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from sigmalake.errors import DataError, MissingRiskError
from sigmalake.numerics.arrays import Floats
from sigmalake.numerics.asset_cov import asset_cov
from sigmalake.numerics.portfolio import portfolio_risk
from sigmalake.numerics.usable_assets import align_model

NAMED = 50  # assets that a message names before it counts the rest


class PortfolioReport(NamedTuple):
    """Risk of one period. `by_asset` sums to `vol`, and so does `by_factor` plus `specific`."""

    variance: float  # h' V h, fraction^2 per period
    vol: float  # its root, fraction per period
    exposures: pd.Series  # by factor: X'h
    marginal: pd.Series  # by asset with risk data, held or not: V h / vol; NaN when vol is 0
    by_asset: pd.Series  # by asset, as the holdings are ordered: h (V h) / vol
    by_factor: pd.Series  # by factor: x (Sigma x) / vol
    specific: float  # sum h^2 Delta / vol
    left_out: dict[str, str]  # holdings without risk data, each with its reason; their risk is in no number here


@dataclass(frozen=True, eq=False)
class RiskModel:
    """V = X Sigma X' + diag(Delta) of one date, kept factored. Everything is per period, in fractions."""

    variant: str
    date: Date  # as of this close; forecasts the next period
    exposure_date: Date  # close at which `exposures` were known
    assets: tuple[str, ...]  # N ids, ascending
    factors: tuple[str, ...]  # K factors of Sigma, in the model's order
    exposures: Floats  # (N, K) styles in standard deviations, memberships as shares
    factor_cov: Floats  # (K, K) fraction^2
    specific_var: Floats  # (N,) fraction^2; NaN: none
    refused: dict[str, str]  # the assets that cannot have a V, each with its reason

    @cached_property
    def usable(self) -> tuple[str, ...]:
        """The assets that can have a V, ascending."""
        return tuple(asset for asset in self.assets if asset not in self.refused)

    def asset_cov(self, assets: Iterable[str] | None = None, *, max_cells: int = 100_000_000) -> pd.DataFrame:
        """V, dense and exactly symmetric, in the order asked.

        Args:
            assets: without repeats; None for `usable`.
            max_cells: the largest V that is made, N^2 numbers of 8 bytes.

        Raises:
            MissingRiskError: an asset cannot have a V; names each with its reason.
            DataError: an asset twice, or V beyond `max_cells`.
        """
        asked = list(self.usable if assets is None else assets)
        _refuse_repeats("assets", asked)
        if missing := self._missing(asked):
            raise MissingRiskError(f"no risk for {_listed(missing)}")
        if len(asked) ** 2 > max_cells:
            raise DataError(
                f"V of {len(asked):,} assets has {len(asked) ** 2:,} cells ({len(asked) ** 2 * 8 / 1e9:.1f} GB, and three times "
                f"that while it is made), more than max_cells ({max_cells:,}); ask for fewer assets, or raise it. "
                "The risk of a portfolio needs no V: use risk_of"
            )
        rows = [self._row[asset] for asset in asked]
        return pd.DataFrame(asset_cov(self.exposures[rows], self.factor_cov, self.specific_var[rows]), index=asked, columns=asked)

    def risk_of(
        self, holdings: pd.Series | Mapping[str, float], *, missing: Literal["raise", "leave_out"] = "raise"
    ) -> PortfolioReport:
        """Risk of holdings and where it comes from, in O(NK + K^2).

        Args:
            holdings: by asset, fractions of the value, any sign; active risk is that of holdings minus benchmark. A holding
                of 0 needs no risk data.
            missing: what to do about holdings without risk data: `raise`, or `leave_out` and list them in the report.

        Raises:
            MissingRiskError: a holding has no risk data; names each with its reason. Or none is left.
            DataError: no holdings, an asset twice, or a holding that is not a finite number.
        """
        if missing not in {"raise", "leave_out"}:
            raise ValueError(f"missing is {missing!r}; give 'raise' or 'leave_out'")
        asked = _checked(holdings)
        held = asked[asked != 0]
        left_out = self._missing(held.index)
        if left_out and (missing == "raise" or len(left_out) == held.size):
            hint = "missing='leave_out' goes on without" if missing == "raise" else "nothing is left"
            raise MissingRiskError(f"no risk for {len(left_out)} of {held.size} holdings: {_listed(left_out)}. {hint}")
        rows = [self._row[asset] for asset in self.usable]
        h = held.reindex(list(self.usable), fill_value=0.0).to_numpy()
        found = portfolio_risk(h, self.exposures[rows], self.factor_cov, self.specific_var[rows])
        kept = [asset for asset in asked.index if asset not in left_out]
        return PortfolioReport(
            variance=found.variance,
            vol=found.vol,
            exposures=pd.Series(found.exposures, list(self.factors), name="exposure"),
            marginal=pd.Series(found.marginal, list(self.usable), name="marginal"),
            by_asset=pd.Series(found.by_asset, list(self.usable), name="contribution").reindex(kept, fill_value=0.0),
            by_factor=pd.Series(found.by_factor, list(self.factors), name="contribution"),
            specific=found.specific,
            left_out=left_out,
        )

    @cached_property
    def _row(self) -> dict[str, int]:
        return {asset: row for row, asset in enumerate(self.assets)}

    def _missing(self, assets: Iterable[str]) -> dict[str, str]:
        unknown = f"no exposures known on {self.exposure_date}"
        return {asset: self.refused.get(asset, unknown) for asset in assets if asset in self.refused or asset not in self._row}


def assemble(
    *,
    variant: str,
    date: Date,
    exposure_date: Date,
    assets: Sequence[str],
    columns: Sequence[str],
    exposures: Floats,
    factors: Sequence[str],
    factor_cov: Floats,
    specific_var: Mapping[str, float],
    left_out: Mapping[str, str],
) -> RiskModel:
    """The risk model of a cross-section: X brought to Sigma's factors, Delta to X's assets.

    Args:
        variant: name of the estimators.
        date: of Sigma and Delta.
        exposure_date: of X.
        assets: (N,) rows of X.
        columns: (K',) factors of X, in the model's order.
        exposures: (N, K') X.
        factors: (K,) factors of Sigma.
        factor_cov: (K, K) fraction^2 per period.
        specific_var: by asset, fraction^2 per period; NaN or absent: none.
        left_out: why Sigma lacks a factor, where it is known.
    """
    aligned = align_model(
        assets=assets, columns=columns, exposures=exposures, factors=factors, factor_cov=factor_cov,
        specific_var=specific_var, left_out=left_out,
    )  # fmt: skip
    return RiskModel(
        variant=variant,
        date=date,
        exposure_date=exposure_date,
        assets=tuple(assets),
        factors=tuple(aligned.factors),
        exposures=aligned.exposures,
        factor_cov=aligned.factor_cov,
        specific_var=aligned.specific_var,
        refused=aligned.refused,
    )


def _checked(holdings: pd.Series | Mapping[str, float]) -> pd.Series:
    asked = holdings if isinstance(holdings, pd.Series) else pd.Series(dict(holdings), dtype=object)
    if asked.empty:
        raise DataError("there are no holdings; give a number by asset")
    if strangers := [asset for asset in asked.index if not isinstance(asset, str)]:
        raise DataError(f"holdings are by asset id, a string; {strangers[0]!r} is a {type(strangers[0]).__name__}")
    _refuse_repeats("holdings", asked.index)
    numbers = pd.to_numeric(asked, errors="coerce").astype(float)
    bad = asked[~np.isfinite(numbers)]
    if bad.size:
        shown = ", ".join(f"{asset}: {value}" for asset, value in bad.head(NAMED).items())
        raise DataError(f"{bad.size} of {asked.size} holdings are not finite numbers ({shown}); give 0 for what is not held")
    return numbers


def _refuse_repeats(name: str, assets: Iterable[str]) -> None:
    listed = pd.Index(assets)
    if listed.has_duplicates:
        twice = listed[listed.duplicated()].unique()
        shown = ", ".join(map(str, twice[:NAMED]))
        raise DataError(f"{name} name {len(twice)} assets more than once ({shown}); give each once")


def _listed(reasons: Mapping[str, str]) -> str:
    shown = ", ".join(f"{asset} ({reason})" for asset, reason in list(reasons.items())[:NAMED])
    return shown + (f" and {len(reasons) - NAMED} more" if len(reasons) > NAMED else "")
