"""Where the risk of holdings comes from."""

from datetime import date as Date  # the plain name is an argument

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from sigmalake.figures.layout import finished, label_axis, parts
from sigmalake.figures.text import plain
from sigmalake.figures.theme import BLUE, GREY, RED

_MOST = 15  # bars of a part
_BAR = 19  # pixels
SPECIFIC = "specific"


def largest(contributions: pd.Series, most: int = _MOST) -> pd.Series:
    """The largest contributions in size, and the sum of the others as the last: the total is kept."""
    order = contributions.abs().sort_values(ascending=False, kind="stable").index
    first, others = (order, order[:0]) if len(contributions) <= most else (order[: most - 1], order[most - 1 :])
    shown: pd.Series = contributions[first]
    return pd.concat([shown, pd.Series({f"{len(others)} others": contributions[others].sum()})]) if len(others) else shown


def portfolio_risk_figure(
    by_group: pd.Series,
    by_factor: pd.Series,
    by_asset: pd.Series,
    specific: float,
    *,
    vol: float,
    what: str,
    date: Date,
    variant: str,
    per: str,
    per_year: float | None,
    left_out: int = 0,
) -> go.Figure:
    """Three lists of bars, each of which sums to the volatility: groups of factors, factors, assets.

    Args:
        by_group: contributions of the groups of factors, fractions of value.
        by_factor: of the factors.
        by_asset: of the assets.
        specific: contribution of specific risk, which completes the first two.
        vol: volatility; of holdings against a benchmark, the tracking error.
        what: is measured, in words: "Volatility" or "Tracking error".
        date: as of which.
        variant: whose estimate.
        per: what the numbers are for, in words: "period".
        per_year: such periods a year; None: unknown.
        left_out: holdings without risk data.
    """
    own = pd.Series({SPECIFIC: specific})
    lists = [
        ("groups of factors", largest(pd.concat([by_group, own])), "by_group"),
        ("factors", largest(pd.concat([by_factor, own])), "by_factor"),
        ("assets", largest(by_asset), "by_asset"),
    ]
    heights = [_BAR * len(bars) + 30 for _, bars, _ in lists]
    figure = parts(heights, [f"by {name}" for name, *_ in lists], 55)
    for n, (_, bars, holds) in enumerate(lists):
        values = bars.to_numpy(dtype=float)
        shares = values / vol if vol > 0 else np.zeros(len(values))
        figure.add_bar(
            x=values, y=[plain(name) for name in bars.index], orientation="h", customdata=shares, showlegend=False,
            marker={"color": [RED if value < 0 else BLUE for value in values]}, meta={"holds": holds},
            hovertemplate="%{y}: %{x:.4%} of value, %{customdata:.1%} of the risk<extra></extra>", row=n + 1, col=1,
        )  # fmt: skip
        named = label_axis(list(bars.index), autorange="reversed", tickfont={"size": 11}, dtick=1)
        figure.update_yaxes(**named, row=n + 1, col=1)
        figure.update_xaxes(tickformat=",.2~%", nticks=6, row=n + 1, col=1)
        figure.add_vline(x=0, line={"color": GREY, "width": 1}, row=n + 1, col=1)
    a_year = "" if per_year is None else f", {vol * np.sqrt(per_year):.2%} per year"
    gone = f" {left_out} holdings without risk data are left out." if left_out else ""
    top = lists[1][1]
    return finished(
        figure.update_layout(bargap=0.25),
        f"Where the {what.lower()} comes from",
        note=f"{what} {vol:.3%} per {per}{a_year}; variant {variant} as of {date}. Each list sums to it; red takes risk away."
        f"{gone}",
        alt=f"{what} {vol:.3%} per {per}{a_year}; the largest part by factor: {top.index[0]} {top.iloc[0]:.3%}.",
        height=sum(heights) + 160,
        meta={"vol": vol},
    )
