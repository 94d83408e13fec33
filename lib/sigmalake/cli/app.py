"""The command line: `sigmalake VERB --config FILE`. Results go to stdout, everything else to stderr."""

import json
import os
import sys
import tempfile
import traceback
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sigmalake import __version__
from sigmalake.cli.options import ConfigFile, End, EngineOption, Output, OutputForm, Overrides, Start, Verify, Wait, parse_date
from sigmalake.cli.portfolio import portfolio
from sigmalake.cli.setup.runtime import cache_folder, delta_jars, find_java, jars_folder, prepare_environment
from sigmalake.errors import ConfigError, InfrastructureError, SigmalakeError, caused_by_interrupt, telling_line

if TYPE_CHECKING:
    from sigmalake.config.model import Config
    from sigmalake.demo.run import Demo
    from sigmalake.engines.engine import Engine
    from sigmalake.lake.claims import Claims
    from sigmalake.stages.context import Context

app = typer.Typer(
    name="sigmalake",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


COMPUTING = ("describe", "ingest", "regress", "risk", "covariance")  # stages for which a machine needs room
INTERRUPTED = 130  # also what typer returns after Ctrl-C


class Exposures(StrEnum):
    """Which exposures V is built with."""

    KNOWN = "known"  # at the date
    USED = "used"  # in the date's regression


class DemoEngine(StrEnum):
    """Which engines the demo runs on."""

    LOCAL = "local"
    SPARK = "spark"
    BOTH = "both"


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"sigmalake {__version__}")
        raise typer.Exit


@app.callback()
def options(
    _version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """An equity factor risk model, from a panel on one machine or on a Spark cluster, kept in Delta tables."""


@app.command()
def run(
    config: ConfigFile, start: Start = None, end: End = None, overrides: Overrides = None, verify: Verify = False, wait: Wait = 0.0,
    engine: EngineOption = None, output: OutputForm = Output.TEXT,
) -> None:  # fmt: skip
    """All stages, as far as they are not up to date.

    Describe (where there are prices), ingest, regress, risk, covariance, release: each computes the dates whose inputs or
    configuration changed.
    """
    from sigmalake.stages.run import run as run_all

    with _writing(config, overrides, start, end, wait, verify, engine=engine, reads_sources=True) as context:
        run_all(context)
        _print_last_release(context, output)


@app.command()
def describe(
    config: ConfigFile, start: Start = None, end: End = None, overrides: Overrides = None, verify: Verify = False, wait: Wait = 0.0,
    engine: EngineOption = None, output: OutputForm = Output.TEXT,
) -> None:  # fmt: skip
    """Prices, packed, and the raw descriptors of each date."""
    with _writing(
        config, overrides, start, end, wait, verify, engine=engine, reads_sources=True, computes=("describe",)
    ) as context:
        _run_stage(context, "describe", output)


@app.command()
def ingest(
    config: ConfigFile, start: Start = None, end: End = None, overrides: Overrides = None, verify: Verify = False, wait: Wait = 0.0,
    engine: EngineOption = None, output: OutputForm = Output.TEXT,
) -> None:  # fmt: skip
    """Source rows, checked and packed, a date a row."""
    with _writing(config, overrides, start, end, wait, verify, engine=engine, reads_sources=True, computes=("ingest",)) as context:
        _run_stage(context, "ingest", output)


def _stage_command(stage: str, what: str) -> None:
    def command(
        config: ConfigFile, start: Start = None, end: End = None, overrides: Overrides = None, wait: Wait = 0.0,
        engine: EngineOption = None, output: OutputForm = Output.TEXT,
    ) -> None:  # fmt: skip
        with _writing(config, overrides, start, end, wait, engine=engine, computes=(stage,)) as context:
            _run_stage(context, stage, output)

    command.__doc__ = what
    app.command(stage)(command)


_stage_command("regress", "A cross-sectional regression for each date.")
_stage_command("risk", "Sigma and Delta over rolling windows.")


@app.command()
def release(
    config: ConfigFile, overrides: Overrides = None, wait: Wait = 0.0, engine: EngineOption = None, output: OutputForm = Output.TEXT
) -> None:
    """Check what is new, then pin every table's version."""
    with _writing(config, overrides, wait=wait, engine=engine, computes=()) as context:
        _run_stage(context, "release", output)


@app.command()
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
    to: Annotated[Path | None, typer.Option(metavar="FILE", help="By hand: the Parquet or CSV file to write.")] = None,
    release: Annotated[str | None, typer.Option(metavar="ID", help="By hand: the release to read; the last by default.")] = None,
    wait: Wait = 0.0,
    engine: EngineOption = None,
    output: OutputForm = Output.TEXT,
) -> None:
    """V = X Sigma X' + Delta, into the lake or by hand.

    Without the options marked so: what the configuration names, into the lake. By hand: from a release to a file, or shown.
    """
    if all(option is None for option in (assets, day, variant, exposures, to, release)):
        with _writing(config, overrides, start, end, wait, engine=engine, computes=("covariance",)) as context:
            _run_stage(context, "covariance", output)
        return
    from sigmalake.stages.queries.covariance_by_hand import build_by_hand, check_target, choose, named_assets

    if (start, end, wait) != (None, None, 0.0):
        raise ConfigError(
            "--start, --end and --wait are for the V that run keeps in the lake; one by hand is as of --date, and waits for nobody"
        )
    check_target(to)
    named, on = named_assets(assets), parse_date(day, "--date")
    with _reading(config, overrides, None, None, engine=engine) as context:
        chosen = choose(context, named, on, variant, exposures, release)
        built = build_by_hand(context, chosen, to)
        typer.echo(json.dumps(built._asdict(), default=str) if output is Output.JSON else built.text())


