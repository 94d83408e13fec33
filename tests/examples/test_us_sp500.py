"""conf/us_sp500.yaml on a panel that lies outside the repository, against statsmodels and pandas on the raw rows."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from numpy.testing import assert_allclose
from scipy.linalg import null_space

from sigmalake.reader.open_release import open_release

STYLES = ["size", "beta", "momentum", "volatility", "reversal", "book_to_price"]
PANEL = "us_sp500_mini.parquet"  # 120 stocks, 301 dates


@pytest.fixture(scope="module")
def panel_file():
    beside_the_repository = Path(__file__).resolve().parents[3] / "shared" / "data"
    path = Path(os.environ.get("SIGMALAKE_DATA", beside_the_repository)) / PANEL
    if not path.exists():
        pytest.skip(f"{PANEL} is neither in SIGMALAKE_DATA nor in ../shared/data")
    return path


@pytest.fixture(scope="module")
def panel(panel_file):
    return pd.read_parquet(panel_file).set_index(["date", "symbol"]).sort_index()


@pytest.fixture(scope="module")
def calendar(panel):
    return list(panel.index.levels[0])


@pytest.fixture(scope="module")
def us(panel_file, command_line, tmp_path_factory):
    lake = tmp_path_factory.mktemp("us") / "lake"
    example = command_line("us_sp500.yaml", lake, [f"sources.panel.path={panel_file}"])
    example("run")
    return example


@pytest.fixture(scope="module")
def model(us):
    return open_release(us.lake)


@pytest.fixture(scope="module")
def f(us, factors):
    return us.table("factor_returns").pivot(index="date", columns="factor", values="factor_return")[factors]


@pytest.fixture(scope="module")
def u(us):
    return us.table("specific_returns").pivot(index="date", columns="asset_id", values="specific_return")


@pytest.fixture(scope="module")
def factors(panel):
    return ["market", *sorted(panel["sector"].unique()), *STYLES]


def exposures(panel, factors, day):
    known = panel.loc[day]
    sectors = [(known["sector"] == name).astype(float).rename(name) for name in factors[1 : -len(STYLES)]]
    X = pd.concat([pd.Series(1.0, known.index, name="market"), *sectors, known[STYLES]], axis=1)
    return X[factors]


@pytest.mark.parametrize("position", [1, 2, 60, 151, 233, 299, 300])
def test_a_date_is_the_constrained_regression_of_statsmodels(position, us, panel, calendar, factors, f, u):
    before, day = calendar[position - 1], calendar[position]
    X, known = exposures(panel, factors, before), panel.loc[before]
    r = panel.loc[day, "ret"].reindex(X.index)
    w = np.sqrt(known["mcap_bn"]) / np.sqrt(known["mcap_bn"]).mean()
    is_sector = ~np.isin(factors, ["market", *STYLES])
    C = (known["mcap_bn"] @ X / known["mcap_bn"].sum()).to_numpy()[None] * is_sector
    glm = sm.GLM(r.to_numpy(), X.to_numpy(), var_weights=w.to_numpy()).fit_constrained((C, np.zeros(1)))
    basis = null_space(C)
    wls = sm.WLS(r.to_numpy(), X.to_numpy() @ basis, weights=w.to_numpy()).fit()
    assert_allclose(f.loc[day], glm.params, rtol=0, atol=1e-12)
    assert_allclose(f.loc[day], basis @ wls.params, rtol=0, atol=1e-12)
    assert_allclose(u.loc[day, X.index], wls.resid, rtol=0, atol=1e-12)
    rows = us.table("factor_returns")
    errors = rows[rows.date == day].set_index("factor").loc[factors, "std_error"]
    assert_allclose(errors, glm.bse, rtol=1e-10)
    said = us.table("cross_sections").set_index("date").loc[day]
    assert_allclose([said.r2, said.adj_r2], [wls.rsquared, wls.rsquared_adj], rtol=0, atol=1e-12)


def test_every_date_has_a_regression_and_both_risk_models(us, calendar):
    sections = us.table("cross_sections")
    assert sorted(sections.date) == calendar[1:]
    assert set(sections.status) == {"ok"}
    models = us.table("risk_models")
    assert sorted(zip(models.variant, models.date, strict=True)) == [(v, d) for v in ("ewma", "sample") for d in calendar[1:]]
    assert (models[models.status == "ok"].groupby("variant").size() == len(calendar) - 60).all()  # from 60 dates on


def test_sigma_with_exponential_weights_is_pandas_ewm(us, model, f, factors):
    variances = f[-252:].ewm(halflife=84).var(bias=True).iloc[-1]
    correlations = f[-504:].ewm(halflife=168).corr().loc[f.index[-1]]
    expected = np.sqrt(np.outer(variances, variances)) * correlations
    assert_allclose(stored_sigma(us, "ewma", f.index[-1], factors), expected, rtol=0, atol=1e-10 * variances.max())
    assert_allclose(model.risk(variant="ewma").factor_cov, expected, rtol=1e-10, atol=1e-12 * variances.max())


def test_sigma_with_equal_weights_is_numpy_cov(us, model, f, factors):
    expected = np.cov(f[-252:].to_numpy().T)
    assert_allclose(stored_sigma(us, "sample", f.index[-1], factors), expected, rtol=1e-10, atol=1e-12 * expected.max())
    assert_allclose(model.risk(variant="sample").factor_cov, expected, rtol=1e-10, atol=1e-12 * expected.max())


def test_delta_is_pandas_on_the_residuals(us, model, u):
    expected = {"ewma": u[-252:].ewm(halflife=84).var(bias=True).iloc[-1], "sample": u[-252:].var(ddof=1)}
    table = us.table("specific_risk")
    for variant, var in expected.items():
        stored = table[(table.variant == variant) & (table.date == u.index[-1])].set_index("asset_id")
        assert_allclose(stored.specific_var[var.index], var, rtol=1e-10)
        risk = model.risk(variant=variant)
        assert_allclose(pd.Series(risk.specific_var, risk.assets)[var.index], var, rtol=1e-10)


def test_v_is_x_sigma_x_plus_delta(us, model, panel, calendar, factors, f, u):
    X = exposures(panel, factors, calendar[-1])
    variances = f[-252:].ewm(halflife=84).var(bias=True).iloc[-1]
    sigma = np.sqrt(np.outer(variances, variances)) * f[-504:].ewm(halflife=168).corr().loc[f.index[-1]].to_numpy()
    expected = X @ sigma @ X.to_numpy().T + np.diag(u[-252:].ewm(halflife=84).var(bias=True).iloc[-1][X.index])
    table = us.table("asset_covariance")
    assert set(zip(table.variant, table.date, strict=True)) == {("ewma", calendar[-1])}
    assets = list(us.table("covariance_builds")["asset_id"].iloc[-1])
    stored = pd.DataFrame(np.stack(list(table["covariance"])), table["asset_id"].tolist(), assets).loc[X.index, X.index]
    scale = np.sqrt(np.outer(np.diag(expected), np.diag(expected)))
    assert_allclose(stored / scale, expected / scale, rtol=0, atol=1e-10)
    risk = model.risk(variant="ewma")
    assert_allclose(risk.asset_cov(X.index), stored, rtol=0, atol=1e-14 * scale.max())
    assert_allclose(risk.exposures[:, [risk.factors.index(name) for name in factors]], X.loc[list(risk.assets)], rtol=0, atol=0)


def test_a_second_run_has_nothing_to_do(us, capfd):
    before = model_versions(us)
    us("run")
    said = capfd.readouterr().err
    for stage in ("ingest", "regress", "risk", "covariance", "release"):
        assert f"{stage}: nothing to do" in said
    assert model_versions(us) == before


def stored_sigma(us, variant, day, factors):
    """Sigma from its upper triangle."""
    rows = us.table("factor_covariance")
    rows = rows[(rows.variant == variant) & (rows.date == day)]
    assert len(rows) == len(factors) * (len(factors) + 1) / 2
    upper = rows.pivot(index="factor_1", columns="factor_2", values="covariance").reindex(index=factors, columns=factors)
    return upper.combine_first(upper.T).loc[factors, factors]


def model_versions(us):
    return open_release(us.lake).tables
