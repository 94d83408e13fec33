"""The same regressions by other people's code, on generated and on real cross-sections."""

import os
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from cross_section_cases import Case, Membership, cap_share_rows, fitted_rows, generated, mean_one_weights, solve_kkt
from linearmodels.panel import FamaMacBeth
from scipy.linalg import null_space
from skfolio.linear_model import CSLinearRegression
from skfolio.prior._model._family_constraint_basis import compute_family_constraint_basis
from sklearn.linear_model import LinearRegression

from sigmalake.numerics.factors import Factor, Kind
from sigmalake.numerics.regression.cross_section import CrossSection
from sigmalake.numerics.regression.rules import RegressionRules, RegressionWeights
from sigmalake.numerics.weights import regression_weights

STYLES = ["size", "beta", "momentum", "volatility", "reversal", "book_to_price"]
FRACTIONAL, PARTIAL = Membership(4, fractional=True), Membership(3, fractional=True, partial=True)
MODELS = {
    "market and sectors": {"groups": {"sector": Membership(5)}, "n_styles": 2},
    "market, sectors and countries": {"groups": {"sector": Membership(5), "country": Membership(4)}, "n_styles": 3},
    "fractional countries": {"groups": {"sector": Membership(3), "country": FRACTIONAL}, "n_styles": 1},
    "partial currencies": {"groups": {"sector": Membership(3), "currency": PARTIAL}, "n_styles": 2},
    "sectors, no market": {"market": False, "groups": {"sector": Membership(5)}, "n_styles": 2},
    "sectors and countries, no market": {
        "market": False,
        "groups": {"sector": Membership(5), "country": FRACTIONAL, "currency": PARTIAL},
        "n_styles": 3,
    },
    "market and styles": {"n_styles": 4},
}


@pytest.fixture(params=MODELS)
def case(request: pytest.FixtureRequest) -> Case:
    return generated(np.random.default_rng(17), 150, whole=False, **MODELS[request.param])


def panel_path() -> Path | None:
    beside_the_repository = Path(__file__).resolve().parents[3] / "shared" / "data"
    path = Path(os.environ.get("SIGMALAKE_DATA", beside_the_repository)) / "us_sp500_daily.parquet"
    return path if path.exists() else None


@cache
def real_panel() -> pd.DataFrame:
    path = panel_path()
    if path is None:
        pytest.skip("us_sp500_daily.parquet is neither in SIGMALAKE_DATA nor in ../shared/data")
    return pd.read_parquet(path).set_index(["date", "symbol"]).sort_index()


def real_case(position: int) -> Case:
    """The regression of one date of the calendar: X(t-1), c(t-1) and r(t), joined by symbol."""
    panel = real_panel()
    calendar = panel.index.levels[0]
    known = panel.loc[calendar[position - 1]]
    returns = panel.loc[calendar[position], "ret"].reindex(known.index).to_numpy()
    sectors = sorted(panel["sector"].unique())
    dummies = (known["sector"].to_numpy()[:, None] == np.array(sectors)).astype(float)
    X = np.column_stack([np.ones(len(known)), dummies, known[STYLES].to_numpy()])
    factors = [Factor("market", "market", Kind.MARKET)]
    factors += [Factor(name, "sector", Kind.MEMBERSHIP) for name in sectors]
    factors += [Factor(name, "style", Kind.STYLE) for name in STYLES]
    caps, inside = known["mcap_bn"].to_numpy(), np.ones(len(known), dtype=bool)
    return Case(returns, X, caps, regression_weights(RegressionWeights.SQRT_CAP, caps, None, inside), inside, factors)


@pytest.fixture(params=[1, 2, 90, 250, 404, 555, 702, 861, 1000, 1116, 1117])
def real(request: pytest.FixtureRequest) -> Case:
    return real_case(request.param)


def assert_same_factor_returns(section: CrossSection, expected: np.ndarray) -> None:
    scale = np.abs(expected).max()
    np.testing.assert_allclose(section.factor_returns, expected, rtol=0, atol=1e-11 * scale)


def assert_same_as_statsmodels(case: Case) -> None:
    """A Gaussian GLM whose weights are precisions, restricted to C f = 0; and the same as WLS in a basis of C's kernel."""
    section, rows, C = case.fit(), fitted_rows(case), cap_share_rows(case)
    X, r, w = case.exposures[rows], case.returns[rows], mean_one_weights(case)[rows]
    basis = null_space(C) if len(C) else np.eye(X.shape[1])
    wls = sm.WLS(r, X @ basis, weights=w).fit()
    constrained = sm.GLM(r, X, var_weights=w).fit_constrained((C, np.zeros(len(C)))) if len(C) else None
    if constrained is not None:
        assert_same_factor_returns(section, constrained.params)
        np.testing.assert_allclose(section.std_errors, constrained.bse, rtol=1e-10)
        assert section.residual_var == pytest.approx(constrained.scale, rel=1e-10)
    assert_same_factor_returns(section, basis @ wls.params)
    errors = np.sqrt(np.diag(basis @ wls.cov_params() @ basis.T))
    np.testing.assert_allclose(section.std_errors, errors, rtol=1e-10)
    np.testing.assert_allclose(section.specific_returns[rows], wls.resid, rtol=0, atol=1e-14)
    assert section.residual_var == pytest.approx(wls.scale, rel=1e-10)
    assert section.r2_uncentred == pytest.approx(1.0 - wls.ssr / wls.uncentered_tss, rel=1e-10)
    assert section.r2 == pytest.approx(1.0 - wls.ssr / wls.centered_tss, rel=1e-10)
    assert (section.rank, section.dof) == (basis.shape[1], wls.df_resid)
    if wls.k_constant:
        assert section.r2 == pytest.approx(wls.rsquared, rel=1e-10)
        assert section.adj_r2 == pytest.approx(wls.rsquared_adj, rel=1e-9)


