"""
The return of a country factor
==============================

What did belonging to the USA earn? A cross-sectional regression answers that for each month: it explains the returns of twelve
stocks by a market and by an exposure to the USA. The exposure is 0 or 1 first, and then the share of revenue that a company makes
there.
"""

# %%
# The panel is in the repository: twelve stocks, thirteen months. `usa` is 1 for a US company, `usa_share` the share of its
# revenue that is made in the USA. Both are known at the close of a month and explain the return of the next one.

from pathlib import Path

import numpy as np
import pandas as pd

from sigmalake import fit

here = Path.cwd()
repository = next(folder for folder in (here, *here.parents) if (folder / "conf/data").is_dir())
panel = pd.read_csv(repository / "conf/data/country_usa.csv", parse_dates=["date"])
panel.head(12)

# %%
# With 0 and 1
# ------------
#
# The group is partial: the companies of other countries belong to no factor. Every stock has the same weight.


def country_model(column: str):
    return fit(
        panel,
        caps="cap",
        weights="equal",
        config={"factors": [{"market": "market"}, {"membership": "country", "columns": {"USA": column}, "partial": True}]},
        risk={
            "over_dates": {
                "factor_cov": {"estimator": "sample", "window": 12},
                "specific_var": {"estimator": "sample", "window": 12},
            }
        },
    )


model = country_model("usa")
usa = model.factor_returns()["USA"]
usa

# %%
# The slope is a difference of two means: that of the US companies and that of the others. Here it is for each month, without the
# model:

known = panel.sort_values("date").groupby("asset_id")["usa"].shift(1)
months = panel.assign(usa=known).dropna(subset=["ret", "usa"]).groupby("date")
by_hand = [month.ret[month.usa == 1].mean() - month.ret[month.usa == 0].mean() for _, month in months]
np.abs(usa.to_numpy() - np.array(by_hand)).max()

# %%
# With shares of revenue
# ----------------------
#
# With a fractional exposure the same regression is a line through a cloud of points. Its slope is the factor return, :math:`f =
# \operatorname{cov}(x, r) / \operatorname{var}(x)`.

model = country_model("usa_share")
day = model.factor_returns().index[-1]
date = model.panel(return_date=day)
f = model.factor_returns().loc[day]

model.plot.scatter(day, "USA")

# %%
# The twelve slopes are the history of the factor, and their variance is its risk:

usa = model.factor_returns()["USA"]
risk = model.risk()
sigma = np.sqrt(risk.factor_cov[risk.factors.index("USA"), risk.factors.index("USA")])
abs(sigma - usa.std())

# %%
# Over time, each slope with its band, and below the variance that was forecast:

figure = model.plot.slope("USA")
figure
