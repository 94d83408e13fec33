"""Whether the forecasts of risk were right."""

from collections.abc import Hashable

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from sigmalake.figures.layout import date_axis, finished, legend_below, parts
from sigmalake.figures.series import WEEKLY_NOTE, days_of, small, weekly
from sigmalake.figures.text import plain
from sigmalake.figures.theme import GREY, POINT, RED, clear, line_style

_ROW = 30  # pixels a kind


def calibration_figure(
    kinds: pd.DataFrame, portfolios: pd.DataFrame, rolling: pd.DataFrame, *, variant: str, window: int, band: float
) -> go.Figure:
    """Bias by kind of portfolio with the band of a right forecast; below, over time.

    Args:
        kinds: a row a kind, with bias (mean over its portfolios), n_portfolios, n_in_band and n_dates.
        portfolios: a row a portfolio, with kind, portfolio, bias and bias_band.
        rolling: a row a date and a column a kind: mean bias of the window that ends then.
        variant: whose forecasts.
        window: forecasts of a rolling bias.
        band: half the width about 1 that holds a rolling bias of right normal forecasts 19 times in 20.
    """
    order = list(kinds.index)[::-1]
    above, below = _ROW * len(order) + 40, 60 if rolling.empty else 260
    figure = parts(
        [above, below], ["by kind of portfolio, over the dates shown", f"over the last {window} forecasts, mean of a kind"], 85
    )
    for n, kind in enumerate(order):
        half = float(portfolios.loc[portfolios["kind"] == kind, "bias_band"].median())
        if np.isfinite(half):
            figure.add_shape(
                type="rect", x0=1 - half, x1=1 + half, y0=n - 0.38, y1=n + 0.38, line={"width": 0}, fillcolor=clear(POINT, 0.25),
                layer="below", row=1, col=1,
            )  # fmt: skip
    own = portfolios.dropna(subset=["bias"])
    figure.add_scatter(
        x=own["bias"].to_numpy(dtype=float), y=[plain(_words(kind)) for kind in own["kind"]], mode="markers", name="a portfolio",
        marker={"size": 5, "color": clear(POINT, 0.65)}, text=[plain(name) for name in own["portfolio"]],
        hovertemplate="%{y}: %{text}<br>bias %{x:.3f}<extra></extra>", meta={"holds": "bias_by_portfolio"}, row=1, col=1,
    )  # fmt: skip
    means = kinds.loc[order]
    figure.add_scatter(
        x=means["bias"].to_numpy(dtype=float), y=[plain(_words(kind)) for kind in order], mode="markers", name="mean of a kind",
        marker={"size": 10, "color": RED, "symbol": "diamond"},
        customdata=means[["n_in_band", "n_portfolios", "n_dates"]].to_numpy(),
        hovertemplate="%{y}: mean bias %{x:.3f}<br>%{customdata[0]} of %{customdata[1]} portfolios within the band<br>"
        "%{customdata[2]} dates<extra></extra>",
        meta={"holds": "bias_by_kind"}, row=1, col=1,
    )  # fmt: skip
    at, thinned = weekly(rolling.index)
    days = days_of(rolling.index)[at]
    for n, kind in enumerate(rolling):
        figure.add_scatter(
            x=days, y=small(rolling[kind].iloc[at]), mode="lines", name=plain(_words(kind)), line=line_style(n),
            hovertemplate="%{fullData.name}<br>%{x|%Y-%m-%d}: %{y:.2f}<extra></extra>", meta={"holds": "rolling_bias"},
            row=2, col=1,
        )  # fmt: skip
    if rolling.empty:
        figure.add_annotation(
            text=f"there are no {window} forecasts yet;<br>a smaller rolling_window shows fewer",
            xref="x2 domain", yref="y2 domain", x=0.5, y=0.5,
        )  # fmt: skip
        figure.update_xaxes(visible=False, row=2, col=1)
        figure.update_yaxes(visible=False, row=2, col=1)
    elif np.isfinite(band):
        figure.add_hrect(y0=1 - band, y1=1 + band, line={"width": 0}, fillcolor=clear(POINT, 0.25), layer="below", row=2, col=1)
    figure.add_vline(x=1, line={"color": GREY, "width": 1}, row=1, col=1)
    if not rolling.empty:
        figure.add_hline(y=1, line={"color": GREY, "width": 1}, row=2, col=1)
    categories = [plain(_words(kind)) for kind in order]
    figure.update_yaxes(
        type="category", categoryorder="array", categoryarray=categories, range=[-0.6, len(order) - 0.4], row=1, col=1
    )
    figure.update_xaxes(title="bias: realised over forecast volatility", nticks=8, row=1, col=1)
    figure.update_xaxes(**date_axis(), row=2, col=1)
    figure.update_yaxes(tickformat=".2~f", row=2, col=1)
    shown = ", ".join(f"{_words(kind)} {kinds.loc[kind, 'bias']:.2f}" for kind in order[::-1])
    note = (
        f"Forecasts of variant {variant}. 1 is right; above 1 risk was forecast too low. The band holds right forecasts of normal "
        f"returns 19 times in 20; of fat tails it is wider.{' ' + WEEKLY_NOTE if thinned else ''}"
    )
    return finished(
        legend_below(figure), "Were the risk forecasts right?", note=note, alt=f"Mean bias by kind of portfolio: {shown}.",
        height=above + below + 150, legend=2 if rolling.empty else len(order) + 2,
    )  # fmt: skip


def _words(kind: Hashable) -> str:
    return str(kind).replace("_", " ")
