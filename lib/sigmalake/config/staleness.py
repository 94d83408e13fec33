"""What rows depend on beside their data, as hashes of the configuration.

A hash covers what a stage reads, and no place: files that move make no row stale. Settings at their defaults are not in it, so
that a setting that becomes possible later makes no row stale either; a changed default is a new version of the stage's kernel.
"""

import hashlib
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from sigmalake.config.covariance import AssetFile
from sigmalake.config.defaults import beyond_defaults
from sigmalake.config.sources import DESCRIBED_SOURCES, NOT_INGESTED, SHARE_SOURCES
from sigmalake.numerics.exposures.style_rules import Missing

if TYPE_CHECKING:
    from sigmalake.config.model import Config

PLACES = ("path", "table", "format")  # of a source
APART = (  # no part of a release, or hashed beside it
    *("lake", "sources", "descriptors", "evaluate", "retention", "lineage", "engine", "local", "spark", "retired_variants"),
)


def settings_hash(value: object) -> str:
    """Of settings, without those at their defaults."""
    return hashlib.sha256(json.dumps(beyond_defaults(value), sort_keys=True, default=_in_order).encode()).hexdigest()[:16]


def _in_order(value: object) -> object:
    """What another package's settings may hold beside numbers, words, lists and mappings."""
    return sorted(map(str, value)) if isinstance(value, set | frozenset) else str(value)


def digest_of(parts: Iterable[str]) -> str:
    """A hash of hashes, in the order given."""
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:16]


def ingest_hash(config: "Config") -> str:
    """Of all that a row of `panel` depends on beside the data."""
    sources: dict[str, Any] = beyond_defaults(config.sources)
    read: dict[str, Any] = {name: _placeless(source) for name, source in sources.items() if name not in NOT_INGESTED}
    found = {"sources": read, "factors": beyond_defaults(config.factors)}
    if any(rules.orthogonal_to or rules.missing is Missing.REGRESS for rules in config.style_rules.values()):
        found["weights"] = config.regression.instant_weights.value
    return settings_hash(found)


def _placeless(source: Any) -> Any:
    """A source without its place; `exposures_max_age`, a number among the sources, as it is."""
    return {name: value for name, value in source.items() if name not in PLACES} if isinstance(source, dict) else source


def described_source_hash(config: "Config", source: str) -> str:
    """Of all that decides how a source of descriptors is read, and of segments and revenues the levels that are listed."""
    read = _placeless(beyond_defaults(getattr(config.sources, source)))
    return settings_hash([read, config.levels_of(source)] if source in SHARE_SOURCES else read)


def described_hashes(config: "Config") -> list[str]:
    """Of all that `describe` reads of the configuration; of segments and revenues where there are some."""
    given = config.sources.described()
    sources = [name for name in DESCRIBED_SOURCES if name not in SHARE_SOURCES or name in given]
    return [settings_hash(config.descriptors), *(described_source_hash(config, name) for name in sources)]


def variant_hash(config: "Config", variant: str) -> str:
    """Of all that a row of `risk_models` depends on beside the cross-sections; not the grid, which only chooses rows."""
    found = beyond_defaults(config.risk[variant])
    found.pop("every", None)
    return settings_hash(found)


def covariance_hash(config: "Config", assets: list[str] | None) -> str:
    """Of all that a V depends on beside its exposures and its risk model.

    Args:
        config: says which exposures, and in which form.
        assets: that V is built for; None: all.
    """
    found = beyond_defaults(config.covariance) or {}
    return settings_hash({"assets": assets, **{name: found[name] for name in ("exposures", "cells") if name in found}})


def book_source_hash(config: "Config") -> str:
    """Of all that decides how books are read."""
    return settings_hash(_placeless(beyond_defaults(config.sources.books)))


def books_hash(config: "Config") -> str:
    """Of all that a row of `portfolio_risk` depends on beside the books and the risk models; which variants only chooses rows."""
    found = beyond_defaults(config.books) or {}
    return settings_hash({name: value for name, value in found.items() if name not in {"variants", "max_gross"}})


def full_hash(config: "Config") -> str:
    """Of everything but places, what moves the rows, and the evaluation, which is no part of a release.

    A file of assets is a place: what it lists is in the hash of each V.
    """
    body = {name: value for name, value in beyond_defaults(config).items() if name not in APART}
    if config.covariance is not None and isinstance(config.covariance.assets, AssetFile):
        body["covariance"].pop("assets", None)
    parts = {"body": body, "ingest": ingest_hash(config)}
    if config.sources.described():
        parts["describe"] = described_hashes(config)
    if config.sources.books is not None:
        parts["books"] = book_source_hash(config)
    return settings_hash(parts)