@app.command()
def evaluate(
    config: ConfigFile, start: Start = None, end: End = None, overrides: Overrides = None, wait: Wait = 0.0,
    engine: EngineOption = None, output: OutputForm = Output.TEXT,
) -> None:  # fmt: skip
    """Forecasts against what happened.

    Evaluates the forecasts that have met their return since the last time, and shows the variants side by side.
    """
    from sigmalake.report.text.evaluation import as_json, as_text
    from sigmalake.stages.evaluate import evaluation_summary, run_evaluate

    with _writing(config, overrides, start, end, wait, engine=engine, computes=()) as context:
        run_evaluate(context)
        summary = evaluation_summary(context)
    typer.echo(as_json(summary) if output is Output.JSON else as_text(summary))


@app.command()
def plan(
    config: ConfigFile, start: Start = None, end: End = None, overrides: Overrides = None, verify: Verify = False,
    engine: EngineOption = None, output: OutputForm = Output.TEXT,
) -> None:  # fmt: skip
    """Which dates would run in which stage, and why.

    Ends with what that would take, roughly. Writes nothing.
    """
    from sigmalake.cli.room import estimate_line, estimates, need_of_plan
    from sigmalake.stages.planning import summarise
    from sigmalake.stages.queries.plan import plan as plan_all

    with _reading(config, overrides, start, end, verify, engine=engine, reads_sources=True) as context:
        planned = plan_all(context)
        need = need_of_plan(context, planned)
    if output is Output.JSON:
        by_stage = estimates(context, need)
        shown = [
            {
                "stage": s.stage,
                "rows": s.rows,
                "compute": {str(d): w.value for d, w in sorted(s.compute.items())},
                "remove": s.remove,
                **({"error": s.error} if s.error else {}),
                **({"estimate": by_stage[s.stage]} if s.stage in by_stage else {}),
            }
            for s in planned
        ]
        typer.echo(json.dumps(shown, default=str))
        return
    for s in planned:
        days = sorted(s.compute)
        spans = f"{len(days)} dates, {days[0]} to {days[-1]} ({summarise(s.compute.values())})" if days else "nothing to do"
        spans = f"cannot be planned: {s.error}" if s.error else spans
        typer.echo(f"{s.stage:<11} {spans}" + (f"; {len(s.remove)} to remove" if s.remove else ""))
    if need.stages:
        typer.echo(estimate_line(context, need))


