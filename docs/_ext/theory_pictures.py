"""The figures of the theory pages: each estimator on small generated data, beside the same without it, and beside the truth."""

from collections.abc import Callable, Mapping

import numpy as np
import plotly.graph_objects as go
import scipy

from sigmalake.numerics.evaluation.forecast_measures import bias_band
from sigmalake.numerics.evaluation.forecast_tests import effective_forecasts
from sigmalake.numerics.factor_cov.eigenfactor import EigenfactorAdjustment
from sigmalake.numerics.factor_cov.estimators import EwmaFactorCov, SampleFactorCov
from sigmalake.numerics.factor_cov.pca_blend import PcaBlend
from sigmalake.numerics.factor_cov.regime import VolatilityRegime
from sigmalake.numerics.factors import Factor, Kind
from sigmalake.numerics.regression.cross_section import fit_cross_section
from sigmalake.numerics.regression.rules import RegressionRules
from sigmalake.numerics.specific_risk.residual_correlation import residual_correlation
from sigmalake.numerics.specific_risk.size_shrinkage import shrink_by_size
from sigmalake.numerics.types import Floats

# Okabe and Ito: told apart by people with any colour vision, on white and on black
BLUE, ORANGE, GREEN, GREY = "#0072b2", "#d55e00", "#009e73", "#8a8a8a"
DASHES = {BLUE: "solid", ORANGE: "dash", GREEN: "dot", GREY: "solid"}


def line(x: Floats, y: Floats, name: str, colour: str, mode: str = "lines") -> go.Scatter:
    return go.Scatter(x=x, y=np.round(y, 6), name=name, mode=mode, line={"color": colour, "dash": DASHES[colour], "width": 2})


