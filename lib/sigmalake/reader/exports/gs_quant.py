"""A model's date in the schema in which gs-quant uploads risk models to Marquee.

Source: gs-quant 2.2.1, `gs_quant.target.risk_models.RiskModelData`, its tutorial on uploading factor risk models, and
`FactorRiskModel.get_asset_contribution_to_risk`, which fixes the units: covariances are in fraction^2 per day with 252 days a year,
risk is in percent per year, returns are in percent.
"""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from sigmalake.errors import DataError
from sigmalake.reader.exports.dated_model import DatedModel
from sigmalake.reader.exports.flat_tables import PERCENT, over_year
from sigmalake.reader.exports.history import historical_betas, unadjusted_factor_cov

DAYS_A_YEAR = 252.0
_LONGEST_ID = 19  # the upload takes ids of fewer than 20 characters
_DIGEST = 8


def risk_model_data(dated: DatedModel) -> dict[str, Any]:
    """What `FactorRiskModel.upload_data` of gs-quant takes, and what JSON says of it.

    Assets without a V are not in the universe: the schema knows no missing specific risk. What is not known is None, but for a
    factor without a return on the date, which has no `factorReturn`. Optional parts are there where the model has them:
    `issuerSpecificCovariance` with linked issues, `preVRACovarianceMatrix`, Sigma before the volatility regime, with a regime, and
    `unadjustedCovarianceMatrix` where it can be estimated again.

    Args:
        dated: of a model. The calendar's steps should be days: returns are of one step, whatever it is.

    Raises:
        DataError: two factors or groups would have one id.
    """
    risk, returns = dated.risk, _listed(PERCENT * dated.factors["factor_return"])
    a_day = dated.periods_per_year / DAYS_A_YEAR
    ids, categories = _ids(risk.factors, "factors"), _ids(risk.groups, "groups")
    F = risk.factor_cov * a_day
    data: dict[str, Any] = {
        "date": str(dated.date),
        "assetData": _asset_data(dated, list(ids.values())),
        "factorData": [
            {
                "factorId": ids[name],
                "factorName": name,
                "factorCategoryId": categories[group],
                "factorCategory": group,
                **({} if earned is None else {"factorReturn": earned}),
            }
            for name, group, earned in zip(risk.factors, risk.groups, returns, strict=True)
        ],
        "covarianceMatrix": F.tolist(),
    }
    if dated.regime_multiplier:
        data["preVRACovarianceMatrix"] = (F / dated.regime_multiplier**2).tolist()
    unadjusted = unadjusted_factor_cov(dated.model, risk)
    if unadjusted is not None:
        data["unadjustedCovarianceMatrix"] = (unadjusted * a_day).tolist()
    linked = risk.parts(risk.usable).linked
    if linked.cov.size:
        first, second = ([risk.usable[row] for row in rows] for rows in linked.pairs.T)
        data["issuerSpecificCovariance"] = {
            "universeId1": first,
            "universeId2": second,
            "covariance": (linked.cov * a_day).tolist(),
        }
    return data


def _asset_data(dated: DatedModel, factor_ids: list[str]) -> dict[str, list[Any]]:
    assets, risk = dated.assets, dated.risk
    X = risk.parts(risk.usable).exposures
    exposures = [{factor_ids[k]: float(row[k]) for k in np.flatnonzero(row).tolist()} for row in X]
    found = {
        "universe": list(assets.index),
        "specificRisk": _listed(np.sqrt(over_year(dated, assets["specific_var"]))),
        "factorExposure": exposures,
        "unadjustedSpecificRisk": _listed(np.sqrt(over_year(dated, assets["ts_var"]))),
        "totalRisk": _listed(np.sqrt(over_year(dated, assets["total_var"]))),
        "rSquared": _listed(PERCENT * assets["r2"]),
        "predictedBeta": _listed(assets["beta"]),
        "historicalBeta": _listed(historical_betas(dated.model, risk).reindex(assets.index)),
        "estimationUniverseWeight": _listed(assets["weight"]),
        "specificReturn": _listed(PERCENT * assets["specific_return"]),
        "dailyReturn": _listed(PERCENT * assets["ret"]),
    }
    return found | ({"capitalization": _listed(assets["cap"])} if assets["cap"].notna().any() else {})


def _listed(values: pd.Series | np.ndarray) -> list[float | None]:
    return [None if np.isnan(value) else value for value in np.asarray(values, dtype=float).tolist()]


def _ids(names: Sequence[str], what: str) -> dict[str, str]:
    """Names that are short enough are their own ids; of a longer one its beginning and a digest, the same on every date."""
    ids = {name: _short(name) for name in names}
    if len(set(ids.values())) < len(ids):
        raise DataError(f"two {what} would have one id of fewer than {_LONGEST_ID + 1} characters; rename one of {', '.join(ids)}")
    return ids


def _short(name: str) -> str:
    if len(name) <= _LONGEST_ID:
        return name
    return f"{name[: _LONGEST_ID - _DIGEST - 1]}~{hashlib.sha256(name.encode()).hexdigest()[:_DIGEST]}"