@app.command()
def validate(
    config: ConfigFile, overrides: Overrides = None, engine: EngineOption = None, output: OutputForm = Output.TEXT
) -> None:
    """Check the configuration and its sources.

    Shows the configuration with its defaults, units and sources, what is missing, and what would be rejected. Writes nothing.
    """
    from sigmalake.config.model import read_given
    from sigmalake.config.texts.annotated import annotated
    from sigmalake.stages.queries.validate import validate as validate_all
    from sigmalake.tasks.sources.rejected_rows import ProblemCount

    with _reading(config, overrides, None, None, engine=engine, reads_sources=True) as context:
        found = validate_all(context)
        for warning in found.warnings:
            _say(f"warning: {warning}")
        if output is Output.JSON:
            body = {"sources": [s._asdict() for s in found.sources], "dates": found.dates, "factors": found.factors}
            body["warnings"] = found.warnings
            typer.echo(json.dumps({**body, "config": context.config.model_dump(mode="json")}, default=str))
            return
        typer.echo(annotated(context.config, read_given(config, overrides or [])))
        for source in found.sources:
            spanned = f"{source.rows:,} rows, {source.first_date} to {source.last_date}"
            typer.echo(f"{source.name}: {spanned}; {source.rejected:,} would be rejected")
            for column, reason, rows, value in source.problems:
                typer.echo(f"  {ProblemCount(column, reason, rows, value).text}")
        typer.echo(f"panel: {found.dates} dates, {len(found.factors)} factors: {', '.join(found.factors)}")


@app.command()
def schema() -> None:
    """The configuration's JSON Schema, for editors.

    What each key takes, what it means, its unit and its default. Needs no Java.
    """
    from sigmalake.config.texts.json_schema import config_schema

    typer.echo(json.dumps(config_schema(), indent=2, ensure_ascii=False))


@app.command()
def status(config: ConfigFile, overrides: Overrides = None, output: OutputForm = Output.TEXT) -> None:
    """Runs, newest dates, releases, sizes and the lake's format."""
    from sigmalake.cli.engines import choose_engine, opened_engine
    from sigmalake.config.model import load_config
    from sigmalake.config.types import CATALOG_NAME
    from sigmalake.lake.folder import FolderTables
    from sigmalake.lake.lake import Lake
    from sigmalake.stages.queries.status import status as read_status

    loaded = load_config(config, overrides or [])
    if CATALOG_NAME.fullmatch(loaded.lake):
        with opened_engine(loaded, choose_engine(loaded, None), _log_file(), _say) as opened:
            found = read_status(Lake(opened.storage))
    else:
        found = read_status(Lake(FolderTables(loaded.lake)))
    if output is Output.JSON:
        body = {**found._asdict(), "tables": [t._asdict() for t in found.tables], "releases": [r._asdict() for r in found.releases]}
        typer.echo(json.dumps(body, default=str))
        return
    typer.echo(f"lake {found.lake}, format {found.format}")
    if not found.tables:
        typer.echo("no tables yet: use `sigmalake run`")
    for t in found.tables:
        typer.echo(f"  {t.name:<20} version {t.version:<4} {t.files:>4} files {t.megabytes:>9.1f} MB  {t.rows_from} {t.rows_to}")
    for r in found.runs:
        dates = f"{r['n_dates']} dates {r['first_date']} to {r['last_date']}" if r["n_dates"] else ""
        typer.echo(f"  run {r['run_id']} {r['stage']:<10} {r['status']:<7} {r['seconds']:>6.1f} s  {dates}{r['error'] or ''}"[:200])
    for release in found.releases:
        typer.echo(f"  release {release.release_id}, {', '.join(release.variants)}, made {release.created_at:%Y-%m-%d %H:%M} UTC")


app.command()(portfolio)


