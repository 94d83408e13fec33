"""The configuration of a model that is fitted from a frame: what its arguments say is put over what a YAML file says."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from sigmalake.config.columns import ReturnColumns
from sigmalake.config.presets import PRESETS
from sigmalake.config.yaml_file import merge
from sigmalake.errors import ConfigError

MODEL = "fit"
"""The name of a model without one. Simulations are seeded by it."""

_KINDS = ("market", "membership", "styles")  # of entries of `factors`, in the order of the model
_PLACES = ("path", "table", "format", "encoding")  # where a panel lies: the frame takes the place of all of it
_APART = ("returns", "exposures", "caps")  # sources that a panel replaces

Groups = Sequence[str] | Mapping[str, str | Mapping[str, Any]]
"""Columns of categories, each called like its group; or by group its column, or what an entry `membership:` says of it."""

Styles = Sequence[str] | Mapping[str, Mapping[str, Any]]
"""Columns that are used as given; or by style the rules by which it is standardised here."""


def set_panel(body: dict[str, Any], columns: Mapping[str, str | None], dated: str | None, *, with_prices: bool = False) -> None:
    """Put the frame in the place of the panel's file, and the columns that are given in the place of any other.

    Args:
        body: a configuration, which is changed.
        columns: the frame's own names by the key of `sources.panel.columns`; None: as the configuration says.
        dated: what the date of an exposure means; None: as the configuration says, else `end_of_period`.
        with_prices: whether returns come from prices beside the panel, so that `sources.returns` may say how.

    Raises:
        ConfigError: the configuration has sources that a panel replaces.
    """
    sources = _section(body, "sources")
    if apart := [name for name in _APART if sources.get(name) is not None and not (name == "returns" and with_prices)]:
        raise ConfigError(f"the configuration has sources.{apart[0]}, and the frame is a panel that holds it; leave it out")
    panel = _section(sources, "panel")
    for place in _PLACES:
        panel.pop(place, None)
    given = {name: column for name, column in columns.items() if column is not None}
    _section(panel, "columns").update({"ret": "ret", **(panel.get("columns") or {}), **given})
    panel["exposures_dated"] = dated or panel.get("exposures_dated") or "end_of_period"


def set_prices(body: dict[str, Any], columns: Sequence[str]) -> None:
    """Put a frame of prices beside the panel, which then has the exposures alone.

    Args:
        body: a configuration with a panel, which is changed.
        columns: of the frame; each that is called like a key of `sources.returns.columns` counts as that.

    Raises:
        ConfigError: the frame has no column `price`, and the configuration names none.
    """
    sources = body["sources"]
    panel = sources.pop("panel")
    keys = {name: panel["columns"].pop(name, None) for name in ("ret", "rate", "currency")}
    key = {name: panel["columns"][name] for name in ("date", "asset_id") if name in panel["columns"]}
    named = {name: name for name in (*ReturnColumns.PRICED, "rate", "currency") if name in columns}
    returns = _section(sources, "returns")
    mapped = {**key, **named, **{name: column for name, column in keys.items() if column in columns and name != "ret"}}
    returns["columns"] = {**mapped, **(returns.get("columns") or {})}
    if "price" not in returns["columns"]:
        raise ConfigError(f"prices has no column `price`; it has {', '.join(columns)}")
    panel.pop("returns_in", None)
    sources["exposures"] = panel


def set_factors(body: dict[str, Any], groups: Groups | None, styles: Styles | None, *, market: bool | None) -> None:
    """Put entries of `factors` over those of their kind, in the order of the model; a kind that is not given stays.

    Raises:
        ConfigError: groups or styles are text.
    """
    given = _entries(groups, styles)
    stored = list(body.get("factors") or [])
    if stored and not given and market is None:
        return
    kinds: dict[str, list[Any]] = {
        kind: [entry for entry in stored if isinstance(entry, Mapping) and kind in entry] for kind in _KINDS
    }
    if market is not None or not stored:
        kinds["market"] = [] if market is False else kinds["market"] or [{"market": "market"}]
    kinds.update(given)
    body["factors"] = [entry for kind in _KINDS for entry in kinds[kind]]


def set_weights(body: dict[str, Any], weights: str | Mapping[str, Any] | None) -> None:
    """Put the weights of the regressions; by default `sqrt_cap` where the panel has caps, else `equal`."""
    regression = _section(body, "regression")
    regression["weights"] = weights or regression.get("weights") or ("sqrt_cap" if _has_caps(body) else "equal")


def set_risk(body: dict[str, Any], preset: str | Sequence[str] | None, risk: Mapping[str, Mapping[str, Any]] | None) -> None:
    """Put the variants, or those of presets; by default `short`.

    Raises:
        ConfigError: both are given.
    """
    if preset is not None and risk is not None:
        raise ConfigError("preset and risk both say which variants there are; give risk={'short': {'preset': 'short'}, ...}")
    if risk is not None:
        body["risk"] = deepcopy(dict(risk))
    elif preset is not None or "risk" not in body:
        names = [preset] if isinstance(preset, str) else list(preset or ["short"])
        body["risk"] = {name: _variant(name, has_caps=_has_caps(body)) for name in names}


def with_places(configuration: Mapping[str, Any], *, places: Mapping[str, str], lake: str) -> dict[str, Any]:
    """The configuration with the places of the frames' files and of the lake.

    Args:
        configuration: of a model, which is not changed.
        places: file or folder of the rows of sources, by name.
        lake: folder or URI.
    """
    placed = deepcopy(dict(configuration))
    placed["lake"] = lake
    merge(placed, {"sources": {source: {"path": place} for source, place in places.items()}})
    return placed


def _entries(groups: Groups | None, styles: Styles | None) -> dict[str, list[dict[str, Any]]]:
    """The entries of `factors` that were given as arguments, by their kind."""
    entries: dict[str, list[dict[str, Any]]] = {}
    if groups is not None:
        _refuse_text("groups", groups)
        by_name = groups if isinstance(groups, Mapping) else {group: group for group in groups}
        entries["membership"] = [{"membership": name, **_membership(rules)} for name, rules in by_name.items()]
    if styles is not None:
        _refuse_text("styles", styles)
        entries["styles"] = [_styles(styles)] if styles else []
    return entries


def _styles(styles: Styles) -> dict[str, Any]:
    if isinstance(styles, Mapping):
        return {"styles": deepcopy(dict(styles)), "as_given": False}
    return {"styles": list(styles), "as_given": True}


def _membership(rules: str | Mapping[str, Any]) -> dict[str, Any]:
    return {"column": rules} if isinstance(rules, str) else deepcopy(dict(rules))


def _variant(preset: str, *, has_caps: bool) -> dict[str, Any]:
    """A preset, without its shrinkage by size where no caps say how large an asset is."""
    by_size = "size_shrinkage" in PRESETS.get(preset, {}).get("specific_var", {})  # type: ignore[call-overload]  # any name
    return {"preset": preset, **({"specific_var": {"size_shrinkage": None}} if by_size and not has_caps else {})}


def _has_caps(body: Mapping[str, Any]) -> bool:
    sources = body["sources"]
    return (sources.get("panel") or sources["exposures"])["columns"].get("cap") is not None


def _section(body: dict[str, Any], name: str) -> dict[str, Any]:
    """A section, made where it is not there.

    Raises:
        ConfigError: something else stands in its place.
    """
    if body.get(name) is None:
        body[name] = {}
    if not isinstance(body[name], dict):
        raise ConfigError(f"{name} must be a section of `key: value` lines; it is {body[name]!r}")
    section: dict[str, Any] = body[name]
    return section


def _refuse_text(name: str, given: object) -> None:
    if isinstance(given, str):
        raise ConfigError(f"{name} is {given!r}; give a list, e.g. {name}=[{given!r}]")
