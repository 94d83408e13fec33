"""The demo: a generated market with known truth, the ordinary run on it, and the truth beside what was recovered."""

import os
import sys
from collections.abc import Callable
from filecmp import cmp
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from sigmalake.config.model import load_config
from sigmalake.demo import recovery
from sigmalake.demo import report as text
from sigmalake.demo.history import Snapshot, snapshots, table_rows
from sigmalake.demo.market import Market, dirty, generate_market, write_panel
from sigmalake.errors import ConfigError
from sigmalake.lake.folder import FolderTables
from sigmalake.lake.lake import Lake
from sigmalake.numerics.types import Floats
from sigmalake.reader.factor_model import FactorModel
from sigmalake.reader.open_release import open_release
from sigmalake.report.text.plain_text import note, section, table
from sigmalake.stages.queries.status import status
from sigmalake.tables.long import ASSET_COVARIANCE, COVARIANCE_BUILDS
from sigmalake.tables.packed import CROSS_SECTIONS
from sigmalake.tables.records import REJECTED_ROWS, RUNS

CONFIGURATION = """\
# The model of `sigmalake demo`, on a generated market; `demo` writes the panel, and beside it this file again.
model: demo
lake: {lake}
sources:
  panel:
    path: {panel}
    columns: {{cap: cap, in_estimation: in_estimation}}
    exposures_dated: end_of_period # the row of a date holds what was known at its close
factors:
  - {{market: market}}
  - membership: industry # a quarter of the names is in two or three of them
    columns:
      energy: ind_energy
      materials: ind_materials
      industrials: ind_industrials
      discretionary: ind_discretionary
      staples: ind_staples
      health: ind_health
      financials: ind_financials
      technology: ind_technology
      communication: ind_communication
      utilities: ind_utilities
      real_estate: ind_real_estate
  - {{styles: [size, value, momentum, volatility, growth, liquidity], as_given: true}}
regression: {{weights: sqrt_cap}}
risk:
  ewma:
    factor_cov: {{estimator: ewma, half_life: 84, window: 252, corr_half_life: 168, corr_window: 504}}
    specific_var: {{estimator: ewma, half_life: 84, window: 252}}
  sample:
    factor_cov: {{estimator: sample, window: 504}}
    specific_var: {{estimator: sample, window: 504}}
    every: month
covariance: {{variants: [ewma], dates: last, assets: all}}
"""


class Demo(NamedTuple):
    """What the demo runs on."""

    folder: Path
    market: Market  # as generated
    panel: Market  # with spoilt rows, as written
    engine: str = "local"  # whose lake is meant: local or spark

    @property
    def config_file(self) -> Path:
        """The configuration of the run."""
        return self.folder / "demo.yaml"

    @property
    def lake(self) -> Path:
        """The tables of the run: each engine has a lake of its own, so that they can be compared."""
        return self.folder / ("lake" if self.engine == "local" else f"lake-{self.engine}")

    def on(self, engine: str) -> "Demo":
        """The same market and model, estimated by another engine."""
        return self._replace(engine=engine)


def configuration(panel: str, lake: str) -> str:
    """The demo's configuration with these places."""
    return CONFIGURATION.format(panel=panel, lake=lake)


def prepare_demo(folder: Path, say: Callable[[str], None], *, n_assets: int = 500, n_dates: int = 750) -> Demo:
    """Generate the market, and write its panel and configuration where they are not there already.

    A file with the same content stays as it is, so that a second run finds nothing new.
    """
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"the demo writes into a folder, and {folder} is a file; name a folder, which is made if it is not there")
    market = generate_market(n_assets=n_assets, n_dates=n_dates)
    demo = Demo(folder.resolve(), market, dirty(market))
    demo.folder.mkdir(parents=True, exist_ok=True)
    demo.config_file.write_text(configuration("panel.parquet", "lake"), encoding="utf-8")
    path, fresh = demo.folder / "panel.parquet", demo.folder / f".panel.parquet.{os.getpid()}.new"  # another demo may be at work
    write_panel(demo.panel, fresh)
    if path.exists() and cmp(path, fresh, shallow=False):
        fresh.unlink()
    else:
        fresh.replace(path)
        say(f"generated {path}: {len(demo.panel.panel):,} rows")
    return demo