@app.command()
def demo(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the generated panel and the lakes go.")] = Path(
        "lakes/demo"
    ),
    detail: Annotated[bool, typer.Option("--detail", help="Also show the statistics of what was recovered.")] = False,
    engine: Annotated[
        DemoEngine, typer.Option(metavar="local|spark|both", help="What moves the rows; both: one after the other, compared.")
    ] = DemoEngine.LOCAL,
) -> None:
    """The whole flow on a generated market with known truth.

    Shows how near the truth the model comes, and where its tables are.
    """
    from sigmalake.demo import run as demo_run

    prepared = demo_run.prepare_demo(folder, _say)
    if engine is not DemoEngine.SPARK:
        _run_demo(prepared, "local")
        _report_demo(prepared, detail=detail)
    if engine is DemoEngine.LOCAL or (engine is DemoEngine.BOTH and not _spark_is_ready()):
        return
    on_spark = prepared.on("spark")
    _run_demo(on_spark, "spark")
    _compare_demo(prepared, on_spark, detail=detail)


def _run_demo(prepared: "Demo", engine: str) -> None:
    from sigmalake.stages.run import run as run_all

    with _writing(prepared.config_file, [f"lake={prepared.lake}"], engine=engine) as context:
        run_all(context)


def _report_demo(prepared: "Demo", *, detail: bool) -> None:
    from sigmalake.demo.first_report import first_report
    from sigmalake.demo.run import detailed_report

    typer.echo(first_report(prepared))
    if detail:
        typer.echo("\n" + detailed_report(prepared, jars_folder()))


def _compare_demo(local: "Demo", on_spark: "Demo", *, detail: bool) -> None:
    """How the two lakes compare; the report of Spark's, where there is no other."""
    from sigmalake.demo.first_report import compared

    if local.lake.is_dir():
        typer.echo("\n" + compared(local, on_spark))
    else:
        _report_demo(on_spark, detail=detail)


def _spark_is_ready() -> bool:
    """Whether there is a Java and Delta's JARs; says so where there is not."""
    try:
        find_java()
        delta_jars()
    except InfrastructureError as error:
        typer.echo(f"\nSpark was left out: {error}.")
        return False
    return True


def main(verb: str | None = None) -> None:
    """Entry point: errors become one message and an exit code. A job gives its verb, the command line reads it."""
    prepare_environment()
    try:
        if code := app(args=None if verb is None else _arguments_of_job(verb), standalone_mode=False):
            _exit_interrupted() if code == INTERRUPTED else sys.exit(code)
    except (typer.Abort, KeyboardInterrupt):
        _exit_interrupted()
    except SigmalakeError as error:
        if caused_by_interrupt(error):
            _exit_interrupted()
        typer.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.exit(0)
    except Exception as error:  # a mishap of ours or of the machine: told in a line, kept whole in the log
        _exit_unexpected(error)


def _arguments_of_job(verb: str) -> list[str]:
    """A job's verb and arguments: spark-submit gives a session, so that it runs on Spark where no engine is named."""
    given = sys.argv[1:]
    named = any(argument == "--engine" or argument.startswith("--engine=") for argument in given)
    return [verb, *([] if named else ["--engine", "spark"]), *given]


def _exit_interrupted() -> None:
    typer.echo("interrupted; what was committed stays, and the next run goes on from there", err=True)
    sys.exit(INTERRUPTED)


def _exit_unexpected(error: Exception) -> None:
    show = getattr(error, "show", None)
    if callable(show):  # typer's own usage errors
        show()
        sys.exit(int(getattr(error, "exit_code", 2)))
    if caused_by_interrupt(error):
        _exit_interrupted()
    log = _log_file()
    with log.open("a", encoding="utf-8") as file:
        traceback.print_exception(error, file=file)
    typer.echo(f"error: {type(error).__name__}: {telling_line(error)}\n  the whole story is in {log}", err=True)
    sys.exit(InfrastructureError.exit_code)


def _log_file() -> Path:
    folder = cache_folder() / "logs"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            folder = Path(tempfile.gettempdir())
    except OSError:  # no home, or one that is not ours: a log elsewhere is better than none
        folder = Path(tempfile.gettempdir())
    return folder / f"sigmalake-{os.getpid()}.log"


