"""How much the styles of the assets change in a month."""

import pandas as pd
import plotly.graph_objects as go

from sigmalake.figures.layout import date_axis, finished, legend_below
from sigmalake.figures.series import days_of
from sigmalake.figures.text import listed, plain
from sigmalake.figures.theme import GREY, line_style

_GOOD, _DOUBTFUL = 0.9, 0.8


def exposure_stability_figure(stability: pd.DataFrame) -> go.Figure:
    """A line a style: its correlation with itself a month before.

    Args:
        stability: a row a date and style, with exposure_date, style, before, correlation and n_common.
    """
    figure = go.Figure()
    medians = stability.groupby("style", sort=False)["correlation"].median().sort_values()
    for n, (style, rows) in enumerate(stability.groupby("style", sort=False)):
        figure.add_scatter(
            x=days_of(pd.Index(rows["exposure_date"])), y=rows["correlation"].to_numpy(dtype=float), mode="lines+markers",
            name=plain(style), line=line_style(n), marker={"size": 4}, customdata=rows["n_common"].to_numpy(),
            hovertemplate="%{fullData.name}<br>%{x|%Y-%m-%d}: %{y:.3f} over %{customdata} assets<extra></extra>",
            meta={"holds": "correlation"},
        )  # fmt: skip
    for bound in (_GOOD, _DOUBTFUL):
        figure.add_hline(y=bound, line={"color": GREY, "dash": "dot", "width": 1})
    figure.update_xaxes(**date_axis())
    figure.update_yaxes(title="correlation with a month before", tickformat=".2~f")
    doubtful = [str(style) for style, median in medians.items() if median < _DOUBTFUL]
    verdict = f" Median below .8: {listed(doubtful, 6)}." if doubtful else " No style has a median below .8."
    return finished(
        legend_below(figure),
        "Stability of the exposures",
        note=f"Each style against itself a month before, across assets: above .9 is good, below .8 doubtful.{verdict}",
        legend=len(medians),
        alt=f"Month-to-month correlations of {len(medians)} styles.{verdict}",
    )
