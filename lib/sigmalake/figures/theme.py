"""How every figure looks: colours that colour-blind people tell apart, transparent backgrounds, light or dark text.

The colours are those of Okabe and Ito (2008) without black and yellow, which a dark and a light page would swallow.
"""

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from sigmalake.figures.text import lines

BLUE, RED, GREEN, PINK, ORANGE, SKY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"
COLOURS = (BLUE, RED, GREEN, PINK, ORANGE, SKY)
DASHES = ("solid", "dash", "dot", "dashdot")
GREY = "rgba(128,128,128,.9)"  # lines of reference
FAINT = "rgba(128,128,128,.35)"  # what stands behind
DIVERGING = [[0.0, "#2166ac"], [0.25, "#92c5de"], [0.5, "#f2f2f2"], [0.75, "#f4a582"], [1.0, "#b2182b"]]  # of ColorBrewer's RdBu

CONFIG = {"responsive": True, "displaylogo": False}
"""What `Figure.show` and `Figure.to_html` are best given as `config`."""

_TITLE_WIDTH, _NOTE_WIDTH = 40, 58  # characters that fit on a phone, 380 pixels wide
_TITLE_LINE, _NOTE_LINE, _MENU = 24, 17, 44  # pixels


def _template(text: str, grid: str, panel: str) -> go.layout.Template:
    axis = {
        "gridcolor": grid, "zerolinecolor": grid, "linecolor": grid, "tickcolor": grid, "automargin": True,
        "title": {"font": {"size": 12}, "standoff": 8},
    }  # fmt: skip
    menu = {"bgcolor": panel, "bordercolor": grid, "font": {"color": text, "size": 12}}
    clear = "rgba(0,0,0,0)"
    return go.layout.Template(
        layout={
            "font": {"color": text, "size": 12, "family": "system-ui, -apple-system, Segoe UI, Roboto, Arial, sans-serif"},
            "paper_bgcolor": clear,
            "plot_bgcolor": clear,
            "colorway": COLOURS,
            "xaxis": axis,
            "yaxis": axis,
            "legend": {"bgcolor": clear, "font": {"color": text}},
            "hoverlabel": {"bgcolor": panel, "bordercolor": grid, "font": {"color": text}, "namelength": -1, "align": "left"},
            "updatemenudefaults": menu,
            "annotationdefaults": {"font": {"color": text}, "showarrow": False},
        }
    )


LIGHT = _template("#24292f", "rgba(128,128,128,.25)", "#ffffff")
DARK = _template("#d7dce2", "rgba(160,160,160,.25)", "#23282e")
EITHER = _template("#76797d", "rgba(128,128,128,.3)", "#f4f4f4")
"""Grey text that can be read on white and on black, for a figure that does not know its page. Every figure starts with it."""


def light(figure: go.Figure) -> go.Figure:
    """A copy of a figure for a light page."""
    return go.Figure(figure).update_layout(template=LIGHT)


def dark(figure: go.Figure) -> go.Figure:
    """A copy of a figure for a dark page."""
    return go.Figure(figure).update_layout(template=DARK)


def finished(
    figure: go.Figure,
    title: str,
    *,
    note: str = "",
    alt: str = "",
    height: int = 440,
    menu: bool = False,
    meta: dict[str, Any] | None = None,
) -> go.Figure:
    """The figure with its title, the note below it, and the look that all figures share.

    Args:
        figure: its traces and axes.
        title: plain text, a few words.
        note: plain text: what is drawn, in sentences.
        alt: the picture in one sentence with its numbers, for those who cannot see it; kept in `layout.meta["alt"]`.
        height: pixels; the width is the page's.
        menu: whether a menu of choices stands above the plot.
        meta: more of `layout.meta`: numbers of the picture by name.
    """
    titles, notes = lines(title, _TITLE_WIDTH), lines(note, _NOTE_WIDTH) if note else []
    top = 16 + _TITLE_LINE * len(titles) + _NOTE_LINE * len(notes) + 14
    figure.update_layout(
        template=EITHER,
        title={
            "text": "<br>".join(titles),
            "font": {"size": 17},
            "subtitle": {"text": "<br>".join(notes), "font": {"size": 12}},
            "x": 0.0, "xref": "container", "xanchor": "left", "y": 1.0, "yref": "container", "yanchor": "top",
            "pad": {"t": 14, "l": 12},
        },
        height=height + top + (_MENU if menu else 0),
        margin={"t": top + (_MENU if menu else 0), "l": 12, "r": 16, "b": 48},
        meta={"alt": alt or title, **(meta or {})},
    )  # fmt: skip
    if menu:
        figure.update_layout(updatemenus=[{"x": 0.0, "xanchor": "left", "y": 1.0, "yanchor": "bottom", "pad": {"b": 10}}])
    return figure


def legend_below(figure: go.Figure) -> go.Figure:
    """A horizontal legend below the plot."""
    return figure.update_layout(
        legend={"orientation": "h", "yref": "container", "y": 0.0, "yanchor": "bottom", "x": 0.0, "xanchor": "left"},
        showlegend=True,
    )


def line_style(position: int) -> dict[str, object]:
    """Colour and dash of the line at a position: 24 lines are told apart."""
    return {"color": COLOURS[position % len(COLOURS)], "dash": DASHES[position // len(COLOURS) % len(DASHES)], "width": 1.6}


def clear(colour: str, opacity: float) -> str:
    """A colour of `COLOURS` that what is behind it shines through."""
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity:g})"


def date_axis(*figures_axes: dict[str, Any]) -> dict[str, Any]:
    """An axis of dates."""
    return {"type": "date", "nticks": 8, "hoverformat": "%Y-%m-%d"} | (figures_axes[0] if figures_axes else {})


def buttons(labels: Sequence[str], changes: Sequence[list[Any]], method: str = "update") -> list[dict[str, Any]]:
    """The choices of a menu, whose labels are plain text."""
    return [{"label": lines(label, 40)[0], "method": method, "args": change} for label, change in zip(labels, changes, strict=True)]
