"""What specific returns still have in common."""

import pandas as pd
import plotly.graph_objects as go

from sigmalake.figures.layout import date_axis, finished, label_axis, legend_below, parts
from sigmalake.figures.series import days_of
from sigmalake.figures.text import listed, plain
from sigmalake.figures.theme import BLUE, GREY, ORANGE

_BAR = 17  # pixels a membership factor
_MOST = 40  # membership factors that are shown
_LINES = {
    "largest": ("largest eigenvalue / edge of noise", BLUE),
    "squared": ("mean squared correlation / expected", ORANGE),
}


def residual_correlation_figure(residuals: pd.DataFrame, groups: pd.DataFrame) -> go.Figure:
    """Ratios to what independence gives: over time; below, of the newest date, within each membership factor.

    Args:
        residuals: by date: largest, edge, n_above, mean_squared, expected_squared.
        groups: a row a date and membership factor, with mean_squared and expected_squared.
    """
    newest = residuals.index[-1]
    within = _of_newest(groups, newest)
    bars, over_time = _BAR * len(within) + 40, 260
    below = f"squared correlations within, as of {newest:%Y-%m-%d}"
    figure = parts([over_time, bars], ["all assets", below], 75) if len(within) else parts([over_time], ["all assets"], 0)
    ratios = {"largest": residuals["largest"] / residuals["edge"], "squared": _squared(residuals)}
    for name, (label, colour) in _LINES.items():
        figure.add_scatter(
            x=days_of(residuals.index), y=ratios[name].to_numpy(dtype=float), mode="lines+markers", name=label,
            line={"color": colour, "width": 1.6}, marker={"size": 4}, customdata=residuals["n_above"].to_numpy(),
            hovertemplate="%{x|%Y-%m-%d}: %{y:.2f}, %{customdata} above the edge<extra></extra>", meta={"holds": name},
            row=1, col=1,
        )  # fmt: skip
    figure.add_hline(y=1.0, line={"color": GREY, "dash": "dot", "width": 1}, row=1, col=1)
    figure.update_xaxes(**date_axis(), row=1, col=1)
    figure.update_yaxes(title="times what independence gives", tickformat=".2~f", rangemode="tozero", row=1, col=1)
    if len(within):
        _add_bars(figure, within)
    shared, ratio = int(residuals["n_above"].iloc[-1]), float(ratios["largest"].iloc[-1])
    said = f"As of {newest:%Y-%m-%d}, {shared} eigenvalues are above the edge; the largest is {ratio:.2f} times it."
    most = listed([f"{name} {times:.1f}" for name, times in within[::-1].items()], 3)
    return finished(
        legend_below(figure),
        "What residuals have in common",
        note=f"At 1 (dotted) specific returns look independent, as Delta takes them. {said}",
        alt=f"{said} Squared correlations within: {most}." if len(within) else said,
        height=over_time + (bars + 110 if len(within) else 0),
        legend=len(_LINES),
    )


def _squared(rows: pd.DataFrame) -> pd.Series:
    return rows["mean_squared"] / rows["expected_squared"]


def _of_newest(groups: pd.DataFrame, newest: pd.Timestamp) -> pd.Series:
    """The ratio within each membership factor that has pairs, ascending, the largest of many."""
    rows = groups[groups["date"] == newest]
    ratios = _squared(rows).set_axis(rows["factor"]).dropna()
    return ratios.sort_values(kind="stable").tail(_MOST)


def _add_bars(figure: go.Figure, within: pd.Series) -> None:
    figure.add_bar(
        x=within.to_numpy(), y=[plain(name) for name in within.index], orientation="h", marker={"color": ORANGE},
        hovertemplate="%{y}: %{x:.2f} times<extra></extra>", showlegend=False, meta={"holds": "within"}, row=2, col=1,
    )  # fmt: skip
    figure.add_vline(x=1.0, line={"color": GREY, "dash": "dot", "width": 1}, row=2, col=1)
    figure.update_xaxes(tickformat=".2~f", rangemode="tozero", row=2, col=1)
    figure.update_yaxes(**label_axis(list(within.index), tickfont={"size": 10}, dtick=1), row=2, col=1)
    figure.update_layout(bargap=0.3)
