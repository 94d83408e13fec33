"""From a DataFrame to a model in one call."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import pyarrow as pa

from sigmalake.api.configuration import (
    MODEL,
    Groups,
    Styles,
    set_factors,
    set_panel,
    set_prices,
    set_risk,
    set_weights,
    with_places,
)
from sigmalake.api.panel_table import panel_table
from sigmalake.api.save import save_model
from sigmalake.config.model import load_config, read_given
from sigmalake.config.sources import Location
from sigmalake.config.stores.uri import is_uri
from sigmalake.engines.local.engine import IN_MEMORY, LocalEngine
from sigmalake.engines.local.held import HeldTables
from sigmalake.errors import ConfigError
from sigmalake.lake.books import all_releases
from sigmalake.lake.lake import Lake
from sigmalake.reader.factor_model import FactorModel
from sigmalake.reader.storage.memory_tables import MemoryTables
from sigmalake.sources.files import list_files
from sigmalake.sources.schema import find_schema
from sigmalake.stages.context import new_run_id, writing
from sigmalake.stages.run import run


class FittedModel(FactorModel):
    """A model in memory, which reads like a release of a lake."""

    def __init__(
        self, storage: HeldTables, body: Mapping[str, Any], variants: Sequence[str], frames: Mapping[str, pa.Table]
    ) -> None:
        release = all_releases(Lake(storage))[-1]
        super().__init__(
            MemoryTables(storage.tables),
            as_of=release.as_of,
            variants=variants,
            release_id=release.release_id,
            created_at=release.created_at,
        )
        self._storage, self._body, self._given = storage, dict(body), frames

    def save(self, lake: str | Path) -> Path:
        """Write the model to a lake that is not there yet, with its panel and its configuration.

        The folder then holds Delta tables, `panel.parquet` and `model.yaml`: `sigmalake run --config LAKE/model.yaml` finds nothing
        to do, and after a new day in `panel.parquet` it computes what that day adds.

        Args:
            lake: a folder that is empty, or is made.

        Returns:
            The configuration's file.

        Raises:
            ConfigError: the folder holds something.
        """
        if is_uri(str(lake)):
            raise ConfigError(f"{lake}: a fitted model is saved in a folder; `sigmalake copy` takes its release to a URI")
        return save_model(self._storage, self._body, self._given, Path(lake))


def fit(
    panel: Any,
    *,
    prices: Any = None,
    returns: str | None = None,
    caps: str | None = None,
    groups: Groups | None = None,
    styles: Styles | None = None,
    market: bool | None = None,
    preset: str | Sequence[str] | None = None,
    weights: str | Mapping[str, Any] | None = None,
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
    verbose: bool = False,
) -> FittedModel:
    """Estimate a factor risk model from a panel: factor and specific returns of every date, and risk as of every date.

    Everything runs in this process and in memory, by the same functions as `sigmalake run`. An argument that is None is as `config`
    says; the defaults below are for what `config` does not say either.

    Args:
        panel: a pandas, polars or Arrow frame with a row a date and asset, or the path of a Parquet or CSV file or folder.
        prices: a frame like `panel`, or a path, with a row a date and asset and columns `price` and, as far as there are, `split`
            or `adjustment`, `dividend`, `spin_off`, `delisting_return`, `delisting_code`, `rate` and `currency`. Total returns are
            made of it; the panel then needs no returns. Default: the panel has the returns.
        returns: column of simple returns over the period that ends at a row's date, fractions, 0.01 is 1 %. Default `ret`.
        caps: column of market capitalisations, > 0, in any one currency. Default: no caps, and every asset counts alike.
        groups: columns of categories, each called like its group, e.g. `["sector"]`; each value becomes a factor. Default: none.
        styles: columns of exposures that are used as they stand, in cross-sectional standard deviations. Default: none.
        market: whether there is a market factor, called `market`. Default True.
        preset: published parameters of Sigma and Delta, or several, each a variant of that name. Without caps a preset does not
            shrink specific variances by size. Default `short`.
        weights: of the regressions, as `regression.weights` of the configuration. Default `sqrt_cap` with caps, `equal` without.
        exposures_dated: `end_of_period`: exposures are known at the close of a row's date, and explain the next return;
            `start_of_period`: they explain the return of their own row. Default `end_of_period`.
        risk: variants by name, in the place of presets; a reader who names none gets the first.
        date: column of dates, or level of the index. Default `date`.
        asset_id: column of ids, or level of the index. Default `asset_id`.
        rate: column of risk-free rates, fractions per period, which are subtracted from the returns. Default: none, a rate of 0.
        weight: column of regression weights, >= 0, for `weights="column"`. Default: none.
        in_estimation: column of flags, true for members of the estimation universe. Default: none, every asset is a member.
        issuer_id: column of issuers. Default: none.
        model: the model's name, which seeds simulations. Default `fit`.
        config: a mapping or a YAML file: whatever the configuration can say.
        verbose: whether progress is printed.

    Raises:
        ConfigError: an argument, a column or the configuration is wrong, or two arguments say the same.
        DataError: the panel does not carry the model.
        ReleaseRefusedError: a check of `checks:` failed, say for too few dates.
    """
    columns = {
        "date": date, "asset_id": asset_id, "ret": returns, "cap": caps, "rate": rate, "weight": weight,
        "in_estimation": in_estimation, "issuer_id": issuer_id,
    }  # fmt: skip
    if prices is not None and returns is not None:
        raise ConfigError("returns are given twice: as `returns` and by `prices`; give one of them")
    body = {} if config is None else read_given(config)
    body["model"] = model or body.get("model") or MODEL
    set_panel(body, columns, exposures_dated, with_prices=prices is not None)
    set_factors(body, groups, styles, market=market)
    set_weights(body, weights)
    set_risk(body, preset, risk)
    if prices is None:
        return estimate({"panel": panel}, body, verbose=verbose)
    set_prices(body, _names(prices))
    return estimate({"exposures": panel, "returns": prices}, body, verbose=verbose)


def estimate(given: Mapping[str, Any], body: Mapping[str, Any], *, verbose: bool) -> FittedModel:
    """The model of frames or paths, by source, and a configuration that says all but where these and the lake lie."""
    paths = {source: str(rows) for source, rows in given.items() if isinstance(rows, str | Path)}
    frames = {source: _table(rows, body["sources"][source]) for source, rows in given.items() if source not in paths}
    loaded = load_config(with_places(body, places={**dict.fromkeys(frames, IN_MEMORY), **paths}, lake=IN_MEMORY))
    storage = HeldTables()
    engine = LocalEngine(storage, frames=frames)
    try:
        run(writing(engine, loaded, new_run_id(), say=print if verbose else _quiet))
    finally:
        engine.close()
    return FittedModel(storage, with_places(body, places=paths, lake="."), list(loaded.risk), frames)


def _table(frame: Any, source: Mapping[str, Any]) -> pa.Table:
    columns = source.get("columns") or {}
    return panel_table(frame, date=columns.get("date", "date"), asset_id=columns.get("asset_id", "asset_id"))


def _names(prices: Any) -> list[str]:
    """The columns of prices, a frame or a path."""
    if isinstance(prices, str | Path):
        place = Location(path=str(prices))
        return list(find_schema("returns", place, list_files("returns", place)).columns)
    if isinstance(prices, pd.DataFrame):
        return [str(name) for name in (*prices.index.names, *prices.columns) if name is not None]
    return list(prices.column_names if hasattr(prices, "column_names") else prices.columns)


def _quiet(_progress: str) -> None:
    pass
