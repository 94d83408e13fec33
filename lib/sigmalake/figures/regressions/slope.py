"""A factor's return over time: the slope of each date's regression, and how much of it was to be expected."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from sigmalake.figures.layout import date_axis, finished, legend_below, parts
from sigmalake.figures.series import days_of, small
from sigmalake.figures.text import plain
from sigmalake.figures.theme import BLUE, ORANGE, clear

_DEVIATIONS = 2.0


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
    rows = 2 if with_band else 1
    figure = parts([300, 140][:rows], ["slope, with the band of its forecast", "forecast variance"][:rows], 45, shared_xaxes=True)
    figure.add_scatter(
        x=days, y=slopes.to_numpy(dtype=float), mode="lines", name="slope of the date = factor return",
        line={"color": BLUE, "width": 1}, customdata=small(std_errors), meta={"holds": "factor_return"},
        hovertemplate="%{x|%Y-%m-%d}: slope %{y:.3%}, standard error %{customdata:.3%}<extra></extra>", row=1, col=1,
    )  # fmt: skip
    note, n_outside, n_forecast = "", 0, 0
    if with_band and forecast_vars is not None:
        vols = np.sqrt(forecast_vars)
        outside = slopes.abs() > _DEVIATIONS * vols
        n_forecast = int((vols.notna() & slopes.notna()).sum())
        n_outside = int(outside.sum())
        for sign, fill, what in ((-1, "none", "lower"), (1, "tonexty", "upper")):
            figure.add_scatter(
                x=days, y=small(sign * _DEVIATIONS * vols), mode="lines", line={"width": 0, "color": clear(ORANGE, 0.5)}, fill=fill,
                fillcolor=clear(ORANGE, 0.22), name="± 2 forecast deviations", showlegend=sign > 0, meta={"holds": f"band_{what}"},
                hovertemplate="%{x|%Y-%m-%d}: band to %{y:.3%}<extra></extra>", row=1, col=1,
            )  # fmt: skip
        figure.add_scatter(
            x=days, y=small(forecast_vars * 1e4), mode="lines", line={"color": ORANGE, "width": 1.5}, name="forecast variance",
            meta={"holds": "forecast_variance"}, hovertemplate="%{x|%Y-%m-%d}: variance %{y:.4f} %²<extra></extra>", row=2, col=1,
        )  # fmt: skip
        figure.update_yaxes(title="variance, %² a period", rangemode="tozero", row=2, col=1)
        note = (
            f" Its variance is what variant {variant} forecast before each date: {n_outside} of {n_forecast} slopes "
            f"({n_outside / max(n_forecast, 1):.1%}) lie outside ± 2 deviations; 5 % would, of normal returns."
        )
    figure.update_xaxes(**date_axis())
    figure.update_yaxes(title="slope, per unit of exposure", tickformat=",.2~%", row=1, col=1)
    known = slopes.dropna()
    spread = f"mean {known.mean():.4%} and standard deviation {known.std():.4%} a period" if len(known) > 1 else "one date"
    return finished(
        legend_below(figure),
        f"Slope of {factor} over time",
        note=f"One slope a date: {spread}.{note}",
        alt=f"Slopes of {factor} on {len(known)} dates: {spread}.",
        height=540 if with_band else 400,
        legend=4,
        meta={"factor": plain(factor), "mean": float(known.mean()), "n_outside": n_outside, "n_forecast": n_forecast},
    )
