"""V in another currency on reading, against a model that is estimated in that currency, and currency factors against skfolio's."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from skfolio.containers import AssetPanel, FieldCategorical
from skfolio.factor_exposure import BaseFactorExposure, GlobalFactor, OneHotCategoricalFactors
from skfolio.moments import EmpiricalCovariance, EmpiricalMu
from skfolio.prior import CharacteristicsFactorModel, EmpiricalPrior

from sigmalake import fit
from sigmalake.errors import DataError, MissingRiskError

T, N = 66, 24
ASSETS = [f"A{n:02d}" for n in range(N)]
CURRENCY = np.array(["USD", "EUR", "JPY"])[np.arange(N) % 3]
RISK = {
    "sample": {
        "factor_cov": {"estimator": "sample", "window": 60, "min_periods": 40},
        "specific_var": {"estimator": "sample", "window": 60, "min_periods": 40},
    }
}


@pytest.fixture(scope="module")
def world():
    """Local returns, a style and the returns of currencies in dollars."""
    rng, days = np.random.default_rng(5), pd.bdate_range("2024-01-01", periods=T)
    index = pd.MultiIndex.from_product([days, ASSETS], names=["date", "asset_id"])
    panel = pd.DataFrame({"ret": 0.01 * rng.standard_normal(T * N), "value": rng.standard_normal(T * N)}, index)
    currencies = pd.DataFrame(0.006 * rng.standard_normal((T, 4)), days, ["USD", "EUR", "JPY", "GBP"]).assign(USD=0.0)
    return panel.assign(currency=np.tile(CURRENCY, T)).reset_index(), currencies


@pytest.fixture(scope="module")
def models(world, tmp_path_factory):
    """By base currency: the same local returns beside currencies as that base counts them."""
    panel, currencies = world
    found = {}
    for base in ("USD", "EUR", "GBP"):
        others = [name for name in ("USD", "EUR", "JPY") if name != base]
        place = tmp_path_factory.mktemp(base) / "F.parquet"
        counted = currencies[others].sub(currencies[base], axis=0)
        counted.rename_axis("date").melt(ignore_index=False, var_name="factor").reset_index().to_parquet(place)
        group = {"membership": "currency", "column": "currency", "only": others, "given": "beside_returns"}
        config = {
            "sources": {"panel": {"columns": {}}, "factor_returns": {"path": str(place)}},
            "factors": [{"market": "world"}, {"styles": ["value"]}, group],
        }
        found[base] = fit(panel, risk=RISK, config=config)
    return found


def test_v_in_another_currency_is_that_of_a_model_estimated_in_it(models, world):
    dollars, euros = models["USD"], models["EUR"]
    read, direct = dollars.risk(numeraire="EUR"), euros.risk()
    assert_allclose(read.asset_cov(), direct.asset_cov(), rtol=1e-10, atol=1e-18)
    assert_allclose(euros.risk(numeraire="USD").asset_cov(), dollars.risk().asset_cov(), rtol=1e-10, atol=1e-18)
    assert abs(read.asset_cov() / dollars.risk().asset_cov() - 1).to_numpy().max() > 0.1
    h = dict(zip(ASSETS[:9], np.linspace(-0.1, 0.4, 9), strict=True))
    assert_allclose(read.risk_of(h).vol, direct.risk_of(h).vol, rtol=1e-12)
    exposures = pd.DataFrame(read.exposures, list(read.assets), list(read.factors))
    assert exposures.loc["A01", ["EUR", "JPY"]].tolist() == [0, 0]  # a euro asset
    assert exposures.loc["A00", ["EUR", "JPY"]].tolist() == [-1, 0]  # a dollar asset
    # what was earned is counted in the model's currency
    panel, currencies = world
    local = panel.pivot(index="date", columns="asset_id", values="ret")
    whole = local + currencies[list(CURRENCY)].set_axis(ASSETS, axis=1)
    earned = dollars.attribution({"A01": 0.5, "A02": 0.5})
    assert_allclose(earned.returns, whole[["A01", "A02"]].mean(axis=1)[1:], rtol=0, atol=1e-15)
    assert_allclose(earned.parts["EUR"], 0.5 * currencies["EUR"].iloc[1:], rtol=0, atol=1e-15)


def test_a_currency_that_there_is_not_is_refused_and_so_is_a_second_change(models):
    with pytest.raises(MissingRiskError, match="the model has no currency GBP: it has EUR, JPY"):
        models["USD"].risk(numeraire="GBP")
    with pytest.raises(DataError, match="in EUR already"):
        models["USD"].risk(numeraire="EUR").in_numeraire("JPY")


class Given(BaseFactorExposure, stateless=True):
    """A field as it stands."""

    def __init__(self, field, *, family):
        super().__init__(family=family)
        self.field = field

    def fit_transform(self, X, y=None, **fit_params):  # noqa: ARG002 - skfolio's signature
        return X[self.field]


def test_currency_factors_are_those_of_skfolio(models, world):
    panel, currencies = world
    wide = {name: panel.pivot(index="date", columns="asset_id", values=name).to_numpy() for name in ("ret", "value")}
    levels = ["EUR", "JPY", "USD"]
    in_pounds = currencies[levels].sub(currencies["GBP"], axis=0)  # no asset's own: skfolio refuses a currency that stands still
    codes = np.broadcast_to([levels.index(name) for name in CURRENCY], (T, N))
    fields = {
        "returns": wide["ret"], "value": wide["value"], "market_cap": np.ones((T, N)),
        "currency": FieldCategorical(values=codes.copy(), levels=np.array(levels)),
    }  # fmt: skip
    theirs = CharacteristicsFactorModel(
        factors=[("world", GlobalFactor()), ("value", Given("value", family="style"))],
        currency_factor=OneHotCategoricalFactors("currency", family="currency"),
        min_regression_assets=N,
        factor_prior_estimator=EmpiricalPrior(
            mu_estimator=EmpiricalMu(), covariance_estimator=EmpiricalCovariance(window_size=60, nearest=False)
        ),
    ).fit(
        characteristics=AssetPanel(fields=fields, observations=currencies.index.to_numpy(), asset_names=np.array(ASSETS)),
        currency_excess_returns=in_pounds,
    )
    theirs = theirs.factor_model_
    names = [str(name).rsplit("__", 1)[-1] for name in theirs.factor_names]
    ours = models["GBP"]
    found = ours.factor_returns()
    assert_allclose(pd.DataFrame(theirs.factor_returns, columns=names)[list(found)], found, rtol=0, atol=1e-12)
    risk = ours.risk()
    assert_allclose(
        risk.exposures @ risk.factor_cov @ risk.exposures.T,
        theirs.loading_matrix @ theirs.factor_covariance @ theirs.loading_matrix.T,
        rtol=1e-10,
        atol=1e-17,
    )
