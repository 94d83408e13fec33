"""What a newcomer wants of the demo: it works, how near the truth it comes, where the tables are, and what to try next."""

import json
import sys
from pathlib import Path
from shlex import quote

from sigmalake.config.model import load_config
from sigmalake.demo import recovery
from sigmalake.demo.history import snapshots
from sigmalake.demo.report import DAYS_A_YEAR
from sigmalake.demo.run import Demo
from sigmalake.errors import DataError
from sigmalake.lake.comparison import differences
from sigmalake.lake.log import open_table, read_columns
from sigmalake.reader.factor_model import FactorModel
from sigmalake.reader.open_release import open_release
from sigmalake.report.text.plain_text import note, section, table
from sigmalake.tables.catalogue import MODEL_TABLES
from sigmalake.tables.records import RUNS


def first_report(demo: Demo) -> str:
    """A screen of text; it reads tables, and estimates nothing."""
    model = open_release(demo.lake)
    return "\n".join([_it_works(demo, model), _market_vol(demo, model), _to_try(demo)]).rstrip()


def _it_works(demo: Demo, model: FactorModel) -> str:
    truth = demo.market.truth
    return section(
        "It works",
        note(
            f"A model of {len(truth.asset_ids)} generated stocks, {len(truth.dates)} days and {len(truth.factors)} factors was "
            f"estimated on the {demo.engine} engine in {estimation_seconds(demo.lake):.1f} s: factor returns, factor covariance "
            f"Sigma, specific risk Delta. Release {model.release_id} holds it, in Delta tables in"
        ),
        str(demo.lake),
    )


def _market_vol(demo: Demo, model: FactorModel) -> str:
    """The cap-weighted portfolio: what the market was generated with, beside what the model found."""
    truth, config = demo.market.truth, load_config(demo.config_file)
    errors = recovery.factor_errors(demo.market, model.factor_returns())
    n_dates = len(model.factor_returns())
    weights = [recovery.window_weights(config, name, n_dates) for name in config.risk]
    last = [snapshots(demo.lake, model, name, truth.factors)[-1] for name in config.risk]
    market = recovery.recovered_portfolios(truth, errors, weights, last)[0]
    rows = [["true", _percent(market.true), ""]] + [
        [f"found by {name}", _percent(vol.estimated), f"+- {_percent(vol.se)}"]
        for name, vol in zip(config.risk, market.found, strict=True)
    ]
    return section(
        f"Volatility of the {market.name} portfolio, % a year",
        table(["", "volatility", "sampling error"], rows),
        note("The truth is known, for the market is generated from it. The sampling error is one standard error of the window."),
    )


def _to_try(demo: Demo) -> str:
    """Three lines to paste."""
    python = Path(sys.executable)
    program = quote(str(python.parent / "sigmalake"))
    opened = f"open_release({json.dumps(str(demo.lake))})"  # double quotes: the shell's are single
    read = f"from sigmalake import open_release; print({opened}.risk(variant='ewma').asset_cov().iloc[:4, :4])".replace("'", '"')
    return section(
        "To try next",
        f"# the covariances of four stocks, in Python\n{quote(str(python))} -c {quote(read)}",
        f"# what ran, which tables there are, what was released\n{program} status --config {quote(str(demo.config_file))}",
        f"# all that was recovered, with its statistics\n{program} demo {quote(str(demo.folder))} --detail",
    )


def compared(local: Demo, other: Demo) -> str:
    """What the lakes of two engines have in common: every table, to the last bit.

    Raises:
        DataError: they differ; names the tables and columns.
    """
    if found := differences(local.lake, other.lake, MODEL_TABLES):
        raise DataError(f"the tables of {local.lake} and {other.lake} differ: {'; '.join(found)}")
    n_tables = sum(open_table(str(local.lake / table.name)) is not None for table in MODEL_TABLES)
    return section(
        "Two engines, equal tables",
        note(
            f"All {n_tables} tables of the model are equal, element by element to the last bit: those of the {local.engine} engine "
            f"in {local.lake.name}, and those of {other.engine} in {other.lake.name}. Estimating took "
            f"{estimation_seconds(local.lake):.1f} s on the {local.engine} engine, and {estimation_seconds(other.lake):.1f} s on "
            f"{other.engine} without the start of its session."
        ),
    ).rstrip()


def estimation_seconds(lake: Path) -> float:
    """Wall time of all stages that were done in a lake."""
    ledger = open_table(str(lake / RUNS.name))
    runs = [] if ledger is None else read_columns(ledger, ["status", "seconds"]).to_pylist()
    return float(sum(run["seconds"] for run in runs if run["status"] == "done"))


def _percent(vol: float) -> str:
    return f"{vol * 100 * DAYS_A_YEAR**0.5:.2f}"
