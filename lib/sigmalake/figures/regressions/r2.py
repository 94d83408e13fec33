"""How much of the returns the factors explain."""

import pandas as pd
import plotly.graph_objects as go

from sigmalake.figures.layout import date_axis, finished, legend_below
from sigmalake.figures.series import days_of, quarter, rolling_mean, small
from sigmalake.figures.theme import BLUE, GREY, POINT, clear


def r2_figure(r2: pd.Series) -> go.Figure:
    """R2 of every date, and its mean over three months.

    Args:
        r2: by date; NaN: the date has none.
    """
    window = quarter(r2.index)
    smooth, days = rolling_mean(r2, window), days_of(r2.index)
    figure = go.Figure()
    figure.add_scatter(
        x=days, y=small(r2), mode="markers", name="a date", marker={"size": 3, "color": clear(POINT, 0.65)},
        hovertemplate="%{x|%Y-%m-%d}: R² %{y:.3f}<extra></extra>", meta={"holds": "r2"},
    )  # fmt: skip
    figure.add_scatter(
        x=days, y=small(smooth), mode="lines", name=f"mean of {window} dates", line={"color": BLUE, "width": 2},
        hovertemplate="%{x|%Y-%m-%d}: mean R² %{y:.3f}<extra></extra>", meta={"holds": "mean_r2"},
    )  # fmt: skip
    figure.add_hline(y=float(r2.mean()), line={"color": GREY, "dash": "dot", "width": 1})
    figure.update_xaxes(**date_axis())
    figure.update_yaxes(title="R², share of the weighted variance", tickformat=".2~f")
    return finished(
        legend_below(figure),
        "What the factors explain: R²",
        note=f"R² of each date's regression, weighted. Mean {r2.mean():.2f}, dotted.",
        alt=f"R2 of {int(r2.notna().sum())} regressions: mean {r2.mean():.3f}, from {r2.min():.3f} to {r2.max():.3f}.",
        meta={"mean": float(r2.mean())},
    )
