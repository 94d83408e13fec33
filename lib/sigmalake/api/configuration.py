"""The configuration of a model that is fitted from a frame: what a YAML file would say, from keyword arguments."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any, Literal

from sigmalake.config.model import read_given
from sigmalake.config.presets import PRESETS
from sigmalake.config.yaml_file import merge
from sigmalake.errors import ConfigError

MODEL = "fit"
"""The model's name where none is given; the seed of simulations."""

_KINDS = ("market", "membership", "styles")  # of entries of `factors`, in the order of the model
_PLACES = ("path", "table", "format", "encoding")  # where a panel lies: the frame takes the place of all of it
_APART = ("returns", "exposures", "caps")  # sources that a panel replaces

Groups = Sequence[str] | Mapping[str, str | Mapping[str, Any]]
"""Columns of categories, each called like its group; or by group its column, or what an entry `membership:` says of it."""

Styles = Sequence[str] | Mapping[str, Mapping[str, Any]]
"""Columns that are used as given; or by style the rules by which it is standardised here."""


def fit_configuration(
    *,
    returns: str | None = None,
    caps: str | None = None,
    groups: Groups | None = None,
    styles: Styles | None = None,
    market: bool | None = None,
    preset: str | Sequence[str] | None = None,
    weights: str | None = None,
    exposures_dated: Literal["end_of_period", "start_of_period"] | None = None,
    risk: Mapping[str, Mapping[str, Any]] | None = None,
    date: str | None = None,
    asset_id: str | None = None,
    rate: str | None = None,
    weight: str | None = None,
    in_estimation: str | None = None,
    issuer_id: str | None = None,
    model: str | None = None,
    config: Mapping[str, Any] | str | Path | None = None,
) -> dict[str, Any]:
    """The mapping that `load_config` takes, but for the places of the panel and of the lake; see `with_places`.

    Whatever the configuration can say is said by `config`; what is given beside it goes over it. None: as `config` says, or the
    default that is named here.

    Args:
        returns: column of simple returns, fractions; `ret`.
        caps: column of market capitalisations; none.
        groups: memberships; none.
        styles: none.
        market: whether there is a market factor, called `market`; there is.
        preset: published parameters of Sigma and Delta, or several, each a variant of that name; `short` where `risk` is not given.
            Without caps a preset does not shrink specific variances by size.
        weights: of the regressions, as `regression.weights`; `sqrt_cap` where there are caps, else `equal`.
        exposures_dated: what the date of an exposure means; `end_of_period`.
        risk: variants by name, in the place of presets; the first is the default of whoever reads.
        date: column of dates, or level of the index; `date`.
        asset_id: column of ids, or level of the index; `asset_id`.
        rate: column of risk-free rates; none.
        weight: column of regression weights, for `weights="column"`; none.
        in_estimation: column of flags, member of the estimation universe; none: every asset is.
        issuer_id: column of issuers; none.
        model: the model's name, which seeds simulations; `fit`.
        config: a mapping or a YAML file.

    Raises:
        ConfigError: `config` cannot be read, has sources that a panel replaces, or two arguments say the same.
    """
    body = {} if config is None else read_given(config)
    body["model"] = model or body.get("model") or MODEL
    given = {
        "date": date, "asset_id": asset_id, "ret": returns, "cap": caps, "rate": rate, "weight": weight,
        "in_estimation": in_estimation, "issuer_id": issuer_id,
    }  # fmt: skip
    columns = _set_panel(body, {name: column for name, column in given.items() if column is not None}, exposures_dated)
    _set_factors(body, _entries(groups, styles), market=market)
    has_caps = columns.get("cap") is not None
    _set_weights(body, weights, has_caps=has_caps)
    _set_risk(body, preset, risk, has_caps=has_caps)
    return body


def with_places(configuration: Mapping[str, Any], *, panel: str, lake: str) -> dict[str, Any]:
    """The configuration with the place of the panel's file and of the lake.

    Args:
        configuration: as from `fit_configuration`.
        panel: file or folder of the panel's rows.
        lake: folder or URI.
    """
    placed = deepcopy(dict(configuration))
    placed["lake"] = lake
    merge(placed, {"sources": {"panel": {"path": panel}}})
    return placed


