"""What moved the risk of holdings between two dates, two releases or two variants."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from sigmalake.errors import DataError, MissingRiskError
from sigmalake.numerics.portfolio.linked_cov import LinkedCov
from sigmalake.numerics.portfolio.risk import portfolio_risk
from sigmalake.numerics.portfolio.variance_change import FactoredRisk, VarianceChange, variance_change
from sigmalake.reader.holdings import Holdings, Missing
from sigmalake.reader.risk_model import RiskModel


class RiskComparison(NamedTuple):
    """h2' V2 h2 - h1' V1 h1, fraction^2 over the models' horizon. `parts` sums to `second - first`."""

    first: float  # variance in the first model
    second: float  # variance in the second
    parts: pd.Series  # exposures, holdings, factor_vols, factor_correlations, specific: what the change of each did
    by_factor: pd.DataFrame  # a row a factor: exposures, factor_vols, factor_correlations; each sums to its part
    by_asset: pd.DataFrame  # a row an asset held on either side: exposures, holdings, specific; each sums to its part
    left_out: dict[str, str]  # holdings without risk data in one of the models, with the reason; in no number here


def compare_risk(
    first: RiskModel, second: RiskModel, holdings: Holdings, later: Holdings | None = None, *, missing: Missing = "raise"
) -> RiskComparison:
    """Why holdings have another variance in a second model than in a first.

    The parts are those of `numerics.portfolio.variance_change`: each product is parted at the mean of its sides, so that the
    answer is exact and does not depend on an order. A factor that one model lacks has no variance there, and no exposures. Where
    an asset is held on one side only and unknown to the other side, its exposures and specific variance count as unchanged:
    what it brings is the holding's.

    Args:
        first: the earlier model.
        second: the later model, of the same horizon.
        holdings: in the first, fractions of the value, any sign.
        later: in the second; None: the same.
        missing: what to do about holdings without risk data on their side: `raise`, or `leave_out` on both sides and list.

    Raises:
        MissingRiskError: a holding has no risk data, or all were left out; of holdings that are all 0 nothing moves.
        DataError: the horizons or the frequencies differ; no holdings, an asset twice, or a holding that is not a finite number.
    """
    if first.frequency != second.frequency:
        raise DataError(
            f"{first.variant} is of returns by {first.frequency} and {second.variant} by {second.frequency}; "
            "compare variants of one frequency"
        )
    if first.horizon != second.horizon:
        raise DataError(f"the models are for {first.horizon:g} and {second.horizon:g} periods; compare equal horizons")
    h_1, without_1 = first.split_holdings(holdings, missing)
    h_2, without_2 = second.split_holdings(holdings if later is None else later, missing)
    left_out = without_1 | without_2
    assets = [asset for asset in h_1.index.union(h_2.index, sort=False) if asset not in left_out]
    assets = [asset for asset in assets if h_1.get(asset, 0.0) != 0 or h_2.get(asset, 0.0) != 0]
    if not assets and left_out:
        raise MissingRiskError("nothing is held that both models have risk data for")
    factors = list(dict.fromkeys([*first.factors, *second.factors]))
    sides = [_side(risk, h, assets, factors) for risk, h in ((first, h_1), (second, h_2))]
    given = [_filled(sides[n], sides[1 - n]) for n in (0, 1)]
    by_factor, by_asset, parts = _labelled(variance_change(*given), assets, factors)
    before, after = (portfolio_risk(*side).variance for side in given)
    return RiskComparison(before, after, parts, by_factor, by_asset, left_out)


class _Side(NamedTuple):
    """A model's data on the assets of both holdings; rows that it does not know are 0."""

    risk: FactoredRisk
    known: np.ndarray  # (N,) whether it knows the asset
    pairs: dict[tuple[int, int], float]  # specific covariances


def _side(risk: RiskModel, holdings: pd.Series, assets: Sequence[str], factors: Sequence[str]) -> _Side:
    usable = set(risk.usable)
    rows = [n for n, asset in enumerate(assets) if asset in usable]
    parts = risk.parts([assets[n] for n in rows])
    X, var = np.zeros((len(assets), len(factors))), np.zeros(len(assets))
    columns = [factors.index(factor) for factor in risk.factors]
    X[np.ix_(rows, columns)], var[rows] = parts.exposures, parts.specific_var
    cov = np.zeros((len(factors), len(factors)))
    cov[np.ix_(columns, columns)] = parts.factor_cov
    placed = [(rows[a], rows[b]) for a, b in parts.linked.pairs.tolist()]
    h = holdings.reindex(list(assets), fill_value=0.0).to_numpy()
    pairs = dict(zip(placed, parts.linked.cov.tolist(), strict=True))
    return _Side(FactoredRisk(h, X, cov, var), np.isin(np.arange(len(assets)), rows), pairs)


def _filled(side: _Side, other: _Side) -> FactoredRisk:
    """The side, with the other's data where it does not know an asset, which it then does not hold."""
    risk, known = side.risk, side.known
    pairs = side.pairs | {pair: cov for pair, cov in other.pairs.items() if not known[list(pair)].all()}
    return FactoredRisk(
        holdings=risk.holdings,
        exposures=np.where(known[:, None], risk.exposures, other.risk.exposures),
        factor_cov=risk.factor_cov,
        specific_var=np.where(known, risk.specific_var, other.risk.specific_var),
        linked=LinkedCov(np.array(list(pairs), dtype=np.int64).reshape(-1, 2), np.array(list(pairs.values()), dtype=float)),
    )


def _labelled(
    change: VarianceChange, assets: Sequence[str], factors: Sequence[str]
) -> tuple[pd.DataFrame, pd.DataFrame, pd.Series]:
    """The parts of a change as frames by factor and by asset, and as sums."""
    by_factor = pd.DataFrame(
        {
            "exposures": change.exposures,
            "factor_vols": change.factor_vols,
            "factor_correlations": change.factor_correlations,
        },
        index=pd.Index(factors, name="factor"),
    )
    by_asset = pd.DataFrame(
        {
            "exposures": change.exposures_by_asset,
            "holdings": change.holdings_factor + change.holdings_specific,
            "specific": change.specific,
        },
        index=pd.Index(assets, name="asset_id"),
    )
    sums = by_factor.sum()
    parts = {
        "exposures": sums["exposures"],
        "holdings": by_asset["holdings"].sum(),
        "factor_vols": sums["factor_vols"],
        "factor_correlations": sums["factor_correlations"],
        "specific": by_asset["specific"].sum(),
    }
    return by_factor, by_asset, pd.Series(parts, name="variance")
