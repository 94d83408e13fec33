"""
A year of a market, from a DataFrame
====================================

Three thousand stocks, a year of days, a market, eleven industries and six styles: a frame of the size of a real market becomes a
model in some ten seconds. The market is generated, so that the estimates can be held against the truth.
"""

# %%
# The generated panel has one row for each date and listed stock. `N_STOCKS` and `N_DAYS` in the environment make it
# smaller.

import os
import time

import pandas as pd
import plotly.graph_objects as go

from sigmalake import fit
from sigmalake.demo.market import generate_market

n_stocks = int(os.environ.get("N_STOCKS", "3000"))
market = generate_market(n_assets=n_stocks, n_dates=int(os.environ.get("N_DAYS", "253")))
panel = market.panel
industries = [name for name in panel if name.startswith("ind_")]
styles = ["size", "value", "momentum", "volatility", "growth", "liquidity"]
panel.shape

# %%
# Companies may belong to several industries, by shares. So the group comes by columns, in the words of the configuration.

began = time.perf_counter()
model = fit(
    panel,
    caps="cap",
    in_estimation="in_estimation",
    preset="trading",
    config={
        "factors": [
            {"market": "market"},
            {"membership": "industry", "columns": {name.removeprefix("ind_"): name for name in industries}},
            {"styles": styles, "as_given": True},
        ]
    },
)
print(f"{len(panel):,} rows, {len(model.calendar())} dates: {time.perf_counter() - began:.0f} s")

# %%
# The share of the cross-section of returns that the factors explain, by date:

model.plot.r2()

# %%
# What the styles earned, summed over the year:

model.plot.factor_returns(styles)

# %%
# The truth is known here: the estimated factor returns against those that the market was made with.

true = pd.DataFrame(market.truth.factor_returns, pd.DatetimeIndex(market.truth.dates), market.truth.factors)
found = model.factor_returns()
days = found.index.intersection(true.index)
figure = go.Figure(layout={"height": 400, "margin": {"t": 30}})
for name, colour in (("market", "#0072b2"), ("size", "#d55e00"), ("value", "#009e73")):
    figure.add_scatter(
        x=100 * true.loc[days, name], y=100 * found.loc[days, name], mode="markers", name=name, marker={"color": colour, "size": 5}
    )
figure.update_xaxes(title="true return, %").update_yaxes(title="estimated, %")

# %%
# And the risk of a portfolio, with the part that each group of factors, each factor and each stock has in it:

risk = model.risk()
held = pd.Series(1.0, list(risk.usable)[:50]) / 50
model.plot.risk(held)
