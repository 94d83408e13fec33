"""How many assets the model covers, and what it could not use."""

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from sigmalake.figures.series import days_of
from sigmalake.figures.theme import RED, date_axis, finished, line_style

_LINES = (
    ("n_assets", "with exposures"),
    ("n_returns", "with a return"),
    ("n_fitted", "in the fit"),
    ("n_with_risk", "with specific risk"),
)


def coverage_figure(coverage: pd.DataFrame) -> go.Figure:
    """Counts of assets by date, and rejected source rows below.

    Args:
        coverage: a row a date with n_assets, n_returns, n_fitted, n_with_risk, n_rejected; NaN: there is no such count.
    """
    rejected = coverage["n_rejected"]
    figure = make_subplots(
        rows=2, cols=1, shared_xaxes=True, row_heights=[0.7, 0.3], vertical_spacing=0.12,
        subplot_titles=("assets", "rejected rows of the sources"),
    )  # fmt: skip
    days = days_of(coverage.index)
    for n, (column, name) in enumerate(_LINES):
        if coverage[column].notna().any():
            figure.add_scatter(
                x=days, y=_counts(coverage[column]), mode="lines", name=name, line=line_style(n), meta={"holds": column},
                hovertemplate="%{x|%Y-%m-%d}: %{y:,} %{fullData.name}<extra></extra>", row=1, col=1,
            )  # fmt: skip
    some = rejected.fillna(0) > 0
    figure.add_bar(
        x=days[some.to_numpy()], y=_counts(rejected[some]), name="rejected rows", marker={"color": RED, "line": {"color": RED}},
        hovertemplate="%{x|%Y-%m-%d}: %{y:,} rejected rows<extra></extra>", meta={"holds": "n_rejected"}, row=2, col=1,
    )  # fmt: skip
    figure.update_xaxes(**date_axis())
    figure.update_yaxes(rangemode="tozero", tickformat=",d", nticks=6, row=1, col=1)
    figure.update_yaxes(rangemode="tozero", tickformat=",d", nticks=4, row=2, col=1)
    if not some.any():
        figure.add_annotation(text="none", xref="x2 domain", yref="y2 domain", x=0.5, y=0.5)
    figure.update_layout(legend={"orientation": "h", "yref": "container", "y": 0, "yanchor": "bottom", "x": 0})
    last = coverage.iloc[-1]
    now = ", ".join(f"{last[column]:,.0f} {name}" for column, name in _LINES if last[column] == last[column])
    total = int(rejected.sum())
    return finished(
        figure,
        "Coverage",
        note=f"On {coverage.index[-1]:%Y-%m-%d}: {now}. {total:,} source rows were rejected over all dates.",
        alt=f"Assets on {coverage.index[-1]:%Y-%m-%d}: {now}; {total:,} rejected rows in all.",
        height=460,
    )


def _counts(values: pd.Series) -> object:
    return values.to_numpy(dtype="float32")