def _set_panel(body: dict[str, Any], columns: Mapping[str, str], dated: str | None) -> Mapping[str, Any]:
    """Put the panel's columns in the place of any other; gives them all."""
    sources = _section(body, "sources")
    if apart := [name for name in _APART if sources.get(name) is not None]:
        raise ConfigError(f"the configuration has sources.{apart[0]}, and the frame is a panel that holds it; leave it out")
    panel = _section(sources, "panel")
    for place in _PLACES:
        panel.pop(place, None)
    _section(panel, "columns").update({"ret": "ret", **(panel.get("columns") or {}), **columns})
    panel["exposures_dated"] = dated or panel.get("exposures_dated") or "end_of_period"
    found: Mapping[str, Any] = panel["columns"]
    return found


def _entries(groups: Groups | None, styles: Styles | None) -> dict[str, list[dict[str, Any]]]:
    """Entries of `factors` by their kind, of those that are given."""
    found: dict[str, list[dict[str, Any]]] = {}
    if groups is not None:
        _refuse_text("groups", groups)
        by_name = groups if isinstance(groups, Mapping) else {group: group for group in groups}
        found["membership"] = [{"membership": name, **_membership(rules)} for name, rules in by_name.items()]
    if styles is not None:
        _refuse_text("styles", styles)
        found["styles"] = [_styles(styles)] if styles else []
    return found


def _styles(styles: Styles) -> dict[str, Any]:
    if isinstance(styles, Mapping):
        return {"styles": deepcopy(dict(styles)), "as_given": False}
    return {"styles": list(styles), "as_given": True}


def _membership(rules: str | Mapping[str, Any]) -> dict[str, Any]:
    return {"column": rules} if isinstance(rules, str) else deepcopy(dict(rules))


def _set_factors(body: dict[str, Any], given: Mapping[str, list[dict[str, Any]]], *, market: bool | None) -> None:
    """Put entries over those of their kind, in the order of the model; entries of a kind that is not given stay."""
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


def _set_weights(body: dict[str, Any], weights: str | None, *, has_caps: bool) -> None:
    regression = _section(body, "regression")
    default = "sqrt_cap" if has_caps else "equal"
    regression["weights"] = weights or regression.get("weights") or default


def _set_risk(
    body: dict[str, Any], preset: str | Sequence[str] | None, risk: Mapping[str, Mapping[str, Any]] | None, *, has_caps: bool
) -> None:
    if preset is not None and risk is not None:
        raise ConfigError("preset and risk both say which variants there are; give risk={'short': {'preset': 'short'}, ...}")
    if risk is not None:
        body["risk"] = deepcopy(dict(risk))
    elif preset is not None or "risk" not in body:
        names = [preset] if isinstance(preset, str) else list(preset or ["short"])
        body["risk"] = {name: _variant(name, has_caps=has_caps) for name in names}


def _variant(preset: str, *, has_caps: bool) -> dict[str, Any]:
    """A preset, without its shrinkage by size where no caps say how large an asset is."""
    by_size = "size_shrinkage" in PRESETS.get(preset, {}).get("specific_var", {})  # type: ignore[call-overload]  # any name
    return {"preset": preset, **({"specific_var": {"size_shrinkage": None}} if by_size and not has_caps else {})}


def _section(body: dict[str, Any], name: str) -> dict[str, Any]:
    """A section, made where it is not there.

    Raises:
        ConfigError: something else stands in its place.
    """
    if body.get(name) is None:
        body[name] = {}
    if not isinstance(body[name], dict):
        raise ConfigError(f"{name} must be a section of `key: value` lines; it is {body[name]!r}")
    found: dict[str, Any] = body[name]
    return found


def _refuse_text(name: str, given: object) -> None:
    if isinstance(given, str):
        raise ConfigError(f"{name} is {given!r}; give a list, e.g. {name}=[{given!r}]")
