"""How often factor returns are significant."""

import pandas as pd
import plotly.graph_objects as go

from sigmalake.figures.layout import date_axis, finished, label_axis, legend_below, parts
from sigmalake.figures.series import WEEKLY_NOTE, days_of, quarter, rolling_mean, small, weekly
from sigmalake.figures.text import plain
from sigmalake.figures.theme import BLUE, GREY, POINT, clear, line_style

_BOUND = 2.0  # of |t|; normal errors pass it 1 time in 20
_BY_CHANCE = 0.05
_BAR = 17  # pixels a factor


def shares_by_factor(t_stats: pd.DataFrame) -> pd.Series:
    """Share of the dates with |t| > 2 among those with a t, by factor."""
    significant = (t_stats.abs() > _BOUND).where(t_stats.notna()).astype(float)
    return significant.mean(axis=0)


def shares_by_date(t_stats: pd.DataFrame) -> pd.Series:
    """Share of the factors with |t| > 2 among those with a t, by date."""
    significant = (t_stats.abs() > _BOUND).where(t_stats.notna()).astype(float)
    return significant.mean(axis=1)


def t_stats_figure(t_stats: pd.DataFrame, chosen: list[str] | None = None) -> go.Figure:
    """Shares of |t| > 2 by factor; below, the share over time, or the statistics of chosen factors.

    Args:
        t_stats: a row a date and a column a factor; NaN: no statistic.
        chosen: factors whose statistics are drawn over time; None: the share of all.
    """
    by_factor = shares_by_factor(t_stats).dropna().sort_values(kind="stable")
    bars = _BAR * len(by_factor) + 40
    over_time = 260
    figure = parts([bars, over_time], ["share of the dates with |t| > 2, by factor", _below(chosen)], 75)
    figure.add_bar(
        x=by_factor.to_numpy(), y=[plain(name) for name in by_factor.index], orientation="h", marker={"color": BLUE},
        hovertemplate="%{y}: |t| > 2 on %{x:.1%} of the dates<extra></extra>", showlegend=False,
        meta={"holds": "share_by_factor"}, row=1, col=1,
    )  # fmt: skip
    note = "By chance |t| > 2 on 5 % of the dates (dotted)."
    if chosen is None:
        _add_share(figure, shares_by_date(t_stats))
    else:
        note += _add_statistics(figure, t_stats[chosen])
    figure.add_vline(x=_BY_CHANCE, line={"color": GREY, "dash": "dot", "width": 1}, row=1, col=1)
    figure.update_xaxes(tickformat=".0%", rangemode="tozero", row=1, col=1)
    figure.update_yaxes(**label_axis(list(by_factor.index), tickfont={"size": 10}, dtick=1), row=1, col=1)
    figure.update_xaxes(**date_axis(), row=2, col=1)
    figure.update_layout(bargap=0.3)
    best = ", ".join(f"{name} {by_factor[name]:.0%}" for name in by_factor.index[::-1][:3])
    return finished(
        legend_below(figure),
        "Significance of factor returns",
        note=note,
        alt=f"Share of dates with |t| > 2 of {len(by_factor)} factors, the largest: {best}.",
        height=bars + over_time + 130,
        legend=len(chosen or []),
    )


def _below(chosen: list[str] | None) -> str:
    return "share of the factors with |t| > 2, over time" if chosen is None else "t statistic over time"


def _add_share(figure: go.Figure, shares: pd.Series) -> None:
    window, days = quarter(shares.index), days_of(shares.index)
    figure.add_scatter(
        x=days, y=small(shares), mode="markers", name="a date", marker={"size": 3, "color": clear(POINT, 0.65)},
        hovertemplate="%{x|%Y-%m-%d}: %{y:.0%} of the factors<extra></extra>", meta={"holds": "share_by_date"}, row=2, col=1,
    )  # fmt: skip
    figure.add_scatter(
        x=days, y=small(rolling_mean(shares, window)), mode="lines", name=f"mean of {window} dates", line={"color": BLUE},
        hovertemplate="%{x|%Y-%m-%d}: mean %{y:.1%}<extra></extra>", row=2, col=1,
    )  # fmt: skip
    figure.add_hline(y=_BY_CHANCE, line={"color": GREY, "dash": "dot", "width": 1}, row=2, col=1)
    figure.update_yaxes(tickformat=".0%", rangemode="tozero", row=2, col=1)


def _add_statistics(figure: go.Figure, t_stats: pd.DataFrame) -> str:
    at, thinned = weekly(t_stats.index)
    days = days_of(t_stats.index)[at]
    for n, name in enumerate(t_stats):
        figure.add_scatter(
            x=days, y=small(t_stats[name].iloc[at]), mode="lines", name=plain(name), line=line_style(n) | {"width": 1},
            hovertemplate="%{fullData.name}<br>%{x|%Y-%m-%d}: t %{y:.2f}<extra></extra>", meta={"holds": "t_stat"}, row=2, col=1,
        )  # fmt: skip
    for bound in (-_BOUND, _BOUND):
        figure.add_hline(y=bound, line={"color": GREY, "dash": "dot", "width": 1}, row=2, col=1)
    return f" {WEEKLY_NOTE}" if thinned else ""
