"""
Four stocks by hand
===================

A model small enough to check with a pencil: four stocks, two factors, sixty months, as in chapter 20 of Litterman's *Modern
Investment Management*. It shows what each matrix of the model is, and that V is put together of them.
"""

# %%
# Returns, exposures and the risk-free rate lie in three files of the repository.

from pathlib import Path

import numpy as np
import pandas as pd

from sigmalake import fit

here = Path.cwd()
repository = next(folder for folder in (here, *here.parents) if (folder / "conf/data").is_dir())
returns, exposures, rates = (
    pd.read_csv(repository / f"conf/data/litterman_{name}.csv", parse_dates=["date"]) for name in ("returns", "exposures", "rates")
)
panel = exposures.merge(returns, on=["date", "asset_id"]).merge(rates, on="date")
panel.tail(4)

# %%
# There is no market factor, since beta carries it. All sixty months count alike.

sample = {"estimator": "sample", "window": 60, "min_periods": 60}
model = fit(
    panel,
    caps="cap",
    rate="rate",
    styles=["beta", "value"],
    market=False,
    risk={"sample_60": {"factor_cov": sample, "specific_var": sample}},
    config={"regression": {"min_assets": 4}},
)
risk = model.risk()
B = pd.DataFrame(risk.exposures, risk.assets, risk.factors)
B

# %%
# The factor covariance is the sample covariance of sixty regressions:

Sigma = model.factor_cov()
f = model.factor_returns()
np.abs(Sigma - f.cov()).to_numpy().max()

# %%
# and each specific variance that of sixty residuals:

Delta = pd.Series(risk.specific_var, risk.assets)
u = model.specific_returns()
np.abs(Delta - u.var()).max()

# %%
# V is put together of the three, and is what the model gives:

V = B @ Sigma @ B.T + np.diag(Delta)
np.abs(V - risk.asset_cov()).to_numpy().max()

# %%
# The four matrices with their numbers, in percent squared a month:

model.plot.covariance(assets=risk.assets)

# %%
# How a portfolio of equal parts comes to its risk: a part by each factor, and the specific part.

report = risk.risk_of(dict.fromkeys(risk.assets, 0.25))
parts = pd.concat([report.by_factor, pd.Series({"specific": report.specific})])
figure = model.plot.risk(dict.fromkeys(risk.assets, 0.25))
figure
