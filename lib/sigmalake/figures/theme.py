"""How every figure looks: colours that colour-blind people tell apart, transparent backgrounds, light or dark text.

The colours are those of Okabe and Ito (2008) without black and yellow, which a dark and a light page would swallow.
"""

import plotly.graph_objects as go

BLUE, RED, GREEN, PINK, ORANGE, SKY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"
COLOURS = (BLUE, RED, GREEN, PINK, ORANGE, SKY)
DASHES = ("solid", "dash", "dot", "dashdot")
POINT = "#4A9BD1"  # points that shine through each other, on white and on black
GREY = "rgba(128,128,128,.9)"  # lines of reference
DIVERGING = [[0.0, "#2166ac"], [0.25, "#92c5de"], [0.5, "#f2f2f2"], [0.75, "#f4a582"], [1.0, "#b2182b"]]  # of ColorBrewer's RdBu

CONFIG = {"responsive": True, "displaylogo": False}
"""What `Figure.show` and `Figure.to_html` are best given as `config`."""

_FONTS = "system-ui, -apple-system, Segoe UI, Roboto, Arial, sans-serif"
_CLEAR = "rgba(0,0,0,0)"


def _template(text: str, grid: str, panel: str) -> go.layout.Template:
    axis = {
        "gridcolor": grid, "zerolinecolor": grid, "linecolor": grid, "tickcolor": grid, "automargin": True,
        "title": {"font": {"size": 12}, "standoff": 8},
    }  # fmt: skip
    return go.layout.Template(
        layout={
            "font": {"color": text, "size": 12, "family": _FONTS},
            "paper_bgcolor": _CLEAR,
            "plot_bgcolor": _CLEAR,
            "colorway": COLOURS,
            "xaxis": axis,
            "yaxis": axis,
            "legend": {"bgcolor": _CLEAR, "font": {"color": text}},
            "hoverlabel": {"bgcolor": panel, "bordercolor": grid, "font": {"color": text}, "namelength": -1, "align": "left"},
            "updatemenudefaults": {"bgcolor": panel, "bordercolor": grid, "font": {"color": text, "size": 12}},
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


def line_style(position: int) -> dict[str, object]:
    """Colour and dash of the line at a position: 24 lines are told apart."""
    return {"color": COLOURS[position % len(COLOURS)], "dash": DASHES[position // len(COLOURS) % len(DASHES)], "width": 1.6}


def clear(colour: str, opacity: float) -> str:
    """A colour of `COLOURS` that what is behind it shines through."""
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity:g})"
