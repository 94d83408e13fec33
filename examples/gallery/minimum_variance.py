"""
Minimum variance with cvxpy
===========================

A risk model from a DataFrame, and the portfolio of least risk that it implies: first with short sales, where linear algebra gives
the answer, then without, then as close to the market as a limit of names allows. The optimiser never sees the covariance matrix V
of all pairs of stocks. It sees the factored form

.. math:: V = X \\Sigma X' + D,

in which the variance of weights w is a sum of K + N squares: K factors and N stocks.
"""

# %%
# A panel: a row a date and stock, with the simple return, the market capitalisation, shares of industries and four styles. Here it
# is generated; yours comes from a file or a query. ``fit`` runs the regressions and estimates the risk in memory.

import cvxpy as cp
import numpy as np
import pandas as pd
import plotly.graph_objects as go

from sigmalake import fit
from sigmalake.demo.market import generate_market

panel = generate_market(n_assets=120, n_dates=120, n_industries=6, n_styles=4, seed=1).panel
styles = ["size", "value", "momentum", "volatility"]
industries = [column for column in panel.columns if column.startswith("ind_")]
panel["industry"] = panel[industries].idxmax(axis=1).str.removeprefix("ind_")

model = fit(panel, caps="cap", groups=["industry"], styles=styles, in_estimation="in_estimation")

# %%
# Risk over a year. A daily variance is about 0.0001, which is close to the tolerances of solvers; over a year it is about 0.03.

risk = model.risk(horizon=model.periods_per_year())
assets = list(risk.usable)
print(risk)

# %%
# Fully invested, short sales allowed. The closed form is V\ :sup:`-1` 1 over its sum; ``risk.solve`` gives it without V.

w = cp.Variable(len(assets))
variance = risk.risk_expression(w)
cp.Problem(cp.Minimize(variance), [cp.sum(w) == 1]).solve()
with_shorts = pd.Series(w.value, assets)

solved = risk.solve(pd.Series(1.0, assets))
closed_form = solved / solved.sum()
print(f"with short sales     {100 * risk.risk_of(with_shorts).vol:6.2f} % a year")
print(f"by the closed form   {100 * risk.risk_of(closed_form).vol:6.2f} % a year")
print(f"largest difference   {np.abs(with_shorts - closed_form).max():.1e} in a weight")

# %%
# No short sales, and at most 5 % in a stock.

cp.Problem(cp.Minimize(variance), [cp.sum(w) == 1, w >= 0, w <= 0.05]).solve()
long_only = pd.Series(w.value, assets).clip(lower=0.0)
long_only /= long_only.sum()
report = risk.risk_of(long_only)
print(f"long only            {100 * report.vol:6.2f} % a year, {(long_only > 1e-4).sum()} names")
parts = [f"{group} {100 * part:.2f}" for group, part in report.by_group.items()]
print(f"of which             {', '.join(parts)}, specific {100 * report.specific:.2f}")

# %%
# The market itself has more risk. Between the two: the least risk whose tracking error to the market is 2 % a year at most.

caps = model.panel().loc[assets, "cap"]
market = caps / caps.sum()
tracking_error = risk.risk_expression(w, market, measure="vol")
problem = cp.Problem(cp.Minimize(variance), [cp.sum(w) == 1, w >= 0, tracking_error <= 0.02])
problem.solve()
between = pd.Series(w.value, assets)
print(f"market               {100 * risk.risk_of(market).vol:6.2f} % a year")
print(f"within 2 % of it     {100 * np.sqrt(problem.value):6.2f} % a year")
print(f"its tracking error   {100 * risk.risk_against(between, market).active.vol:6.2f} % a year")

# %%
# Where the risk of each comes from. A contribution is an exposure times a volatility times a correlation, and the parts sum to the
# volatility.

portfolios = {"market": market, "within 2 % of it": between, "long only": long_only, "with short sales": with_shorts}
reports = {name: risk.risk_of(weights) for name, weights in portfolios.items()}
bars = {group: [100 * of.by_group[group] for of in reports.values()] for group in report.by_group.index}
bars["specific"] = [100 * of.specific for of in reports.values()]
figure = go.Figure([go.Bar(name=part, x=list(reports), y=values) for part, values in bars.items()])
figure.update_layout(barmode="relative", yaxis_title="contribution to risk, % a year", template="plotly_white")
figure
