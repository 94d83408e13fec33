"""
A world model with currencies
=============================

Stocks of several countries and currencies in one model: a world factor, countries, currencies and styles. Returns come in local
currency; the model converts them with the exchange rates of its dates.
"""

# %%
# The panel is generated: 300 stocks, 160 weeks, five countries with four currencies, since two countries share one.

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from sigmalake import fit

rng = np.random.default_rng(7)
currency_of = {"USA": "USD", "Japan": "JPY", "Germany": "EUR", "France": "EUR", "Britain": "GBP"}
n, weeks = 300, pd.date_range("2021-01-01", periods=160, freq="W-FRI")
country = rng.choice(list(currency_of), n, p=[0.4, 0.2, 0.15, 0.1, 0.15])
cap = rng.lognormal(2, 1, n)
momentum = rng.standard_normal((len(weeks), n)).cumsum(axis=0) / 5
momentum = (momentum - momentum.mean(axis=1, keepdims=True)) / momentum.std(axis=1, keepdims=True)
country_return = {name: 0.012 * rng.standard_normal(len(weeks)) for name in currency_of}
local = 0.02 * rng.standard_normal((len(weeks), 1)) + np.column_stack([country_return[name] for name in country])
local[1:] += 0.002 * momentum[:-1]
local += 0.03 * rng.standard_normal(local.shape)
panel = pd.DataFrame(
    {
        "date": np.repeat(weeks, n),
        "asset_id": np.tile([f"S{i:03d}" for i in range(n)], len(weeks)),
        "ret": local.ravel(),
        "cap": np.tile(cap, len(weeks)),
        "country": np.tile(country, len(weeks)),
        "currency": np.tile([currency_of[name] for name in country], len(weeks)),
        "momentum": momentum.ravel(),
    }
)
panel.head()

# %%
# Exchange rates are dollars for one unit of each currency, a row a date and currency. They lie in a file of their own.

folder = Path(tempfile.mkdtemp())
start = {"JPY": 0.009, "EUR": 1.2, "GBP": 1.35}
paths = {name: level * np.exp(np.cumsum(0.01 * rng.standard_normal(len(weeks)))) for name, level in start.items()}
rates = pd.concat([pd.DataFrame({"date": weeks, "currency": name, "usd": path}) for name, path in paths.items()])
rates.to_parquet(folder / "fx.parquet", index=False)

# %%
# A country that has a currency of its own is nested in it: what the two say together is said once, by whichever comes first.
# Currencies are partial, so that they need no constraint of their own.

model = fit(
    panel,
    caps="cap",
    config={
        "sources": {
            "panel": {"columns": {"currency": "currency"}},
            "exchange_rates": {"path": str(folder / "fx.parquet"), "base": "USD", "columns": {"rate": "usd"}},
        },
        "factors": [
            {"market": "world"},
            {"membership": "country", "column": "country"},
            {"membership": "currency", "column": "currency", "partial": True},
            {"styles": ["momentum"], "as_given": True},
        ],
    },
    risk={
        "weekly": {
            "factor_cov": {"estimator": "ewma", "half_life": 26, "corr_half_life": 52},
            "specific_var": {"estimator": "ewma", "half_life": 26},
        }
    },
)
last = model.calendar()[-1]
model.regression(last)[["factor_return", "std_error", "status"]]

# %%
# What each country earned beyond the world, in dollars. Germany and France share the euro, so that its movements are in both.

model.plot.factor_returns(list(currency_of))

# %%
# The risk of a Japanese portfolio, held by somebody who counts in dollars:

risk = model.risk()
japanese = pd.Series(cap, [f"S{i:03d}" for i in range(n)])[country == "Japan"]
figure = model.plot.risk(japanese / japanese.sum())
figure
