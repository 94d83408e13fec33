"""Figures as the page carries them: Plotly's own JSON, in which equal arrays are stored once."""

import base64
import json
from collections.abc import Mapping, Sequence
from html import unescape
from typing import Any, NamedTuple

import numpy as np
import plotly.graph_objects as go

from sigmalake.figures.theme import DARK, LIGHT

_SHORT = 24  # values: a shorter array stays where it is
_TOP, _MENU = 28, 44  # pixels above a plot, and for its own menu
_THEMED = ("template", "title", "width", "autosize")  # of a layout: the page has its own


class Menu(NamedTuple):
    """What a reader chooses from above a picture."""

    label: str
    options: Sequence[str]


class Picture(NamedTuple):
    """A figure, or one for each choice of its menus."""

    figures: Mapping[
        tuple[int, ...], go.Figure | str
    ]  # by the place of what is chosen in each menu, () without menus; or why there is none
    menus: Sequence[Menu] = ()


class Pool:
    """The figures of a page, and the arrays that they share."""

    def __init__(self) -> None:
        self._place: dict[str, int] = {}
        self._arrays: list[Any] = []
        self._pictures: dict[str, Any] = {}

    def add(self, name: str, picture: Picture) -> None:
        """Take a picture under its name."""
        menus = [{"label": menu.label, "options": list(menu.options)} for menu in picture.menus]
        figures = {
            ",".join(map(str, at)): {"missing": figure} if isinstance(figure, str) else self._shared(_plain(figure))
            for at, figure in picture.figures.items()
        }
        self._pictures[name] = {"menus": menus, "figures": figures}

    @property
    def content(self) -> dict[str, Any]:
        """All of it, as JSON has it: `{"$": n}` stands for array n."""
        themes = {name: {"layout": theme.layout.to_plotly_json()} for name, theme in (("light", LIGHT), ("dark", DARK))}
        return {"arrays": self._arrays, "pictures": self._pictures, "themes": themes}

    def _shared(self, value: Any) -> Any:
        if isinstance(value, np.ndarray):
            return self._stored(_encoded(value))
        if isinstance(value, dict):
            if "bdata" in value:
                return self._stored(value)
            return {str(key): self._shared(inner) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            listed = [self._shared(inner) for inner in value]
            plain = len(listed) >= _SHORT and not any(isinstance(inner, dict | list) for inner in listed)
            return self._stored(listed) if plain else listed
        return _scalar(value)

    def _stored(self, array: Any) -> Any:
        key = json.dumps(array, sort_keys=True, ensure_ascii=False)
        if key not in self._place:
            self._place[key] = len(self._arrays)
            self._arrays.append(array)
        return {"$": self._place[key]}


def _plain(figure: go.Figure) -> dict[str, Any]:
    """Data and layout without what the page sets itself."""
    whole = figure.to_plotly_json()
    alt = alt_of(figure)
    layout = {key: value for key, value in whole["layout"].items() if key not in _THEMED}
    margin = layout.get("margin", {})
    if "height" in layout and "t" in margin:  # what the title took
        top = _TOP + (_MENU if layout.get("updatemenus") else 0)
        layout |= {"height": layout["height"] - max(0, margin["t"] - top), "margin": {**margin, "t": min(margin["t"], top)}}
    layout["meta"] = {**layout.get("meta", {}), "alt": alt, "says": note_of(figure) or alt}
    return {"data": list(whole["data"]), "layout": layout}


def alt_of(figure: go.Figure) -> str:
    """The picture in a sentence, as plain text."""
    return str((figure.layout.meta or {}).get("alt", ""))


def note_of(figure: go.Figure) -> str:
    """What stands below the title of a figure, as plain text; empty where nothing does."""
    return unescape((figure.layout.title.subtitle.text or "").replace("<br>", " "))


def _encoded(array: np.ndarray) -> Any:
    """Numbers as base64 as Plotly reads them, dates as text, whatever else as a list."""
    if array.dtype.kind == "M":
        return [None if day == "NaT" else day for day in np.datetime_as_string(array, unit="D").tolist()]
    if array.dtype.kind in "fiu" and array.dtype.itemsize <= 8:
        kind = {"f": "f", "i": "i", "u": "u"}[array.dtype.kind] + str(array.dtype.itemsize)
        if kind in {"i8", "u8"}:
            array, kind = array.astype(np.float64), "f8"
        coded = base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
        shape = {"shape": ", ".join(map(str, array.shape))} if array.ndim > 1 else {}
        return {"dtype": kind, "bdata": coded, **shape}
    return [_scalar(value) for value in array.tolist()]


def _scalar(value: Any) -> Any:
    """A value that JSON has; a number that is none is null."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        return None
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return value.isoformat()[:10] if hasattr(value, "isoformat") else str(value)
