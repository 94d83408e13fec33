"""How large specific risk is, from the smallest assets to the largest."""

from datetime import date as Date  # the plain name is an argument

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from sigmalake.figures.layout import finished, legend_below
from sigmalake.figures.theme import BLUE, POINT, RED, clear

_GROUPS = 10
_FEWEST = 5  # assets of a group


def quantiles_by_size(specific_vols: pd.Series, caps: pd.Series | None) -> pd.DataFrame:
    """Quantiles of specific volatility over groups of equally many assets, the smallest first; one group without caps.

    Columns: n, low (5 %), q1, median, q3, high (95 %), smallest, largest: caps of the group, NaN without caps.

    Args:
        specific_vols: by asset, fractions; NaN: none, left out.
        caps: by asset; None: the model has none.
    """
    known = specific_vols.dropna()
    if caps is not None:
        known = known[caps.reindex(known.index).notna()]
    groups = max(1, min(_GROUPS, len(known) // _FEWEST)) if caps is not None else 1
    ordered = known.index if caps is None else caps.reindex(known.index).sort_values(kind="stable").index
    rows = []
    for members in np.array_split(np.array(ordered, dtype=object), groups):
        low, q1, median, q3, high = known.loc[members].quantile([0.05, 0.25, 0.5, 0.75, 0.95])
        of_group = None if caps is None else caps.loc[members]
        ends = (np.nan, np.nan) if of_group is None else (of_group.min(), of_group.max())
        rows.append((len(members), low, q1, median, q3, high, *ends))
    columns = ["n", "low", "q1", "median", "q3", "high", "smallest", "largest"]
    return pd.DataFrame(rows, index=pd.RangeIndex(1, groups + 1, name="group"), columns=columns)


def specific_risk_figure(
    specific_vols: pd.Series, caps: pd.Series | None, *, date: Date, variant: str, per_year: float | None
) -> go.Figure:
    """Boxes of specific volatility by size.

    Args:
        specific_vols: by asset, fractions per period of the variant.
        caps: by asset, any one currency; None: the model has none.
        date: as of which.
        variant: whose estimate.
        per_year: periods in a year; None: the volatility stays one per period.
    """
    scale, per = (1.0, "period") if per_year is None else (float(np.sqrt(per_year)), "year")
    table = quantiles_by_size(specific_vols * scale, caps)
    labels = ["all"] if caps is None else [f"{group}" for group in table.index]
    figure = go.Figure(
        go.Box(
            x=labels, lowerfence=table["low"], q1=table["q1"], median=table["median"], q3=table["q3"], upperfence=table["high"],
            line={"color": BLUE, "width": 1.4}, fillcolor=clear(POINT, 0.3), name="5, 25, 50, 75 and 95 % of the assets",
            hoverinfo="y", meta={"holds": "quantiles"},
        )
    )  # fmt: skip
    hover = "group %{x}: median %{y:.1%}<br>%{customdata[0]:,.0f} assets"
    hover += "" if caps is None else ", caps %{customdata[1]:,.3s} to %{customdata[2]:,.3s}"
    figure.add_scatter(
        x=labels, y=table["median"].to_numpy(), mode="lines+markers", name="median", line={"color": RED, "width": 1.5},
        customdata=table[["n", "smallest", "largest"]].to_numpy(dtype=float), hovertemplate=hover + "<extra></extra>",
        meta={"holds": "median"},
    )  # fmt: skip
    title = "groups of equally many assets, the smallest caps first" if caps is not None else "all assets: the model has no caps"
    figure.update_xaxes(type="category", title=title)
    figure.update_yaxes(title=f"specific volatility, per {per}", tickformat=".0%" if per_year else ",.2~%", rangemode="tozero")
    first, last = table["median"].iloc[0], table["median"].iloc[-1]
    ends = f"medians {first:.1%} of the smallest and {last:.1%} of the largest" if caps is not None else f"median {first:.2%}"
    n = int(table["n"].sum())
    return finished(
        legend_below(figure),
        "Specific risk by size",
        note=f"Variant {variant} as of {date}, {n:,} assets, volatility per {per}: {ends}.",
        alt=f"Specific volatility of {n} assets by size as of {date}: {ends}.",
    )
