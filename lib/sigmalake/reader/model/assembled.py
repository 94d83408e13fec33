"""The risk model of a cross-section, put together from what is stored of its date."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date as Date  # the plain name is an argument

import numpy as np

from sigmalake.numerics.portfolio.coverage import align_model
from sigmalake.numerics.portfolio.linked_cov import LinkedCov
from sigmalake.numerics.types import Floats
from sigmalake.numerics.windows.calendar import Frequency
from sigmalake.reader.risk_model import RiskModel


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
    currencies: Sequence[str] = (),
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
        currencies: factors whose returns are given for a group of memberships.
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
        currencies=tuple(currencies),
    )


def _linked_rows(assets: Sequence[str], linked: Mapping[tuple[str, str], float]) -> LinkedCov:
    """Pairs by their rows of X; what is not in X has no V, and no pair."""
    row = {asset: position for position, asset in enumerate(assets)}
    cov_by_rows = {tuple(sorted((row[a], row[b]))): cov for (a, b), cov in linked.items() if a in row and b in row}
    return LinkedCov(np.array(list(cov_by_rows), dtype=np.int64).reshape(-1, 2), np.array(list(cov_by_rows.values()), dtype=float))
