"""
Where the return of a fund came from
====================================

A fund holds fifty stocks against a benchmark. Its return over three months is split into what its factor exposures earned and
what its choice of stocks earned. The parts add up to the return.
"""

# %%
# A generated market of 300 stocks, and a model of it.

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from sigmalake import fit
from sigmalake.demo.market import generate_market

market = generate_market(n_assets=300, n_dates=200)
panel = market.panel
industries = {name.removeprefix("ind_"): name for name in panel if name.startswith("ind_")}
styles = ["size", "value", "momentum", "volatility", "growth", "liquidity"]
ewma = {"estimator": "ewma", "half_life": 60}
model = fit(
    panel,
    caps="cap",
    in_estimation="in_estimation",
    config={
        "factors": [{"market": "market"}, {"membership": "industry", "columns": industries}, {"styles": styles, "as_given": True}]
    },
    risk={"ewma": {"factor_cov": ewma, "specific_var": ewma}},
)
days = model.calendar()
start, end = days[-63], days[-1]

# %%
# The benchmark is the market by cap as of the close before the period. The fund takes from it the fifty stocks with the most
# momentum.

close = days[-64]
known = model.panel(exposure_date=close)
whole = model.specific_returns(start, end).notna().all()
known = known.loc[known.index.intersection(whole.index[whole])]
benchmark = known["cap"] / known["cap"].sum()
chosen = known["momentum"].nlargest(50).index
fund = known.loc[chosen, "cap"] ** 0.5
fund /= fund.sum()

# %%
# Weights are held anew at every close. `summed` adds the dates; with the specific part it is the whole return.

of_fund = model.attribution(fund, start, end, missing="leave_out")
of_benchmark = model.attribution(benchmark, start, end, missing="leave_out")
active = (of_fund.summed - of_benchmark.summed).fillna(0.0)
np.abs(active.sum() - (of_fund.returns.sum() - of_benchmark.returns.sum()))

# %%
# The largest parts of the active return:

largest = active.reindex(active.abs().sort_values(ascending=False).index)[:10]
figure = go.Figure(
    go.Waterfall(
        x=[*largest.index, "others", "active return"],
        y=100 * np.array([*largest, active.sum() - largest.sum(), 0.0]),
        measure=["relative"] * (len(largest) + 1) + ["total"],
        increasing={"marker": {"color": "#0072b2"}},
        decreasing={"marker": {"color": "#d55e00"}},
        totals={"marker": {"color": "#8a8a8a"}},
    ),
    layout={"height": 400, "margin": {"t": 30}},
)
figure.update_yaxes(title="return over three months, %")

# %%
# The same over time: momentum beside everything else.

path = pd.DataFrame(
    {"fund": of_fund.returns, "momentum": of_fund.parts["momentum"], "specific": of_fund.parts["specific"]}
).cumsum()
figure = go.Figure(layout={"height": 360, "margin": {"t": 30}})
for name in path:
    figure.add_scatter(x=path.index, y=100 * path[name], mode="lines", name=name)
figure.update_yaxes(title="sum of returns, %")

# %%
# And what the risk was beforehand: the fund against the benchmark, as of the close before the period. Stocks that were
# listed a few weeks before have no variance yet, and are left out.

against = model.risk(asof=close).risk_against(fund, benchmark, missing="leave_out")
year = np.sqrt(252)
print(f"tracking error {100 * year * against.active.vol:.1f} % a year, beta {against.beta:.2f}")
