"""A date's regression as a line through points: the factor return is a slope."""

from collections.abc import Sequence
from datetime import date as Date  # the plain name is an argument

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from sigmalake.figures.layout import LEGEND_BELOW, frame
from sigmalake.figures.text import plain
from sigmalake.figures.theme import GREY, POINT, RED, clear

_SIZES = 4.0, 26.0  # pixels, of the smallest and the largest weight
_APART = 0.01  # standard errors between the slope of the points and the model's, from which on it is said


def scatter_figure(
    points: pd.DataFrame,
    *,
    date: Date,
    factor: str,
    slope: float,
    intercept: float,
    std_error: float,
    of_points: float,
    adjusted: bool,
    unit: str,
    max_points: int,
) -> go.Figure:
    """Returns against exposures of the assets of a date, with the line whose slope is the stored factor return.

    Args:
        points: a row an asset: exposure, ret (fractions), weight (0: not in the fit).
        date: of the returns.
        factor: its name.
        slope: stored factor return.
        intercept: of the line; 0 where the points are adjusted for the other factors.
        std_error: of the slope; NaN: none.
        of_points: slope of the weighted fit of the points alone.
        adjusted: whether both axes are what the other factors do not explain.
        unit: of the exposure, in words.
        max_points: fitted assets that are drawn, by their weight.
    """
    fitted, others = points[points["weight"] > 0], points[~(points["weight"] > 0)]
    shown = fitted if len(fitted) <= max_points else fitted.loc[fitted["weight"].nlargest(max_points).index]
    traces = []
    if len(others):
        traces.append(_points(others.head(max_points), "not in the fit", {"color": GREY, "size": 5, "symbol": "circle-open"}))
    sizes = _sizes(shown["weight"].to_numpy())
    traces.append(_points(shown, "assets in the fit", {"color": clear(POINT, 0.55), "size": sizes, "line": {"width": 0}}))
    ends = _span(shown["exposure"].to_numpy(dtype=float))
    traces.append({
        "type": "scatter", "x": ends, "y": intercept + slope * ends, "mode": "lines", "name": "fitted line",
        "line": {"color": RED, "width": 2.5}, "hovertemplate": "%{x:.3f}: %{y:.3%}<extra></extra>",
        "meta": {"holds": "fitted_line"},
    })  # fmt: skip
    equation = _equation(slope, intercept, adjusted=adjusted)
    t = slope / std_error if std_error > 0 else np.nan
    significance = f", standard error {std_error:.3%}, t {t:.1f}" if np.isfinite(t) else ""
    beyond = ", beyond what the other factors explain" if adjusted else ""
    framed = frame(
        f"{factor} on {date}",
        note=" ".join(_notes(slope, significance, adjusted, len(shown), len(fitted), (of_points, std_error))),
        alt=f"Returns of {len(fitted)} assets on {date} against their exposures to {factor}: slope {slope:.4%}{significance}.",
        height=460,
        meta={
            "factor": plain(factor), "date": str(date), "slope": slope, "intercept": intercept, "std_error": _number(std_error),
            "t": _number(t), "equation": equation, "adjusted": adjusted, "n": len(fitted),
        },
    )  # fmt: skip
    layout = {
        "annotations": [{
            "text": equation, "xref": "paper", "yref": "paper", "x": 0.99, "y": 0.99, "xanchor": "right", "yanchor": "top",
            "font": {"size": 14, "color": RED}, "showarrow": False,
        }],
        "xaxis": {
            "title": {"text": f"exposure to {plain(factor)}, {unit}{_broken(beyond)}"}, "zeroline": True, "nticks": 8,
        },
        "yaxis": {"title": {"text": "return, beyond the other factors" if adjusted else "return"}, "tickformat": ",.2~%"},
    }  # fmt: skip
    return go.Figure(data=traces, layout={**framed, **LEGEND_BELOW, **layout})


def _notes(
    slope: float, significance: str, adjusted: bool, n_shown: int, n_fitted: int, of_points: tuple[float, float]
) -> Sequence[str]:
    notes = [f"The slope is the factor return of the date: {slope:.4%}{significance}. The larger a point, the larger its weight."]
    if adjusted:
        notes.append("Both axes are what the other factors leave over, so that this slope is the one of the whole regression.")
    if n_shown < n_fitted:
        notes.append(f"{n_shown:,} of {n_fitted:,} assets are drawn, those with the largest weight; the line is of all.")
    own, std_error = of_points
    if abs(own - slope) > _APART * max(std_error, 0.0):
        notes.append(f"The points alone have a slope of {own:.4%}: ridge or shrinkage draws the model's.")
    return notes


def _points(points: pd.DataFrame, name: str, marker: dict[str, object]) -> dict[str, object]:
    return {
        "type": "scatter", "x": points["exposure"].to_numpy(dtype=float), "y": points["ret"].to_numpy(dtype=float),
        "mode": "markers", "name": name, "marker": marker, "text": [plain(asset) for asset in points.index],
        "customdata": points["weight"].to_numpy(dtype=float),
        "hovertemplate": "%{text}<br>exposure %{x:.3f}<br>return %{y:.2%}<br>weight %{customdata:.3f}<extra></extra>",
        "meta": {"holds": "points"},
    }  # fmt: skip


def _sizes(weights: np.ndarray) -> np.ndarray:
    """Diameters, so that areas are as the weights."""
    largest = weights.max(initial=0.0)
    return np.clip(_SIZES[1] * np.sqrt(weights / (largest or 1.0)), *_SIZES).astype(np.float32)


def _span(exposures: np.ndarray) -> np.ndarray:
    """Both ends of the line, a little beyond the points, and 0 between them where adjusted lines pass it."""
    low, high = float(min(exposures.min(), 0.0)), float(max(exposures.max(), 0.0))
    margin = 0.03 * (high - low) or 0.5
    return np.array([low - margin, high + margin])


def _equation(slope: float, intercept: float, *, adjusted: bool) -> str:
    if adjusted or intercept == 0:
        return f"r = {slope:.4%} · x"
    return f"r = {intercept:.4%} {'-' if slope < 0 else '+'} {abs(slope):.4%} · x"


def _broken(text: str) -> str:
    return text.replace(", beyond", "<br>beyond")


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
