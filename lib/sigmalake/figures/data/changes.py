"""What moved from one model to the next."""

import re

import pandas as pd
import plotly.graph_objects as go

from sigmalake.figures.layout import date_axis, finished
from sigmalake.figures.series import days_of, small
from sigmalake.figures.text import plain
from sigmalake.figures.theme import COLOURS

_ROW = 44  # pixels a quantity
_SIZES = 6.0, 26.0  # pixels
_PHONE = 250  # pixels of a plot on a phone
_UPSTREAM = re.compile(r"regression of \d{4}-\d\d-\d\d: ")


def changes_figure(dates: pd.DataFrame, *, first: str, second: str) -> go.Figure:
    """A row a quantity, a disc a date on which some of its numbers are not the same in both models.

    Args:
        dates: a row a quantity, variant and date: quantity, variant, date, moved, largest, of, why.
        first: the earlier model.
        second: the later one.
    """
    of_variant = dates["variant"].map(lambda name: f" ({name})" if isinstance(name, str) else "")
    labels = dates["quantity"].str.replace("_", " ") + of_variant
    categories = list(dict.fromkeys(labels))
    largest = float(dates["moved"].max())
    days = pd.DatetimeIndex(dates["date"])
    a_day = _PHONE / ((days.max() - days.min()).days + 1)
    most = min(_SIZES[1], max(_SIZES[0] + 1, 1.4 * a_day))  # discs of days that follow each other hardly overlap
    figure = go.Figure()
    for n, label in enumerate(categories):
        rows = dates[labels == label]
        sizes = (most * (rows["moved"].astype(float) / largest) ** 0.5).clip(_SIZES[0], most)
        figure.add_scatter(
            x=days_of(pd.Index(rows["date"])), y=[plain(label)] * len(rows), mode="markers", showlegend=False,
            marker={"color": COLOURS[n % len(COLOURS)], "size": small(sizes), "opacity": 0.85, "line": {"width": 0}},
            customdata=rows[["moved", "largest"]].to_numpy(dtype=float),
            text=[plain(f"{of or ''}; {why}"[:160]) for of, why in zip(rows["of"], rows["why"], strict=True)],
            hovertemplate="%{y}, %{x|%Y-%m-%d}<br>%{customdata[0]:,.0f} numbers, the largest by %{customdata[1]:.4g}<br>%{text}"
            "<extra></extra>",
            meta={"holds": "moved"},
        )  # fmt: skip
    figure.update_xaxes(**date_axis())
    figure.update_yaxes(type="category", categoryorder="array", categoryarray=[plain(one) for one in categories[::-1]])
    total, n_dates = int(dates["moved"].sum()), dates["date"].nunique()
    causes = dict.fromkeys(_UPSTREAM.sub("", part) for why in dates["why"] for part in str(why).split("; "))
    reasons = "; ".join(causes).replace("the first", first).replace("the second", second)
    return finished(
        figure,
        "What moved since the last release",
        note=f"From {first} to {second}: {total:,} numbers on {n_dates:,} dates. Why: {reasons[:200]}.",
        alt=f"From {first} to {second} {total} numbers moved on {n_dates} dates: {reasons[:200]}.",
        height=_ROW * len(categories) + 120,
    )