def assert_same_as_skfolio(case: Case) -> None:
    """skfolio drops one factor a family and puts it back; its benchmark weights are the caps of the universe at t-1."""
    families = list(dict.fromkeys(f.group for f in case.factors if f.kind is Kind.MEMBERSHIP))
    rows, section = fitted_rows(case), case.fit()
    basis, _ = compute_family_constraint_basis(
        constrained_families=[(family, None) for family in families],
        factor_exposures=case.exposures[None],
        benchmark_weights=(case.caps * case.in_estimation)[None],
        factor_names=np.array([factor.name for factor in case.factors]),
        factor_families=np.array([factor.group for factor in case.factors]),
    )
    reduced = basis.reduce_exposures(case.exposures[None])
    model = CSLinearRegression().fit(reduced, case.returns[None], cs_weights=np.where(rows, case.weights, 0.0)[None])
    assert_same_factor_returns(section, basis.expand_factor_returns(model.coef_)[0])
    np.testing.assert_allclose(section.fitted_returns, model.predict(reduced)[0], rtol=0, atol=1e-13)
    score = model.score(reduced, case.returns[None], cs_weights=np.where(rows, case.weights, 0.0)[None])
    assert section.r2 == pytest.approx(score, rel=1e-10)


def test_the_kkt_system_gives_the_same_factor_returns(case: Case) -> None:
    assert_same_factor_returns(case.fit(), solve_kkt(case, cap_share_rows(case)))


def test_statsmodels_gives_the_same_fit(case: Case) -> None:
    assert_same_as_statsmodels(case)


@pytest.mark.parametrize("model", ["market and sectors", "market, sectors and countries", "fractional countries"])
def test_skfolio_gives_the_same_factor_returns(model: str) -> None:
    assert_same_as_skfolio(generated(np.random.default_rng(18), 150, whole=False, **MODELS[model]))


def test_scikit_learn_gives_the_same_fit_of_market_and_styles() -> None:
    case = generated(np.random.default_rng(19), 120, n_styles=4, whole=False)
    rows, section = fitted_rows(case), case.fit()
    model = LinearRegression().fit(case.exposures[rows, 1:], case.returns[rows], sample_weight=case.weights[rows])
    assert_same_factor_returns(section, np.append(model.intercept_, model.coef_))
    score = model.score(case.exposures[rows, 1:], case.returns[rows], sample_weight=case.weights[rows])
    assert section.r2 == pytest.approx(score, rel=1e-10)


def test_fama_macbeth_of_linearmodels_gives_the_same_factor_returns_on_every_date() -> None:
    rng = np.random.default_rng(20)
    cases = [generated(rng, 60, n_styles=3) for _ in range(12)]
    index = pd.MultiIndex.from_product([range(12), range(60)], names=["date", "asset"])
    frame = pd.DataFrame(np.vstack([case.exposures for case in cases]), index, columns=list("mabc"))
    frame["r"] = np.concatenate([case.returns for case in cases])
    frame["w"] = np.concatenate([case.weights for case in cases])
    frame = frame.swaplevel().sort_index()
    fitted = FamaMacBeth(frame["r"], frame[list("mabc")], weights=frame["w"]).fit()
    for date, case in enumerate(cases):
        assert_same_factor_returns(case.fit(), fitted.all_params.loc[date].to_numpy())


def test_real_dates_satisfy_the_kkt_system(real: Case) -> None:
    assert_same_factor_returns(real.fit(), solve_kkt(real, cap_share_rows(real)))


def test_real_dates_agree_with_statsmodels(real: Case) -> None:
    assert_same_as_statsmodels(real)


def test_real_dates_agree_with_statsmodels_under_huber(real: Case) -> None:
    rows, basis = fitted_rows(real), null_space(cap_share_rows(real))
    root = np.sqrt(mean_one_weights(real)[rows])
    model = sm.RLM(root * real.returns[rows], (root[:, None] * real.exposures[rows]) @ basis, M=sm.robust.norms.HuberT(t=1.345))
    fitted = model.fit(maxiter=5000, tol=1e-15, conv="coefs")
    section = real.fit(RegressionRules(huber=1.345))
    np.testing.assert_allclose(section.factor_returns, basis @ fitted.params, rtol=0, atol=1e-10)
    errors = np.sqrt(np.diag(basis @ fitted.bcov_scaled @ basis.T))
    np.testing.assert_allclose(section.std_errors, errors, rtol=1e-8)


def test_real_dates_agree_with_skfolio(real: Case) -> None:
    assert_same_as_skfolio(real)


def test_on_real_dates_only_telecom_is_thin(real: Case) -> None:
    section = real.fit()
    thin = [f.name for f, status in zip(real.factors, section.factor_status, strict=True) if status != "ok"]
    assert thin == ["Telecom"]
    assert section.n_members[[f.name for f in real.factors].index("Telecom")] <= 3
    assert section.condition_number < 10
    assert 0.0 < section.r2 < 1.0
