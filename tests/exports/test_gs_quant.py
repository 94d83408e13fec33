"""gs-quant's upload: the schema as its classes say it, the units as its own arithmetic takes them."""

import json
import math
from dataclasses import replace

import jsonschema
import numpy as np
import pandas as pd
import pytest
from hard_names import LONG
from linked_risk import assert_same_cov
from numpy.testing import assert_allclose

from sigmalake.errors import DataError
from sigmalake.reader.exports import gs_quant
from sigmalake.reader.exports.dated_model import dated_model
from sigmalake.reader.exports.files import export_model
from sigmalake.reader.exports.forms import Form
from sigmalake.reader.exports.gs_quant import risk_model_data
from sigmalake.reader.exports.history import unadjusted_factor_cov

NUMBERS, NUMBERS_OR_NULL = (
    {"type": "array", "items": {"type": "number"}},
    {"type": "array", "items": {"type": ["number", "null"]}},
)
TEXTS = {"type": "array", "items": {"type": "string"}}
SQUARE = {"type": "array", "items": NUMBERS}
ID = {"type": "string", "minLength": 1, "maxLength": 19}
# RiskModelData and its parts of gs_quant.target.risk_models 2.2.1, in the letter case of their JSON. The tutorial on uploads adds
# that ids have fewer than 20 characters and that specificRisk and totalRisk are never null.
OPTIONAL_BY_ASSET = [
    "unadjustedSpecificRisk",
    "specificReturn",
    "dailyReturn",
    "estimationUniverseWeight",
    "residualVariance",
    "historicalBeta",
    "predictedBeta",
    "globalPredictedBeta",
    "bidAskSpread",
    "bidAskSpread30d",
    "bidAskSpread60d",
    "bidAskSpread90d",
    "tradingVolume",
    "tradingVolume30d",
    "tradingVolume60d",
    "tradingVolume90d",
    "tradedValue30d",
    "compositeVolume",
    "compositeVolume30d",
    "compositeVolume60d",
    "compositeVolume90d",
    "compositeValue30d",
    "issuerMarketCap",
    "price",
    "capitalization",
    "dividendYield",
    "rSquared",
    "fairValueGapPercent",
    "fairValueGapStandardDeviation",
    "modelPrice",
]
SCHEMA = {
    "type": "object",
    "required": ["date", "assetData", "factorData", "covarianceMatrix"],
    "additionalProperties": False,
    "properties": {
        "date": {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"},
        "assetData": {
            "type": "object",
            "required": ["universe", "specificRisk", "factorExposure"],
            "additionalProperties": False,
            "properties": {
                "universe": TEXTS,
                "specificRisk": NUMBERS,
                "totalRisk": NUMBERS,
                "factorExposure": {
                    "type": "array",
                    "items": {"type": "object", "propertyNames": ID, "additionalProperties": {"type": "number"}},
                },
                **dict.fromkeys(OPTIONAL_BY_ASSET, NUMBERS_OR_NULL),
            },
        },
        "factorData": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["factorId", "factorName", "factorCategoryId", "factorCategory"],
                "additionalProperties": False,
                "properties": {
                    "factorId": ID,
                    "factorName": {"type": "string"},
                    "factorCategoryId": ID,
                    "factorCategory": {"type": "string"},
                    "factorReturn": {"type": "number"},
                    "factorStandardDeviation": {"type": "number"},
                    "factorZScore": {"type": "number"},
                },
            },
        },
        "covarianceMatrix": SQUARE,
        "preVRACovarianceMatrix": SQUARE,
        "unadjustedCovarianceMatrix": SQUARE,
        "issuerSpecificCovariance": {
            "type": "object",
            "required": ["universeId1", "universeId2", "covariance"],
            "additionalProperties": False,
            "properties": {"universeId1": TEXTS, "universeId2": TEXTS, "covariance": NUMBERS},
        },
    },
}


