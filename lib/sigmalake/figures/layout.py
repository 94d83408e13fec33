"""How a figure is laid out: its title and note, plots one below the other, axes of dates, legends and menus."""

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from sigmalake.figures.text import lines, plain
from sigmalake.figures.theme import EITHER

_TITLE_WIDTH, _NOTE_WIDTH, _PART_WIDTH = 40, 58, 60  # characters that fit on a phone, 380 pixels wide
_TITLE_LINE, _NOTE_LINE, _MENU, _PART_LINE, _LEGEND_LINE = 24, 17, 44, 22, 19  # pixels
_PART = "title of a part"  # name of the annotation that is one


def finished(
    figure: go.Figure,
    title: str,
    *,
    note: str = "",
    alt: str = "",
    height: int = 440,
    menu: bool = False,
    legend: int = 0,
    meta: dict[str, Any] | None = None,
) -> go.Figure:
    """The figure with its title, the note below it, and the look that all figures share.

    Args:
        figure: its traces and axes.
        title: plain text, a few words.
        note: plain text: what is drawn, in sentences.
        alt: the picture in one sentence with its numbers, for those who cannot see it; kept in `layout.meta["alt"]`.
        height: of the plots, pixels; the width is the page's.
        menu: whether a menu of choices stands above the plot.
        legend: entries of the legend below the plot, two in a line on a phone.
        meta: more of `layout.meta`: numbers of the picture by name.
    """
    has_parts = any(one.name == _PART for one in figure.layout.annotations)
    framed = frame(title, note=note, alt=alt, height=height, menu=menu, legend=legend, meta=meta, has_parts=has_parts)
    return figure.update_layout(**framed)


def frame(
    title: str,
    *,
    note: str = "",
    alt: str = "",
    height: int = 440,
    menu: bool = False,
    legend: int = 0,
    meta: dict[str, Any] | None = None,
    has_parts: bool = False,
) -> dict[str, Any]:
    """What `finished` adds to a layout, for a figure that is made at once from its traces and layout: ten times as fast.

    Args:
        title: as the rest, see `finished`.
        has_parts: whether plots have titles of their own.
    """  # fmt: skip
    titles, notes = lines(title, _TITLE_WIDTH), lines(note, _NOTE_WIDTH) if note else []
    top = 30 + _TITLE_LINE * len(titles) + _NOTE_LINE * len(notes) + _PART_LINE * has_parts + _MENU * menu
    menus = {"updatemenus": [{"x": 0.0, "xanchor": "left", "y": 1.0, "yanchor": "bottom", "pad": {"b": 10}}]} if menu else {}
    return {
        "template": EITHER,
        "title": {
            "text": "<br>".join(titles),
            "font": {"size": 17},
            "subtitle": {"text": "<br>".join(notes), "font": {"size": 12}},
            "x": 0.0, "xref": "container", "xanchor": "left", "y": 1.0, "yref": "container", "yanchor": "top",
            "pad": {"t": 14, "l": 12},
        },
        "height": height + top + _LEGEND_LINE * ((legend + 1) // 2),
        "margin": {"t": top, "l": 12, "r": 16, "b": 48},
        "meta": {"alt": alt or title, **(meta or {})},
        **menus,
    }  # fmt: skip


def parts(heights: Sequence[float], titles: Sequence[str], gap: float, *, shared_xaxes: bool = False) -> go.Figure:
    """An empty figure of plots one below the other, each under its own title.

    Args:
        heights: of the plots, pixels or any one unit.
        titles: of the plots, plain text of a few words.
        gap: between two plots, in the unit of the heights.
        shared_xaxes: whether the plots have one axis in common.
    """
    rows = len(heights)
    spacing = gap / (sum(heights) + gap * (rows - 1)) if rows > 1 else 0.0
    named = [lines(title, _PART_WIDTH)[0] for title in titles]
    return left_titles(
        make_subplots(
            rows=rows, cols=1, row_heights=list(heights), vertical_spacing=spacing, shared_xaxes=shared_xaxes, subplot_titles=named
        )
    )


def left_titles(figure: go.Figure) -> go.Figure:
    """The titles of the plots of `make_subplots`, small and above their left ends."""
    for n, title in enumerate(figure.layout.annotations):
        axis = f"x{n + 1}" if n else "x"
        title.update(x=0.0, xref=f"{axis} domain", xanchor="left", font={"size": 12}, yshift=4, name=_PART)
    return figure


def part_title(title: str, axis: str, top: float) -> dict[str, Any]:
    """The title of a plot, small and above its left end.

    Args:
        title: plain text of a few words.
        axis: of x of the plot: `x`, `x2`.
        top: of the plot, 0 to 1 of the figure's.
    """
    return {
        "text": lines(title, _PART_WIDTH)[0], "x": 0.0, "xref": f"{axis} domain", "xanchor": "left", "y": top, "yref": "paper",
        "yanchor": "bottom", "yshift": 4, "font": {"size": 12}, "showarrow": False, "name": _PART,
    }  # fmt: skip


LEGEND_BELOW: dict[str, Any] = {
    "legend": {"orientation": "h", "yref": "container", "y": 0.0, "yanchor": "bottom", "x": 0.0, "traceorder": "normal"},
    "showlegend": True,
}
"""A horizontal legend below the plot."""


def legend_below(figure: go.Figure) -> go.Figure:
    """The figure with `LEGEND_BELOW`."""
    return figure.update_layout(**LEGEND_BELOW)


def date_axis(**more: Any) -> dict[str, Any]:
    """An axis of dates; `more` as of plotly's axes."""
    return {"type": "date", "nticks": 5, "hoverformat": "%Y-%m-%d", **more}


LONGEST = 24  # characters of a label of an axis


def label_axis(names: Sequence[str], **more: Any) -> dict[str, Any]:
    """An axis of names, plain text, of which the long ones lose their middle; `more` as of plotly's axes.

    Where none is long, plotly leaves out labels for which there is no room.
    """
    axis = {"type": "category", **more}
    if max(map(len, names), default=0) <= LONGEST:
        return axis
    cut = [shortened(name) for name in names]
    return {**axis, "tickmode": "array", "tickvals": [plain(name) for name in names], "ticktext": [plain(name) for name in cut]}


def shortened(name: str, longest: int = LONGEST) -> str:
    """A name without its middle where it is long: those that begin alike often end otherwise. The page cuts further on a phone."""
    if len(name) <= longest:
        return name
    head = 2 * longest // 3
    return f"{name[:head]}…{name[head + 1 - longest :]}"


def buttons(labels: Sequence[str], changes: Sequence[list[Any]], method: str = "update") -> list[dict[str, Any]]:
    """The choices of a menu, whose labels are plain text."""
    return [{"label": lines(label, 40)[0], "method": method, "args": change} for label, change in zip(labels, changes, strict=True)]