def figure(traces: list[go.Scatter | go.Bar], x: str, y: str, **layout: object) -> go.Figure:
    margin = {"l": 60, "r": 10, "t": 10, "b": 50}
    legend = {"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0}
    drawn = go.Figure(traces, {"height": 340, "margin": margin, "legend": legend, **layout})
    return drawn.update_xaxes(title=x).update_yaxes(title=y)


def jump(n_factors: int, seed: int) -> tuple[Floats, Floats]:
    """Daily returns whose true volatility, 1 %, doubles at date 462 of 600; the returns and the volatility in percent."""
    vol = np.where(np.arange(600) < 462, 1.0, 2.0)
    return 0.01 * vol[:, None] * np.random.default_rng(seed).standard_normal((600, n_factors)), vol


def mean_vol(estimator: EwmaFactorCov | SampleFactorCov, returns: Floats) -> float:
    return float(100 * np.sqrt(np.diag(estimator.estimate(returns).cov)).mean())


def over_time(estimators: Mapping[str, EwmaFactorCov | SampleFactorCov], returns: Floats, vol: Floats) -> go.Figure:
    dates = np.arange(400, 600, 4)
    traces = [line(np.arange(400, 600), vol[400:], "true", GREY)]
    for (name, estimator), colour in zip(estimators.items(), (BLUE, ORANGE, GREEN), strict=False):
        traces.append(line(dates, np.array([mean_vol(estimator, returns[: date + 1]) for date in dates]), name, colour))
    return figure(traces, "date", "volatility, % a day")


def half_lives() -> go.Figure:
    returns, vol = jump(20, 4)
    shown = {"half-life 84": EwmaFactorCov(half_life=84), "half-life 21": EwmaFactorCov(half_life=21)}
    return over_time({**shown, "sample of 252": SampleFactorCov()}, returns, vol)


def regime() -> go.Figure:
    returns, vol = jump(20, 10)
    shown = {f"regime, half-life {h}": EwmaFactorCov(half_life=84, regime=VolatilityRegime(half_life=h)) for h in (42, 4)}
    return over_time({"half-life 84 alone": EwmaFactorCov(half_life=84), **shown}, returns, vol)


def newey_west() -> go.Figure:
    shocks = np.random.default_rng(5).standard_normal((10000, 1))
    returns = shocks.copy()
    for t in range(1, len(returns)):
        returns[t] += 0.3 * returns[t - 1]
    lags = np.array([0, 1, 2, 3, 5, 8, 12, 20])
    vols = np.array([mean_vol(SampleFactorCov(window=10000, lags=int(lag)), returns) for lag in lags])
    true = np.full(len(lags), np.sqrt(1.3 / 0.7))
    return figure(
        [line(lags, true, "true", GREY), line(lags, vols / vols[0], "estimated", BLUE, "lines+markers")],
        "lags, periods", "long-run volatility over plain",
    )  # fmt: skip


def eigenfactors() -> go.Figure:
    n_factors, window, n_trials = 40, 120, 10
    adjusted = EigenfactorAdjustment(simulations=100, scale=1.0, seed="a figure")
    draw = np.random.default_rng(9)
    vols = np.exp(draw.normal(0, 0.4, n_factors))
    true = (0.7 * np.eye(n_factors) + 0.3) * np.outer(vols, vols)
    root, number = np.linalg.cholesky(true), np.arange(1, n_factors + 1)
    traces = [line(number, np.ones(n_factors), "right", GREY)]
    for name, adjustment, colour in (("without", None, ORANGE), ("with", adjusted, BLUE)):
        bias = np.zeros(n_factors)
        for trial in range(n_trials):
            returns = np.random.default_rng(trial).standard_normal((window, n_factors)) @ root.T
            found = SampleFactorCov(window=window, eigenfactor=adjustment).estimate(returns).cov
            values, U = np.linalg.eigh(found)
            bias += np.diag(U.T @ true @ U) / values / n_trials
        traces.append(line(number, np.sqrt(bias), name, colour))
    return figure(traces, "eigenfactor, the least variance first", "true over forecast volatility")


def shrinkage() -> go.Figure:
    n_factors = 30
    vols = np.linspace(0.8, 1.2, n_factors)
    returns = vols * np.random.default_rng(6).standard_normal((60, n_factors))
    number = np.arange(1, n_factors + 1)
    traces = [line(number, vols**2, "true", GREY)]
    for name, how, colour in (("sample of 60", None, ORANGE), ("Ledoit and Wolf", "ledoit_wolf", BLUE)):
        found = SampleFactorCov(window=60, shrinkage=how).estimate(returns).cov
        traces.append(line(number, np.linalg.eigvalsh(found), name, colour))
    return figure(traces, "eigenvalue, the least first", "variance")


def quadratic_shrinkage() -> go.Figure:
    vols, number = np.geomspace(0.3, 3.0, 30), np.arange(1, 31)
    returns = vols * np.random.default_rng(19).standard_normal((60, 30))
    traces = [line(number, np.ones(30), "right", GREY)]
    shown = (("sample of 60", None, ORANGE), ("Ledoit and Wolf", "ledoit_wolf", GREEN), ("QIS", "qis", BLUE))
    for name, how, colour in shown:
        values, U = np.linalg.eigh(SampleFactorCov(window=60, shrinkage=how).estimate(returns).cov)
        traces.append(line(number, values / np.diag(U.T @ np.diag(vols**2) @ U), name, colour))
    return figure(traces, "eigenvalue, the least first", "forecast over true variance", yaxis_type="log")


def pca_blend() -> go.Figure:
    draw, weights = np.random.default_rng(20), np.linspace(0.0, 1.0, 11)
    B = draw.standard_normal((40, 3))
    true = B @ B.T + 2 * np.eye(40)
    returns = draw.standard_normal((60, 40)) @ np.linalg.cholesky(true).T
    forecast, realised = [], []
    for weight in weights:
        blend = PcaBlend(components=3, weight=float(weight)) if weight else None
        cov = SampleFactorCov(window=60, pca_blend=blend).estimate(returns).cov
        least = np.linalg.solve(cov, np.ones(40))
        least /= least.sum()
        forecast.append(least @ cov @ least)
        realised.append(least @ true @ least)
    best = np.full(len(weights), 1 / np.linalg.solve(true, np.ones(40)).sum())
    shown = ((forecast, "forecast", BLUE), (realised, "true", ORANGE), (best, "the least there is", GREY))
    return figure([line(weights, np.array(values), *rest) for values, *rest in shown], "weight of the components", "variance")


def size_shrinkage() -> go.Figure:
    draw = np.random.default_rng(13)
    vols = (2.0 * draw.standard_normal((20, 1000))).std(axis=0, ddof=1)
    caps = draw.lognormal(0, 1, 1000)
    bins = np.linspace(0.9, 3.2, 47)
    traces = [go.Scatter(x=[2.0, 2.0], y=[0, 260], name="true", mode="lines", line={"color": GREY})]
    shown = ((vols, "20 observations", ORANGE), (shrink_by_size(vols, caps, 0.1, 10).vol, "shrunk, q = 0.1", BLUE),
             (shrink_by_size(vols, caps, 1.0, 10).vol, "shrunk, q = 1", GREEN))  # fmt: skip
    for values, name, colour in shown:
        count, _ = np.histogram(values, bins)
        traces.append(line((bins[1:] + bins[:-1]) / 2, count.astype(float), name, colour))
    return figure(traces, "specific volatility, % a day", "assets")


def residual_eigenvalues() -> go.Figure:
    draw = np.random.default_rng(18)
    own = 0.02 * draw.standard_t(4, (252, 300))
    theme = 0.02 * draw.standard_normal((252, 1)) * (np.arange(300) < 30)
    number, traces = np.arange(1, 11), []
    for returns, name, colour in ((own, "independent", BLUE), (own + theme, "with a theme", ORANGE)):
        found = residual_correlation(returns - returns.mean(axis=1, keepdims=True), np.ones((300, 1)), np.array([0]))
        traces.append(line(number, found.eigenvalues, name, colour, "lines+markers"))
    traces.append(line(number, np.full(10, found.edge), "edge of noise", GREY))
    return figure(traces, "eigenvalue, the largest first", "variance, 1 an asset", yaxis_rangemode="tozero")


def slope_of(returns: Floats, X: Floats, rules: RegressionRules) -> Floats:
    factors = [Factor("market", "market", Kind.MARKET), Factor("value", "style", Kind.STYLE)]
    n = len(returns)
    return fit_cross_section(returns, X, np.ones(n), np.ones(n), np.ones(n, dtype=bool), factors, rules).factor_returns


def huber() -> go.Figure:
    draw = np.random.default_rng(21)
    x = draw.standard_normal(80)
    returns = 0.002 * x + 0.006 * draw.standard_normal(80)
    far = np.argsort(x)[-3:]
    returns[far] -= 0.08
    X, ends = np.column_stack([np.ones(80), x]), np.array([x.min(), x.max()])
    traces = [
        go.Scatter(x=x, y=100 * returns, name="assets", mode="markers", marker={"color": GREY, "size": 6}),
        line(ends, 0.2 * ends, "true", GREY),
    ]
    for rules, name, colour in (
        (RegressionRules(), "least squares", ORANGE),
        (RegressionRules(huber=1.345), "huber: 1.345", BLUE),
        (RegressionRules(outliers_beyond=5.0), "outliers_beyond: 5", GREEN),
    ):
        f = slope_of(returns, X, rules)
        traces.append(line(ends, 100 * (f[0] + f[1] * ends), name, colour))
    return figure(traces, "exposure to value", "return, %")


def constraints() -> go.Figure:
    sectors, shares = ["energy", "health", "technology"], np.array([0.1, 0.3, 0.6])
    means = np.array([-2.0, 0.5, 1.5])
    without = means - means[0]
    market = float(shares @ means)
    names = ["market", *sectors]
    traces = [
        go.Bar(x=names, y=[means[0], *without], name="energy taken as 0", marker={"color": ORANGE, "pattern": {"shape": "/"}}),
        go.Bar(x=names, y=[market, *(means - market)], name="sum of m f = 0", marker={"color": BLUE}),
    ]
    return figure(traces, "", "factor return, %", barmode="group")


def power_of_the_band() -> go.Figure:
    """With n* - 1 degrees of freedom, (n* - 1) B^2 is chi-squared."""
    scale, traces = np.linspace(1.0, 1.3, 61), []
    for horizon, colour in ((1, BLUE), (5, ORANGE), (21, GREEN)):
        effective = effective_forecasts(500, horizon)
        band, freedom = bias_band(effective), effective - 1
        above, below = (freedom * ((1 + side * band) / scale) ** 2 for side in (1, -1))
        power = scipy.special.chdtrc(freedom, above) + scipy.special.chdtr(freedom, below)
        traces.append(line(scale, power, f"{horizon} period{'' if horizon == 1 else 's'}", colour))
    return figure(traces, "true over forecast volatility", "share beyond the band")


PICTURES: dict[str, Callable[[], go.Figure]] = {
    "half_lives": half_lives,
    "newey_west": newey_west,
    "eigenfactors": eigenfactors,
    "shrinkage": shrinkage,
    "regime": regime,
    "quadratic_shrinkage": quadratic_shrinkage,
    "pca_blend": pca_blend,
    "size_shrinkage": size_shrinkage,
    "residual_eigenvalues": residual_eigenvalues,
    "huber": huber,
    "constraints": constraints,
    "power_of_the_band": power_of_the_band,
}
