"""How many assets the model covers, and what it could not use."""

import pandas as pd
import plotly.graph_objects as go

from sigmalake.figures.layout import date_axis, finished, legend_below, parts
from sigmalake.figures.series import days_of
from sigmalake.figures.theme import COLOURS, RED

_LINES = (
    ("n_assets", "with exposures"),
    ("n_returns", "with a return"),
    ("n_fitted", "in the fit"),
    ("n_with_risk", "with specific risk"),
)
_WIDTHS = (6.0, 4.0, 2.5, 1.2)  # lines that lie upon each other are all seen


def coverage_figure(coverage: pd.DataFrame) -> go.Figure:
    """Counts of assets by date, and rejected source rows below.

    Args:
        coverage: a row a date with n_assets, n_returns, n_fitted, n_with_risk, n_rejected; NaN: there is no such count.
    """
    rejected = coverage["n_rejected"]
    figure = parts([280, 110], ["assets", "rejected rows of the sources"], 45, shared_xaxes=True)
    days = days_of(coverage.index)
    for n, (column, name) in enumerate(_LINES):
        if coverage[column].notna().any():
            figure.add_scatter(
                x=days, y=_counts(coverage[column]), mode="lines", name=name,
                line={"color": COLOURS[n], "width": _WIDTHS[n]}, meta={"holds": column},
                hovertemplate="%{x|%Y-%m-%d}: %{y:,} %{fullData.name}<extra></extra>", row=1, col=1,
            )  # fmt: skip
    some = rejected.fillna(0) > 0
    figure.add_bar(
        x=days[some.to_numpy()], y=_counts(rejected[some]), name="rejected rows", marker={"color": RED, "line": {"color": RED}},
        hovertemplate="%{x|%Y-%m-%d}: %{y:,} rejected rows<extra></extra>", meta={"holds": "n_rejected"}, row=2, col=1,
    )  # fmt: skip
    figure.update_xaxes(**date_axis())
    figure.update_yaxes(rangemode="tozero", tickformat=",d", nticks=6, row=1, col=1)
    figure.update_yaxes(rangemode="tozero", tickformat=",d", nticks=4, row=2, col=1)
    if not some.any():
        figure.add_annotation(text="none", xref="x2 domain", yref="y2 domain", x=0.5, y=0.5)
    last = coverage.iloc[-1]
    now = ", ".join(f"{last[column]:,.0f} {name}" for column, name in _LINES if last[column] == last[column])
    total = int(rejected.sum())
    return finished(
        legend_below(figure),
        "Coverage",
        note=f"On {coverage.index[-1]:%Y-%m-%d}: {now}. {total:,} rows of the sources were rejected over all dates.",
        alt=f"Assets on {coverage.index[-1]:%Y-%m-%d}: {now}; {total:,} rejected rows in all.",
        height=480,
        legend=4,
    )


def _counts(values: pd.Series) -> object:
    return values.to_numpy(dtype="float32")
