"""The verbs that compute: `run`, each of its stages, and `evaluate`."""

import json
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sigmalake.cli.contexts import reading_context, writing_context
from sigmalake.cli.options import (
    ConfigFile,
    DropVariants,
    End,
    EngineOption,
    Output,
    OutputForm,
    Overrides,
    Start,
    Verify,
    Wait,
    parse_date,
)
from sigmalake.cli.stores import written
from sigmalake.cli.terminal import show
from sigmalake.cli.verbs import run_document
from sigmalake.errors import ConfigError

if TYPE_CHECKING:
    from sigmalake.stages.context import Context


class Exposures(StrEnum):
    """The exposures that V is built with."""

    KNOWN = "known"  # at the date
    USED = "used"  # in the date's regression


def run(
    config: ConfigFile, start: Start = None, end: End = None, overrides: Overrides = None, verify: Verify = False, wait: Wait = 0.0,
    engine: EngineOption = None, drop_variants: DropVariants = False, output: OutputForm = Output.TEXT,
) -> None:  # fmt: skip
    """All stages, as far as they are not up to date.

    Describe (where there are prices), ingest, quality, regress, risk, covariance, portfolios (where there are books), release: each
    computes the dates whose inputs or configuration changed.
    """
    if output is Output.JSON:
        run_document.begin()  # whatever ends the command prints it
    with writing_context(
        config, overrides, start, end, wait, verify, engine=engine, reads_sources=True, drop_variants=drop_variants
    ) as context:
        from sigmalake.stages.run import run as run_all

        with run_document.documented(context):
            run_all(context)
        if output is Output.TEXT:
            _print_last_release(context)
    run_document.end(0)


def _source_verb(stage: str, doc: str) -> Callable[..., None]:
    """The verb of a stage that reads sources."""

    def verb(
        config: ConfigFile, start: Start = None, end: End = None, overrides: Overrides = None, verify: Verify = False,
        wait: Wait = 0.0, engine: EngineOption = None, output: OutputForm = Output.TEXT,
    ) -> None:  # fmt: skip
        with writing_context(
            config, overrides, start, end, wait, verify, engine=engine, reads_sources=True, computes=(stage,), verb=stage
        ) as context:
            _run_stage(context, stage, output)

    verb.__name__, verb.__doc__ = stage, doc
    return verb


def _table_verb(stage: str, doc: str) -> Callable[..., None]:
    """The verb of a stage that reads tables of the lake alone."""

    def verb(
        config: ConfigFile, start: Start = None, end: End = None, overrides: Overrides = None, wait: Wait = 0.0,
        engine: EngineOption = None, output: OutputForm = Output.TEXT,
    ) -> None:  # fmt: skip
        with writing_context(config, overrides, start, end, wait, engine=engine, computes=(stage,), verb=stage) as context:
            _run_stage(context, stage, output)

    verb.__name__, verb.__doc__ = stage, doc
    return verb


describe = _source_verb("describe", "Prices, packed, and the raw descriptors of each date.")
ingest = _source_verb("ingest", "Source rows, checked and packed, a date a row.")
quality = _table_verb("quality", "What the data of each date look like, and what is doubtful.")
portfolios = _source_verb("portfolios", "The risk of your own portfolios on every date.")
regress = _table_verb("regress", "A cross-sectional regression for each date.")


def risk(
    config: ConfigFile, start: Start = None, end: End = None, overrides: Overrides = None, wait: Wait = 0.0,
    engine: EngineOption = None, drop_variants: DropVariants = False, output: OutputForm = Output.TEXT,
) -> None:  # fmt: skip
    """Estimate factor covariance and specific risk.

    Over rolling windows, as of every date.
    """
    with writing_context(
        config, overrides, start, end, wait, engine=engine, computes=("risk",), drop_variants=drop_variants, verb="risk"
    ) as context:
        _run_stage(context, "risk", output)


