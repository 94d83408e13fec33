"""Two other factor models, as of each date, on the exposures of ours: skfolio's and riskprism's regressions and estimators.

Both take the market, one complete group and the styles: they know no second group. riskprism's regime multiplier comes from its own
validation on weekly returns, and is left at 1; it takes part where there are caps, by which it weighs.
"""

import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from validation.peers.forecasts import Factored
from validation.peers.market import Market, Origin

from sigmalake.numerics.types import Floats

sys.path.append(str(Path(__file__).parents[2] / "bench" / "peers"))  # its modules import each other by name

MIN_OBSERVATIONS = 60

AsOf = Mapping[int, tuple[Floats, pd.Series]]
"""By position of the forecast, Sigma by the peers' factors and the specific variance of each asset."""


class PeerModels:
    """What the two packages estimate as of the dates of all forecasts, on the same exposures; one may not be installed."""

    def __init__(self, market: Market) -> None:
        self._rows = _peer_rows(market)
        self._market = market
        self._found: dict[str, AsOf] = {}
        for estimate in (self._skfolio, *([] if market.caps is None else [self._riskprism])):
            try:
                self._found |= estimate()
            except ModuleNotFoundError as error:
                print(f"{error.name} is not installed: it is left out", flush=True)

    def forecasts(self, origin: Origin) -> dict[str, Factored]:
        """By name, V of the assets of a forecast; an asset without a specific variance takes the median."""
        known = self._rows[self._rows["date"] == pd.Timestamp(self._market.returns.index[origin.position])].set_index("asset_id")
        X = _exposures(known.reindex(origin.assets), self._levels)
        found = {}
        for name, by_date in self._found.items():
            factor_cov, specific_var = by_date[origin.position]
            var = specific_var.reindex(origin.assets)
            found[name] = Factored(X, factor_cov, var.fillna(var.median()).to_numpy())
        return found

    @property
    def _levels(self) -> list[str]:
        return sorted(self._rows["industry"].unique())

    def _skfolio(self) -> dict[str, AsOf]:
        from fit_skfolio import compute_regress, prepare_regress  # noqa: PLC0415 - not everybody has it
        from skfolio.moments import RegimeAdjustedEWCovariance, RegimeAdjustedEWVariance  # noqa: PLC0415

        fitted = compute_regress(prepare_regress(pa.Table.from_pandas(self._rows, preserve_index=False)))
        first = int(np.flatnonzero((fitted.free != 0).all(axis=1))[0])  # it refuses a style that returned 0
        at = {pd.Timestamp(day): number for number, day in enumerate(fitted.labels.dates)}
        origins = {at[pd.Timestamp(self._market.returns.index[position])]: position for position in self._market.origins}
        grid, found = self._market.given.grid, {}
        ours = {"half_life": grid.half_life, "min_observations": MIN_OBSERVATIONS}
        settings = {
            "skfolio, its defaults": ({}, {}),
            "skfolio, longer half-lives": ({**ours, "corr_half_life": grid.corr_half_life}, ours),
        }
        for name, (of_factors, of_assets) in settings.items():
            covariance, variance = RegimeAdjustedEWCovariance(**of_factors), RegimeAdjustedEWVariance(**of_assets)
            by_date: dict[int, tuple[Floats, pd.Series]] = {}
            for t in range(first, max(origins) + 1):
                covariance.partial_fit(fitted.free[[t]])
                variance.partial_fit(fitted.specific_returns[[t]])
                if t in origins:
                    free = covariance.covariance_[np.newaxis]
                    factor_cov = fitted.basis[t + 1 : t + 2].expand_factor_covariance(free)[0]
                    by_date[origins[t]] = factor_cov, pd.Series(variance.variance_.copy(), fitted.labels.assets)
            found[name] = by_date
        return found

    def _riskprism(self) -> dict[str, AsOf]:
        from fit_riskprism import compute, frames, prepare  # noqa: PLC0415 - not everybody has it
        from riskprism.config import ModelConfig  # noqa: PLC0415
        from riskprism.model.covariance import factor_covariance  # noqa: PLC0415
        from riskprism.model.specific import specific_risk  # noqa: PLC0415

        returns, grid = frames(compute(prepare(pa.Table.from_pandas(self._rows, preserve_index=False)))), self._market.given.grid
        config = ModelConfig(
            ann_factor=1.0, vol_half_life=grid.half_life, specific_half_life=grid.half_life, corr_half_life=grid.corr_half_life,
            min_specific_obs=MIN_OBSERVATIONS, eig_floor=0.0,
        )  # fmt: skip
        styles = [column for column in self._rows if column.startswith("style_")]
        columns = ["market", *self._levels, *styles]
        by_date: dict[int, tuple[Floats, pd.Series]] = {}
        for position in self._market.origins:
            day = pd.Timestamp(self._market.returns.index[position])
            known = self._rows[self._rows["date"] == day].set_index("asset_id")
            factor_cov = factor_covariance(returns.factor_returns[:day], config)
            X = known[styles].rename(columns=lambda name: name.removeprefix("style_"))
            vol = specific_risk(returns.residuals[:day], X, known["industry"], config).vol
            by_date[position] = factor_cov.reindex(index=columns, columns=columns).fillna(0.0).to_numpy(), vol**2
        return {"riskprism": by_date}


def _peer_rows(market: Market) -> pd.DataFrame:
    """The panel as the bench's peers read it: exposures and caps known at a date, beside the return that ended there."""
    frames = []
    for day, returns in market.returns.iterrows():
        known = market.model.panel(exposure_date=pd.Timestamp(day).date())
        frames.append(_as_peers(market, pd.Timestamp(day), known, returns))
    return pd.concat(frames, ignore_index=True)


def _as_peers(market: Market, day: pd.Timestamp, known: pd.DataFrame, returns: pd.Series) -> pd.DataFrame:
    risk = market.model.risk(variant=market.model.variants[0])
    groups = dict(zip(risk.factors, risk.groups, strict=True))
    levels = [name for name, group in groups.items() if group == market.given.category]
    rows = pd.DataFrame({"date": day, "asset_id": known.index, "ret": returns.reindex(known.index).to_numpy()})
    rows["industry"] = np.array(levels)[known[levels].to_numpy().argmax(axis=1)]
    rows["cap"] = known["cap"].to_numpy() if "cap" in known else 1.0
    rows["in_estimation"] = True
    styles = [name for name in known if groups.get(name) == "style"]
    return rows.assign(**{f"style_{name}": known[name].to_numpy() for name in styles})


def _exposures(known: pd.DataFrame, levels: list[str]) -> Floats:
    """(N, K) market, levels, styles in the order of their names."""
    styles = sorted(column for column in known if column.startswith("style_"))
    members = (known["industry"].to_numpy()[:, None] == np.array(levels)[None, :]).astype(float)
    return np.column_stack([np.ones(len(known)), members, known[styles].to_numpy(dtype=float)])