def detailed_report(demo: Demo, jars: Path) -> str:
    """The truth beside what the last release holds, for experts; reads tables, estimates nothing.

    Args:
        demo: what ran.
        jars: the folder of Delta's JARs, for the commands that it shows.
    """
    model, config = open_release(demo.lake), load_config(demo.config_file)
    truth, variants = demo.market.truth, list(config.risk)
    histories = {name: snapshots(demo.lake, model, name, truth.factors) for name in variants}
    last, daily = [histories[name][-1] for name in variants], histories[variants[0]]
    returns = model.factor_returns()
    errors = recovery.factor_errors(demo.market, returns)
    weights = [recovery.window_weights(config, name, len(returns)) for name in variants]
    portfolios = recovery.recovered_portfolios(truth, errors, weights, last)
    specific = {name: recovery.recovered_specific(truth, daily, close) for name, close in zip(variants, last, strict=True)}
    with_risk = [asset for asset, var in zip(last[0].assets, last[0].specific_var, strict=True) if np.isfinite(var)]
    factor_bias = recovery.factor_bias(daily, errors, [day.date() for day in returns.index], truth.factors)
    aims = {row.name: row.true / row.found[0].expected for row in portfolios}
    return "\n".join(
        [
            _opening(demo, model, last[0]),
            text.factors_text(
                recovery.recovered_factors(errors, weights, last, truth.factors), _noise_ratio(demo, model, errors), variants
            ),
            text.specific_text(specific, with_risk, demo.panel.planted),
            text.portfolios_text(portfolios, variants, _built(demo, model)),
            text.bias_text(recovery.portfolio_bias(daily, truth), factor_bias, aims, variants[0]),
            _rejected(demo, model),
            _tables(demo),
            _commands(demo, variants[0], jars),
        ]
    ).rstrip()


def _opening(demo: Demo, model: FactorModel, last: Snapshot) -> str:
    truth = demo.market.truth
    n_industries = sum(name.startswith("ind_") for name in demo.market.panel.columns)
    return section(
        "A model of a generated market, beside what the market was generated from",
        note(
            f"{len(truth.asset_ids)} names, {len(last.assets)} listed at the end; {len(truth.dates)} days, {truth.dates[0]} to "
            f"{truth.dates[-1]}; a market, {n_industries} industries with fractional members, "
            f"{len(truth.factors) - 1 - n_industries} styles; the true Sigma and Delta are constant. Release {model.release_id}."
        ),
    )


def _noise_ratio(demo: Demo, model: FactorModel, errors: recovery.Errors) -> Floats:
    stated = table_rows(demo.lake, model, CROSS_SECTIONS, ["std_error"])["std_error"]
    ratio: Floats = np.sqrt(np.mean(errors.noise**2, axis=0) / np.mean(np.stack(list(stated)) ** 2, axis=0))
    return ratio


def _built(demo: Demo, model: FactorModel) -> str:
    """Whether the V that the run wrote is the V that the reader makes."""
    rows = table_rows(demo.lake, model, ASSET_COVARIANCE, ASSET_COVARIANCE.column_names)
    build = table_rows(demo.lake, model, COVARIANCE_BUILDS, ["variant", "asset_id"])
    assets: list[str] = list(build["asset_id"].iloc[0])
    stored = pd.DataFrame(np.stack(list(rows["covariance"])), list(rows["asset_id"]), assets).loc[assets]
    made = model.risk(variant=str(build["variant"].iloc[0])).asset_cov(assets).to_numpy()
    vols = np.sqrt(np.diag(made))
    agree = np.abs(stored.to_numpy() - made) <= 1e-12 * np.outer(vols, vols)
    return (
        f"asset_covariance has V of {len(stored)} assets, a row an asset; {agree.mean():.0%} of its elements are X Sigma X' + Delta"
        " of the reader to 1e-12 of the product of the two volatilities."
    )


def _rejected(demo: Demo, model: FactorModel) -> str:
    rejected = table_rows(demo.lake, model, REJECTED_ROWS, REJECTED_ROWS.column_names)
    runs = table_rows(demo.lake, model, RUNS, ["stage", "status", "finished_at", "account"])
    done = runs[(runs["stage"] == "ingest") & (runs["status"] == "done")].sort_values("finished_at")
    panel = demo.panel.panel
    return text.rejected_text(
        text.rejections(demo.panel.planted, rejected), done["account"].iloc[-1], len(panel), int(panel["ret"].isna().sum())
    )


def _tables(demo: Demo) -> str:
    found = status(Lake(FolderTables(str(demo.lake)))).tables
    rows = [[t.name, t.rows_from, t.rows_to, f"{t.megabytes:.1f}"] for t in found]
    return section("Tables", f"Delta, in {demo.lake}", table(["table", "from", "to", "MB"], rows))


def _commands(demo: Demo, variant: str, jars: Path) -> str:
    return text.commands_text(Path(sys.executable), demo.lake, demo.config_file, jars, variant)
