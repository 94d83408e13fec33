"""Which factors move together."""

from datetime import date as Date  # the plain name is an argument

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import squareform

from sigmalake.figures.layout import LONGEST, finished, label_axis
from sigmalake.figures.series import small
from sigmalake.figures.text import plain
from sigmalake.figures.theme import DIVERGING
from sigmalake.numerics.types import Floats

_FEW = 8  # factors whose correlations are written into the cells


def correlation_of(factor_cov: pd.DataFrame) -> pd.DataFrame:
    """Correlations from a covariance; NaN for a factor without variance."""
    vols = np.sqrt(np.diag(factor_cov.to_numpy(dtype=float)))
    safe = np.where(vols > 0, vols, np.nan)
    found = np.clip(factor_cov / np.outer(safe, safe), -1.0, 1.0)
    return pd.DataFrame(found, factor_cov.index, factor_cov.columns)


def clustered(correlations: pd.DataFrame) -> list[str]:
    """The factors so that those that move together stand together: average linkage on 1 - correlation, leaves reordered.

    Bar-Joseph, Gifford and Jaakkola (2001): of all orders that the tree allows, the one with the nearest neighbours.
    """
    names = list(correlations.index)
    if len(names) < 3:
        return names
    distances: Floats = 1.0 - correlations.fillna(0.0).to_numpy()
    np.fill_diagonal(distances, 0.0)
    condensed = np.maximum(squareform((distances + distances.T) / 2, checks=False), 0.0)
    return [names[leaf] for leaf in leaves_list(linkage(condensed, "average", optimal_ordering=True))]


def correlations_figure(factor_cov: pd.DataFrame, *, date: Date, variant: str) -> go.Figure:
    """A heat map of the factors' correlations in the order of their clusters.

    Args:
        factor_cov: Sigma, a row and a column a factor.
        date: as of which.
        variant: whose estimate.
    """
    found = correlation_of(factor_cov)
    order = clustered(found)
    found = found.loc[order, order]
    names = [plain(name) for name in order]
    few = len(names) <= _FEW
    figure = go.Figure(
        go.Heatmap(
            x=names, y=names, z=small(found), coloraxis="coloraxis", texttemplate="%{z:.2f}" if few else None, xgap=1, ygap=1,
            hovertemplate="%{y} and %{x}: %{z:.2f}<extra></extra>", meta={"holds": "correlation"},
        )
    )  # fmt: skip
    size = 9 if len(names) > 30 else 11
    bar = {"orientation": "h", "y": -0.02, "yanchor": "top", "thickness": 12, "len": 0.9, "nticks": 5}
    bar |= {"yref": "container", "y": 0.0, "yanchor": "bottom"}
    figure.update_layout(coloraxis={"colorscale": DIVERGING, "cmin": -1, "cmax": 1, "cmid": 0, "colorbar": bar})
    figure.update_xaxes(**label_axis(order, tickangle=-90, tickfont={"size": size}, showgrid=False))
    figure.update_yaxes(**label_axis(order, tickfont={"size": size}, autorange="reversed", showgrid=False))
    off = np.triu_indices(len(names), 1)
    sizes = np.abs(found.to_numpy()[off])
    pair = ""
    if sizes.size and np.isfinite(sizes).any():
        at = int(np.nanargmax(sizes))
        one, other = order[off[0][at]], order[off[1][at]]
        pair = f" The strongest: {one} and {other}, {found.loc[one, other]:.2f}."
    return finished(
        figure,
        "Correlations of the factors",
        note=f"Variant {variant} as of {date}; factors that move together stand together.{pair}",
        alt=f"Correlations of {len(names)} factors as of {date}.{pair}",
        height=max(240, min(640, 15 * len(names))) + 100 + 5 * min(LONGEST, max(map(len, order), default=0)),
    )
