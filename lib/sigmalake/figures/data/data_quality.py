"""What is hardly right about the data."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from sigmalake.figures.layout import date_axis, finished, legend_below
from sigmalake.figures.series import days_of, small
from sigmalake.figures.text import plain
from sigmalake.figures.theme import ORANGE, POINT, RED

_SEVERITIES = ("stop", "warn", "note")
_MARKERS: dict[str, dict[str, object]] = {
    "note": {"color": POINT, "size": 7, "symbol": "line-ns-open", "line": {"width": 1.2, "color": POINT}},
    "warn": {"color": ORANGE, "size": 9, "symbol": "triangle-up"},
    "stop": {"color": RED, "size": 10, "symbol": "x"},
}
_ROW = 26  # pixels a measure


def data_quality_figure(quality: pd.DataFrame) -> go.Figure:
    """A row a source and measure, a mark a date on which a threshold was passed.

    Args:
        quality: the rows of the table `data_quality`: date, source, measure, severity, value, n_checked, n_found, found.
    """
    labelled = quality.assign(label=quality["measure"].str.replace("_", " ") + " (" + quality["source"] + ")")
    measured = [label for label in dict.fromkeys(labelled["label"]) if not str(label).startswith("rows (")]
    categories = [plain(label) for label in measured][::-1]
    figure = go.Figure()
    counts = {severity: int((labelled["severity"] == severity).sum()) for severity in _SEVERITIES}
    for severity in _SEVERITIES[::-1]:
        rows = labelled[labelled["severity"] == severity]
        if not len(rows):
            continue
        numbers = np.column_stack([small(rows["value"]), small(rows["n_found"])])
        furthest = None if severity == "note" else [_furthest(found) for found in rows["found"]]
        figure.add_scatter(
            x=days_of(pd.Index(rows["date"])), y=[plain(label) for label in rows["label"]], mode="markers", name=severity,
            marker=_MARKERS[severity], customdata=numbers, text=furthest, meta={"holds": severity},
            hovertemplate="%{y}, %{x|%Y-%m-%d}<br>value %{customdata[0]:.4g}, %{customdata[1]:,.0f} found"
            + ("" if furthest is None else "<br>%{text}")
            + "<extra></extra>",
        )  # fmt: skip
    if not any(counts.values()):
        figure.add_scatter(x=days_of(pd.Index(quality["date"]))[:0], y=[], showlegend=False)
        figure.add_annotation(text="nothing to note", xref="paper", yref="paper", x=0.5, y=0.5)
    span = days_of(pd.Index(quality["date"]))
    figure.update_xaxes(**date_axis(range=[str(span.min()), str(span.max() + 1)]))
    figure.update_yaxes(
        type="category", categoryorder="array", categoryarray=categories, range=[-0.6, len(categories) - 0.4], zeroline=False
    )
    words = f"{counts['stop']:,} beyond a stop, {counts['warn']:,} warnings, {counts['note']:,} notes"
    n_dates = quality["date"].nunique()
    return finished(
        legend_below(figure),
        "Data quality",
        note=f"{n_dates:,} dates: {words}. A mark is a date on which a measure passed a threshold.",
        alt=f"Data quality of {n_dates} dates: {words}.",
        height=_ROW * len(categories) + 110,
        meta={"counts": counts},
    )


def _furthest(found: Sequence[Mapping[str, Any]] | None) -> str:
    """What was furthest off, in words."""
    if found is None or not len(found):
        return ""
    first = found[0]
    value = "" if first["value"] is None else f" {first['value']:.4g}"
    detail = f", {first['detail']}" if first["detail"] else ""
    return plain(f"{first['name']}{value}{detail}"[:80])
