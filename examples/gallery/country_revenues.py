"""
Sales to a country
==================

Where a company sits says little about where it sells. Here the return of the USA is estimated twice: from domiciles, an exposure of
0 or 1, and from a table of revenues, an exposure between 0 and 1. The market is generated, so that the truth is known: what moves a
company is its share of sales to the USA.
"""

# %%
# Thirty companies, twenty-five months. Their revenues by country become known some weeks after the year that they are about.

from pathlib import Path

import pandas as pd
from plotly.subplots import make_subplots

from sigmalake import fit

here = Path.cwd()
repository = next(folder for folder in (here, *here.parents) if (folder / "conf/data").is_dir())
panel = pd.read_csv(repository / "conf/data/country_panel.csv", parse_dates=["date"])
revenues = repository / "conf/data/country_revenues.csv"
pd.read_csv(revenues).head(8)

# %%
# ``only: [USA]`` is one country against the rest: a company elsewhere has no exposure, and stays in the regression. The file
# ``conf/country_revenues.yaml`` is the same model for the command line.


def usa_model(exposure: dict):
    sample = {"estimator": "sample", "window": 24}
    return fit(
        panel,
        caps="cap",
        weights="equal",
        groups={"country": {**exposure, "only": ["USA"]}},
        config={"sources": {"revenues": {"path": str(revenues), "columns": {"level": "country"}}}},
        risk={"over_dates": {"factor_cov": sample, "specific_var": sample}},
    )


models = {"domicile, 0 or 1": usa_model({"column": "domicile"}), "share of revenue": usa_model({"revenues": True})}

# %%
# One month as a picture. The slope of each line is the factor's return: on the left a difference of two means, on the right
# :math:`\operatorname{cov}(x, r) / \operatorname{var}(x)`.

day = models["share of revenue"].factor_returns().index[-1]
figure = make_subplots(cols=2, shared_yaxes=True, subplot_titles=list(models))
for column, model in enumerate(models.values(), 1):
    figure.add_traces(model.plot.scatter(day, "USA").data, rows=1, cols=column)
figure.update_layout(height=420, showlegend=False)
figure.update_xaxes(title="exposure to the USA").update_yaxes(title=f"return of {day:%B %Y}", tickformat=".0%", col=1)

# %%
# Over all months: how much of the returns each explains, and how large the mean t statistic of the factor is.

pd.DataFrame(
    {
        name: {"R2": model.r2().mean(), "mean |t|": (model.factor_returns() / model.std_errors())["USA"].abs().mean()}
        for name, model in models.items()
    }
)