def release(
    config: ConfigFile,
    overrides: Overrides = None,
    withdraw: Annotated[
        str | None, typer.Option(metavar="ID", help="Withdraw this release in the place of making one: readers refuse it.")
    ] = None,
    why: Annotated[str | None, typer.Option(metavar="TEXT", help="The reason, which readers are told; with --withdraw.")] = None,
    wait: Wait = 0.0,
    engine: EngineOption = None,
    output: OutputForm = Output.TEXT,
) -> None:
    """Check what is new, and pin the version of every table.

    Or withdraw a release, with a reason.
    """
    if withdraw is not None or why is not None:
        from sigmalake.cli.lakes.upkeep import withdraw_release

        withdraw_release(config, overrides, withdraw, why, wait, output)
        return
    with writing_context(config, overrides, wait=wait, engine=engine, computes=(), verb="release") as context:
        _run_stage(context, "release", output)


def covariance(
    config: ConfigFile,
    start: Start = None,
    end: End = None,
    overrides: Overrides = None,
    assets: Annotated[str | None, typer.Option(metavar="A,B|@FILE", help="By hand: assets, separated by commas, or @FILE.")] = None,
    day: Annotated[str | None, typer.Option("--date", metavar="DATE", help="By hand: the date; the release's by default.")] = None,
    variant: Annotated[str | None, typer.Option(metavar="NAME", help="By hand: the variant; the only one by default.")] = None,
    exposures: Annotated[
        Exposures | None,
        typer.Option(metavar="known|used", help="By hand: known at the date, or used in its regression."),
    ] = None,
    to: Annotated[
        Path | None, typer.Option(parser=written, metavar="FILE", help="By hand: the Parquet or CSV file to write.")
    ] = None,
    release: Annotated[str | None, typer.Option(metavar="ID", help="By hand: the release to read; the last by default.")] = None,
    wait: Wait = 0.0,
    engine: EngineOption = None,
    output: OutputForm = Output.TEXT,
) -> None:
    """Asset covariances V, into the lake or into a file.

    V = X Sigma X' + Delta. Without the options marked so: what the configuration names, into the lake. By hand: from a release
    to a file, or shown.
    """
    if all(option is None for option in (assets, day, variant, exposures, to, release)):
        with writing_context(
            config, overrides, start, end, wait, engine=engine, computes=("covariance",), verb="covariance"
        ) as context:
            _run_stage(context, "covariance", output)
        return
    from sigmalake.stages.queries.covariance_by_hand import build_by_hand, check_target, choose, named_assets

    if (start, end, wait) != (None, None, 0.0):
        raise ConfigError(
            "--start, --end and --wait are for the V that run keeps in the lake; one by hand is as of --date, and waits for nobody"
        )
    check_target(to)
    named, on = named_assets(assets), parse_date(day, "--date")
    with reading_context(config, overrides, None, None, engine=engine) as context:
        chosen = choose(context, named, on, variant, exposures, release)
        built = build_by_hand(context, chosen, to)
        show(json.dumps(built._asdict(), default=str) if output is Output.JSON else built.text())


def evaluate(
    config: ConfigFile, start: Start = None, end: End = None, overrides: Overrides = None, wait: Wait = 0.0,
    engine: EngineOption = None, output: OutputForm = Output.TEXT,
) -> None:  # fmt: skip
    """Forecasts against what happened.

    Evaluates the forecasts that have met their return since the last time, and shows the variants side by side.
    """
    from sigmalake.report.text.evaluation import as_json, as_text
    from sigmalake.stages.evaluate import evaluation_summaries, run_evaluate

    with writing_context(config, overrides, start, end, wait, engine=engine, computes=(), verb="evaluate") as context:
        run_evaluate(context)
        summaries = evaluation_summaries(context)
    show(as_json(summaries) if output is Output.JSON else as_text(summaries))


def _run_stage(context: "Context", stage: str, output: Output) -> None:
    from sigmalake.stages.run import run_stage

    outcome = run_stage(context, stage)
    if output is Output.TEXT:
        return  # the progress on stderr has named the dates and rows
    done: dict[str, object] = {"run_id": context.run_id, "stage": stage, "status": "nothing to do" if outcome is None else "done"}
    if outcome is not None:
        done |= {"dates": outcome.dates, "rows_in": outcome.rows_in, "rows_out": outcome.rows_out}
        done |= {"rows_rejected": outcome.rows_rejected}
    show(json.dumps(done, default=str))


def _print_last_release(context: "Context") -> None:
    from sigmalake.lake.books import release_ledger

    last = release_ledger(context.lake).chosen(None, context.lake.root)
    show(f"{context.lake.root}: release {last.release_id}, {', '.join(last.variants) or 'no risk variant'}")
