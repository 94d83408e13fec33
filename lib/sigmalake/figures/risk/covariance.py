"""V = B Sigma B' + Delta as four pictures with their numbers."""

from datetime import date as Date  # the plain name is an argument

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from sigmalake.figures.layout import LONGEST, finished, label_axis, left_titles, parts
from sigmalake.figures.text import plain
from sigmalake.figures.theme import DIVERGING
from sigmalake.numerics.types import Floats

_WRITTEN = 12  # rows and columns up to which the numbers stand in the cells
_SQUARE = 5  # rows and columns up to which two matrices stand side by side on a phone
_SHORT = 12  # characters of a name up to which they do
_ROW, _GAP, _LETTER = 26, 50, 4.6  # pixels of a row, between two matrices, and of a letter of the columns' slanting names
_PERCENT_SQUARED = 1e4


def covariance_figure(
    assets: list[str],
    factors: list[str],
    exposures: Floats,
    factor_cov: Floats,
    specific_cov: Floats,
    *,
    date: Date,
    variant: str,
    per: str,
    left_out: int = 0,
) -> go.Figure:
    """Four heat maps: V, B, Sigma and Delta. V, Sigma and Delta are in per cent squared, B in the unit of each exposure.

    Args:
        assets: (N,) ids.
        factors: (K,) names.
        exposures: (N, K) B.
        factor_cov: (K, K) Sigma, fraction^2.
        specific_cov: (N, N) Delta, with the covariances of linked issues off its diagonal, fraction^2.
        date: as of which.
        variant: whose estimate.
        per: what Sigma and Delta are for, in words: "period".
        left_out: factors to which none of the assets is exposed, and which change nothing.
    """
    V = exposures @ factor_cov @ exposures.T + specific_cov
    matrices = (
        ("V = B Σ B' + Δ", V * _PERCENT_SQUARED, assets, assets, "covariance"),
        ("B, exposures", exposures, assets, factors, "exposures"),
        ("Σ, of the factors", factor_cov * _PERCENT_SQUARED, factors, factors, "factor_cov"),
        ("Δ, specific", specific_cov * _PERCENT_SQUARED, assets, assets, "specific_cov"),
    )
    longest = min(LONGEST, max(map(len, (*assets, *factors)), default=0))
    square = max(len(assets), len(factors)) <= _SQUARE and longest <= _SHORT
    if square:
        titles = [plain(title) for title, *_ in matrices]
        figure = left_titles(make_subplots(rows=2, cols=2, subplot_titles=titles, horizontal_spacing=0.18, vertical_spacing=0.22))
        height = 520
    else:
        heights = [_ROW * len(rows) for _, _, rows, *_ in matrices]
        gap = _GAP + _LETTER * longest
        figure = parts(heights, [title for title, *_ in matrices], gap)
        height = round(sum(heights) + 4 * gap)
    for n, (_, values, rows, columns, holds) in enumerate(matrices):
        at = {"row": n // 2 + 1, "col": n % 2 + 1} if square else {"row": n + 1, "col": 1}
        largest = float(np.abs(values).max(initial=0.0)) or 1.0
        written = max(values.shape) <= _WRITTEN
        unit = "" if holds == "exposures" else " %²"
        figure.add_heatmap(
            z=values, x=[plain(name) for name in columns], y=[plain(name) for name in rows], colorscale=DIVERGING,
            zmin=-largest, zmax=largest, showscale=False, xgap=1, ygap=1,
            text=_texts(values) if written else None, texttemplate="%{text}" if written else None,
            textfont={"size": 11 if square else 9},
            hovertemplate=f"%{{y}}, %{{x}}: %{{z:.4g}}{unit}<extra></extra>", meta={"holds": holds}, **at,
        )  # fmt: skip
        figure.update_xaxes(**label_axis(columns, tickangle=-45, tickfont={"size": 10}, showgrid=False), **at)
        figure.update_yaxes(**label_axis(rows, autorange="reversed", tickfont={"size": 10}, showgrid=False), **at)
    vols = np.sqrt(np.diag(V))
    less = f" {left_out} factors to which none of them is exposed are left out and change nothing." if left_out else ""
    return finished(
        figure,
        "V = B Σ B' + Δ",
        note=f"Variant {variant} as of {date}. V, Σ and Δ in per cent squared per {per}.{less}",
        alt="Covariance of {} assets from {} factors as of {}; volatilities per {}: {}.".format(
            len(assets), len(factors), date, per,
            ", ".join(f"{asset} {vol:.2%}" for asset, vol in list(zip(assets, vols, strict=True))[:8]),
        ),
        height=height,
    )  # fmt: skip


def _texts(values: Floats) -> list[list[str]]:
    """Some digits, as short as they go; nothing for 0."""
    return [["" if value == 0 else _short(value) for value in row] for row in values]


def _short(value: float) -> str:
    size = abs(value)
    if size < 1e-4:
        return "≈0"
    digits = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 0.01 else 3 if size >= 0.001 else 4
    text = f"{value:.{digits}f}"
    return text.replace("0.", ".", 1) if size < 0.995 else text