@pytest.fixture(scope="module")
def data(exported_model, tmp_path_factory):
    """A date as the file says it."""
    folder = tmp_path_factory.mktemp("gs")
    ((file,),) = export_model(exported_model, Form.GS_QUANT, folder, [exported_model.as_of]).files.values()
    return json.loads(file.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def risk(exported_model):
    return exported_model.risk()


def test_the_file_keeps_the_schema_of_the_upload(data):
    jsonschema.validate(data, SCHEMA)
    sizes = {len(values) for values in data["assetData"].values()}
    assert sizes == {35}
    assert {len(row) for row in data["covarianceMatrix"]} == {len(data["factorData"])} == {len(data["covarianceMatrix"])}


def test_the_file_gives_v_in_the_units_of_gs_quant(data, risk):
    assets = data["assetData"]
    ids = [factor["factorId"] for factor in data["factorData"]]
    X = np.array([[exposures.get(name, 0.0) for name in ids] for exposures in assets["factorExposure"]])
    specific = np.array(assets["specificRisk"]) / 100 / math.sqrt(252)
    found = pd.DataFrame(
        X @ np.array(data["covarianceMatrix"]) @ X.T + np.diag(specific**2), assets["universe"], assets["universe"]
    )
    linked = data["issuerSpecificCovariance"]
    for first, second, cov in zip(*linked.values(), strict=True):
        found.loc[first, second] += cov
        found.loc[second, first] += cov
    assert_same_cov(found, risk.asset_cov(), 1e-14)
    assert (linked["universeId1"], linked["universeId2"]) == (["A07"], ["A08"])


def test_contributions_by_gs_quants_own_arithmetic_add_up(data):
    """The steps of `FactorRiskModel.get_asset_contribution_to_risk`, which fix the units of exposures, covariances and risk."""
    assets = data["assetData"]
    ids, cov = [factor["factorId"] for factor in data["factorData"]], np.array(data["covarianceMatrix"])
    for total, specific, r_squared, exposures in zip(
        assets["totalRisk"], assets["specificRisk"], assets["rSquared"], assets["factorExposure"], strict=True
    ):
        spot = 57.0
        per_day = total / 100 * spot / math.sqrt(252)
        x = np.array([exposures.get(name, 0.0) * spot for name in ids])
        of_factors = (x * (cov @ x) / per_day * math.sqrt(252) / spot * 100).sum()
        assert total - of_factors == pytest.approx(specific**2 / total, rel=1e-10)
        assert of_factors / total * 100 == pytest.approx(r_squared, rel=1e-10)


def test_returns_are_in_percent_and_weights_are_shares(data, exported_model):
    fitted = exported_model.regression(exported_model.as_of)["factor_return"]
    for factor in data["factorData"]:
        assert factor["factorReturn"] == pytest.approx(100 * fitted[factor["factorName"]], rel=1e-14)
    weights = [weight for weight in data["assetData"]["estimationUniverseWeight"] if weight is not None]
    betas = np.array(data["assetData"]["predictedBeta"])
    assert sum(weights) == pytest.approx(1.0)
    inside = [weight is not None for weight in data["assetData"]["estimationUniverseWeight"]]
    assert betas[inside] @ weights == pytest.approx(1.0)


def test_sigma_before_the_volatility_regime_is_sigma_over_its_square(data, exported_model):
    multiplier = exported_model.risk_diagnostics()["value"]["regime_multiplier"]
    assert_allclose(np.array(data["covarianceMatrix"]) / data["preVRACovarianceMatrix"], multiplier**2, rtol=1e-13)


def test_sigma_before_its_adjustments_is_estimated_again_from_the_stored_factor_returns(data, exported_model):
    """The variant's only adjustment is the regime: what is estimated again is what was stored, over its square."""
    assert_allclose(data["unadjustedCovarianceMatrix"], data["preVRACovarianceMatrix"], rtol=1e-10, atol=1e-16)
    assert unadjusted_factor_cov(exported_model, replace(exported_model.risk(), frequency="month")) is None


def test_a_historical_beta_is_the_slope_of_a_years_returns_on_the_markets(data, exported_model):
    days = [day for day in exported_model.calendar() if day > pd.Timestamp(exported_model.as_of) - pd.Timedelta(days=365)]
    days = exported_model.calendar()[-max(len(days), 24) :]
    asset = data["assetData"]["universe"][0]
    r = np.array([exported_model.panel(return_date=day)["ret"].get(asset, np.nan) for day in days])
    m = np.array([exported_model.regression(day).attrs["market_return"] for day in days], dtype=float)
    both = np.isfinite(r) & np.isfinite(m)
    slope = np.cov(r[both], m[both])[0, 1] / np.var(m[both], ddof=1)
    assert data["assetData"]["historicalBeta"][0] == pytest.approx(slope, rel=1e-9)


def test_a_long_name_has_a_short_id_that_is_the_same_on_every_date(data, exported_model):
    (long,) = [factor for factor in data["factorData"] if factor["factorName"] == LONG]
    assert len(long["factorId"]) == 19
    earlier = risk_model_data(dated_model(exported_model, exported_model.dates()[-9]))
    assert long["factorId"] in {factor["factorId"] for factor in earlier["factorData"]}
    short = [factor for factor in data["factorData"] if factor["factorName"] != LONG]
    assert all(factor["factorId"] == factor["factorName"] for factor in short)


def test_what_is_not_known_is_null_or_left_out(exported_model):
    dated = dated_model(exported_model)
    blank = dated._replace(
        factors=dated.factors.assign(factor_return=np.nan),
        assets=dated.assets.assign(ret=np.nan, cap=np.nan),
        regime_multiplier=None,
    )
    found = risk_model_data(blank)
    jsonschema.validate(found, SCHEMA)
    assert not any("factorReturn" in factor for factor in found["factorData"])
    assert set(found["assetData"]["dailyReturn"]) == {None}
    assert not {"capitalization"} & set(found["assetData"])
    assert "preVRACovarianceMatrix" not in found


def test_two_names_with_one_id_are_refused(exported_model, monkeypatch):
    monkeypatch.setattr(gs_quant, "_short", lambda name: name[:1])
    with pytest.raises(DataError, match=r"two groups would have one id .*; rename one of market, sector, style"):
        gs_quant.risk_model_data(dated_model(exported_model))


def test_gs_quants_own_classes_take_the_file_and_give_it_back(data):
    target = pytest.importorskip("gs_quant.target.risk_models", reason="gs-quant is not installed")
    back = target.RiskModelData.from_dict(data).to_dict()
    assert plain(back) == plain(data)


def plain(value):
    """As JSON has it, without what is None."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value if isinstance(value, int | float | str | None) else str(value)