def _load(config_file: Path, overrides: list[str] | None, *, reads_sources: bool) -> "Config":
    """The configuration; that its sources exist is told before a JVM has started."""
    from sigmalake.config.model import load_config

    config = load_config(config_file, overrides or [])
    for name, place in config.sources.locations().items() if reads_sources else ():
        place.check_exists(name)
    return config


@contextmanager
def _reading(
    config_file: Path, overrides: list[str] | None, start: str | None, end: str | None, verify: bool = False,
    *, engine: EngineOption = None, reads_sources: bool = False,
) -> "Iterator[Context]":  # fmt: skip
    from sigmalake.cli.engines import choose_engine, opened_engine
    from sigmalake.lake.lake import Lake
    from sigmalake.stages.context import Context

    asked, config = _asked(start, end), _load(config_file, overrides, reads_sources=reads_sources)
    with opened_engine(config, choose_engine(config, engine), _log_file(), _say) as opened:
        yield Context(Lake(opened.storage), opened, config, "reading", asked, _say, verify)


@contextmanager
def _writing(
    config_file: Path, overrides: list[str] | None = None, start: str | None = None, end: str | None = None, wait: float = 0.0,
    verify: bool = False, *, engine: EngineOption = None, reads_sources: bool = False, computes: Collection[str] = COMPUTING,
) -> "Iterator[Context]":  # fmt: skip
    from sigmalake.cli.engines import choose_engine, opened_engine
    from sigmalake.cli.progress import watching
    from sigmalake.lake.lease import claims_of, hold
    from sigmalake.stages.context import new_run_id, writing
    from sigmalake.tables.catalogue import ALL_TABLES

    asked, config = _asked(start, end), _load(config_file, overrides, reads_sources=reads_sources)
    choice, run_id = choose_engine(config, engine), new_run_id()
    with ExitStack() as stack:
        open_once = cache(lambda: stack.enter_context(opened_engine(config, choice, _log_file(), _say, computes)))
        claims = claims_of(config.lake, lambda table: _table_claims(open_once(), config.lake, table))
        lease = stack.enter_context(hold(claims, f"run {run_id}", wait))
        opened = open_once()  # after the lease where that needs none: who has to wait need not start a JVM for it
        context = writing(opened, config, run_id, lease, asked, say=_say, verify_sources=verify, watch=watching(opened))
        context.lake.fence_off(ALL_TABLES)
        yield context


def _table_claims(engine: "Engine", lake: str, table: str) -> "Claims":
    from sigmalake.engines.spark.engine import spark_of
    from sigmalake.engines.spark.table_claims import TableClaims

    return TableClaims(spark_of(engine).spark, lake, table)


def _run_stage(context: "Context", stage: str, output: Output) -> None:
    from sigmalake.stages.run import run_stage

    outcome = run_stage(context, stage)
    if output is Output.TEXT:
        return  # progress has said it
    done: dict[str, object] = {"run_id": context.run_id, "stage": stage, "status": "nothing to do" if outcome is None else "done"}
    if outcome is not None:
        done |= {"dates": outcome.dates, "rows_in": outcome.rows_in, "rows_out": outcome.rows_out}
        done |= {"rows_rejected": outcome.rows_rejected}
    typer.echo(json.dumps(done, default=str))


def _asked(start: str | None, end: str | None) -> Any:
    from sigmalake.stages.context import Asked

    first, last = parse_date(start, "--start"), parse_date(end, "--end")
    if first is not None and last is not None and first > last:
        raise ConfigError(f"--start {first} is after --end {last}; give the earlier date as --start")
    return Asked(first, last)


def _say(text: str) -> None:
    typer.echo(text, err=True)


def _print_last_release(context: "Context", output: Output) -> None:
    from sigmalake.lake.books import all_releases

    last = all_releases(context.lake)[-1]
    if output is Output.JSON:
        typer.echo(json.dumps(last._asdict(), default=str))
    else:
        typer.echo(f"{context.lake.root}: release {last.release_id}, {', '.join(last.variants) or 'no risk variant'}")


if __name__ == "__main__":
    main()
