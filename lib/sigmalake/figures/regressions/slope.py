"""A factor's return over time: the slope of each date's regression, and how much of it was to be expected."""

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from sigmalake.figures.layout import LEGEND_BELOW, date_axis, frame, part_title
from sigmalake.figures.series import days_of, small
from sigmalake.figures.text import plain
from sigmalake.figures.theme import BLUE, ORANGE, clear

_DEVIATIONS = 2.0
_HEIGHTS = 300.0, 140.0, 45.0  # of the upper and the lower plot, and between them


def slope_figure(
    factor: str, slopes: pd.Series, std_errors: pd.Series, forecast_vars: pd.Series | None, *, variant: str = ""
) -> go.Figure:
    """The slope of every date with the band of +- 2 forecast deviations; below, the forecast variance.

    Args:
        factor: its name.
        slopes: factor return by date, fractions per period; NaN: not estimated.
        std_errors: of the slopes, by date.
        forecast_vars: variance of one step that was forecast before each date, by that date, fraction^2; None: there is no risk.
        variant: whose forecasts they are.
    """
    days = days_of(slopes.index)
    with_band = forecast_vars is not None and bool(forecast_vars.notna().any())
    lines_of: list[dict[str, Any]] = [{
        "x": days, "y": slopes.to_numpy(dtype=float), "mode": "lines", "name": "slope of the date = factor return",
        "line": {"color": BLUE, "width": 1}, "customdata": small(std_errors), "meta": {"holds": "factor_return"},
        "hovertemplate": "%{x|%Y-%m-%d}: slope %{y:.3%}, standard error %{customdata:.3%}<extra></extra>",
    }]  # fmt: skip
    note, n_outside, n_forecast = "", 0, 0
    if with_band and forecast_vars is not None:
        vols = np.sqrt(forecast_vars)
        outside = slopes.abs() > _DEVIATIONS * vols
        n_forecast = int((vols.notna() & slopes.notna()).sum())
        n_outside = int(outside.sum())
        lines_of += [{
            "x": days, "y": small(sign * _DEVIATIONS * vols), "mode": "lines", "line": {"width": 0, "color": clear(ORANGE, 0.5)},
            "fill": fill, "fillcolor": clear(ORANGE, 0.22), "name": "± 2 forecast deviations", "showlegend": sign > 0,
            "meta": {"holds": f"band_{what}"}, "hovertemplate": "%{x|%Y-%m-%d}: band to %{y:.3%}<extra></extra>",
        } for sign, fill, what in ((-1, "none", "lower"), (1, "tonexty", "upper"))]  # fmt: skip
        lines_of.append({
            "x": days, "y": small(forecast_vars * 1e4), "mode": "lines", "line": {"color": ORANGE, "width": 1.5},
            "name": "forecast variance", "meta": {"holds": "forecast_variance"}, "xaxis": "x2", "yaxis": "y2",
            "hovertemplate": "%{x|%Y-%m-%d}: variance %{y:.4f} %²<extra></extra>",
        })  # fmt: skip
        note = (
            f" Its variance is what variant {variant} forecast before each date: {n_outside} of {n_forecast} slopes "
            f"({n_outside / max(n_forecast, 1):.1%}) lie outside ± 2 deviations; 5 % would, of normal returns."
        )
    known = slopes.dropna()
    spread = f"mean {known.mean():.4%} and standard deviation {known.std():.4%} a period" if len(known) > 1 else "one date"
    framed = frame(
        f"Slope of {factor} over time",
        note=f"One slope a date: {spread}.{note}",
        alt=f"Slopes of {factor} on {len(known)} dates: {spread}.",
        height=540 if with_band else 400,
        legend=4,
        meta={"factor": plain(factor), "mean": float(known.mean()), "n_outside": n_outside, "n_forecast": n_forecast},
        has_parts=True,
    )
    traces = [{"type": "scatter", **trace} for trace in lines_of]
    return go.Figure(data=traces, layout={**framed, **LEGEND_BELOW, **_axes(with_band=with_band)})


def _axes(*, with_band: bool) -> dict[str, Any]:
    """Axes and titles of one plot, or of two below each other with the same dates."""
    slopes = {"title": {"text": "slope, per unit of exposure"}, "tickformat": ",.2~%", "domain": [0.0, 1.0]}
    titled = part_title("slope, with the band of its forecast", "x", 1.0)
    if not with_band:
        return {"xaxis": date_axis(), "yaxis": slopes, "annotations": [titled]}
    upper, lower, gap = _HEIGHTS
    whole = upper + lower + gap
    return {
        "xaxis": date_axis(anchor="y", matches="x2", showticklabels=False),
        "xaxis2": date_axis(anchor="y2"),
        "yaxis": {**slopes, "domain": [1 - upper / whole, 1.0], "anchor": "x"},
        "yaxis2": {
            "title": {"text": "variance, %² a period"}, "rangemode": "tozero", "domain": [0.0, lower / whole], "anchor": "x2",
        },
        "annotations": [titled, part_title("forecast variance", "x2", lower / whole)],
    }  # fmt: skip
