"""The command line: `sigmalake VERB --config FILE`. Results go to stdout, everything else to stderr."""

import gc
import json
import sys
import traceback
from typing import Annotated

import typer

from sigmalake import __version__
from sigmalake.cli.check import check
from sigmalake.cli.contexts import reading_context
from sigmalake.cli.demo import demo
from sigmalake.cli.lakes.copying import copy
from sigmalake.cli.lakes.sql import sql
from sigmalake.cli.lakes.standing import compare, releases
from sigmalake.cli.lakes.upkeep import maintain, upgrade
from sigmalake.cli.lease import lease
from sigmalake.cli.mishaps import explained
from sigmalake.cli.options import ConfigFile, End, EngineOption, Output, OutputForm, Overrides, Start, Verify
from sigmalake.cli.portfolio import portfolio
from sigmalake.cli.setup.runtime import log_file, open_private, prepare_environment
from sigmalake.cli.signals import Ending, signals_as_interrupt
from sigmalake.cli.stage_verbs import covariance, describe, evaluate, ingest, quality, regress, release, risk, run
from sigmalake.cli.terminal import hide, say, show, without_secrets
from sigmalake.errors import InfrastructureError, SigmalakeError, caused_by_interrupt, telling_line

app = typer.Typer(
    name="sigmalake",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

INTERRUPTED = 130  # also what typer returns after Ctrl-C
COLLECTED_AFTER = 20_000  # new objects; Python looks for circles among its objects after 700


def _show_version(requested: bool) -> None:
    if requested:
        show(f"sigmalake {__version__}")
        raise typer.Exit


@app.callback()
def options(
    _version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """An equity factor risk model, from a panel on one machine or on a Spark cluster, kept in Delta tables."""


for computing in (run, describe, ingest, quality, regress, risk, release, covariance, evaluate):
    app.command()(computing)


@app.command()
def plan(
    config: ConfigFile, start: Start = None, end: End = None, overrides: Overrides = None, verify: Verify = False,
    engine: EngineOption = None, output: OutputForm = Output.TEXT,
) -> None:  # fmt: skip
    """Which dates would run in which stage, and why.

    Ends with what that would take, roughly. Writes nothing.
    """
    from sigmalake.cli.room import estimate_line, estimates, need_of_plan
    from sigmalake.stages.context import span
    from sigmalake.stages.planning import summarise
    from sigmalake.stages.queries.plan import plan as plan_all

    with reading_context(config, overrides, start, end, verify, engine=engine, reads_sources=True) as context:
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
                **({"notes": s.notes} if s.notes else {}),
                **({"estimate": by_stage[s.stage]} if s.stage in by_stage else {}),
            }
            for s in planned
        ]
        show(json.dumps(shown, default=str))
        return
    for s in planned:
        days = sorted(s.compute)
        spans = f"{span(days)} ({summarise(s.compute.values())})" if days else "nothing to do"
        spans = f"cannot be planned: {s.error}" if s.error else spans
        if s.stage != "verify":
            show(f"{s.stage:<11} {spans}" + (f"; {len(s.remove)} to remove" if s.remove else ""))
        for note in s.notes:
            show(f"{s.stage:<11} {note}")
    if need.stages:
        show(estimate_line(context, need))


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

    with reading_context(config, overrides, None, None, engine=engine, reads_sources=True) as context:
        checked = validate_all(context)
        for warning in checked.warnings:
            say(f"warning: {warning}")
        if output is Output.JSON:
            body = {"sources": [s._asdict() for s in checked.sources], "dates": checked.dates, "factors": checked.factors}
            body |= {"warnings": checked.warnings, "quality": checked.quality}
            show(json.dumps({**body, "config": context.config.shown()}, default=str))
            return
        show(annotated(context.config, read_given(config, overrides or [])))
        for source in checked.sources:
            spanned = f"{source.rows:,} rows, {source.first_date} to {source.last_date}"
            show(f"{source.name}: {spanned}; {source.rejected:,} would be rejected")
            for column, reason, rows, value in source.problems:
                show(f"  {ProblemCount(column, reason, rows, value).text}")
        show(f"panel: {checked.dates} dates, {len(checked.factors)} factors: {', '.join(checked.factors)}")
        show(f"data quality: {checked.quality}")


@app.command()
def schema() -> None:
    """The configuration's JSON Schema, for editors.

    What each key takes, what it means, its unit and its default. Needs no Java.
    """
    from sigmalake.config.texts.json_schema import config_schema

    show(json.dumps(config_schema(), indent=2, ensure_ascii=False))


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
    hide(loaded.secrets)
    if CATALOG_NAME.fullmatch(loaded.lake):
        with opened_engine(loaded, choose_engine(loaded, None), log_file(), say) as opened:
            stored = read_status(Lake(opened.storage))
    else:
        stored = read_status(Lake(FolderTables(loaded.lake)))
    if output is Output.JSON:
        body = {
            **stored._asdict(),
            "tables": [t._asdict() for t in stored.tables],
            "releases": [r._asdict() for r in stored.releases],
        }
        show(json.dumps(body, default=str))
        return
    show(f"lake {stored.lake}, format {stored.format}")
    if not stored.tables:
        show("no tables yet: use `sigmalake run`")
    for t in stored.tables:
        show(f"  {t.name:<20} version {t.version:<4} {t.files:>4} files {t.megabytes:>9.1f} MB  {t.rows_from} {t.rows_to}")
    for r in stored.runs:
        dates = f"{r['n_dates']} dates {r['first_date']} to {r['last_date']}" if r["n_dates"] else ""
        show(f"  run {r['run_id']} {r['stage']:<10} {r['status']:<7} {r['seconds']:>6.1f} s  {dates}{r['error'] or ''}"[:200])
    for made in stored.releases:
        show(f"  release {made.release_id}, {', '.join(made.variants)}, made {made.created_at:%Y-%m-%d %H:%M} UTC")


for of_a_lake in (maintain, copy, upgrade, releases, compare, check, lease, sql):
    app.command()(of_a_lake)
app.command()(portfolio)
app.command()(demo)


def main(verb: str | None = None) -> None:
    """Entry point: errors become one message and an exit code. A job gives its verb, the command line reads it."""
    prepare_environment()
    gc.set_threshold(COLLECTED_AFTER)  # imports alone would have it look twenty times at objects that stay
    with signals_as_interrupt() as ending:
        _call(verb, ending)


def _call(verb: str | None, ending: Ending) -> None:
    try:
        if code := app(args=None if verb is None else _arguments_of_job(verb), standalone_mode=False):
            _exit_interrupted(ending) if code == INTERRUPTED else sys.exit(code)
    except (typer.Abort, KeyboardInterrupt):
        _exit_interrupted(ending)
    except SigmalakeError as error:
        if caused_by_interrupt(error):
            _exit_interrupted(ending)
        say(f"error: {error}")
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.exit(0)
    except SystemExit:
        raise
    except BaseException as error:  # of the program, the machine or a panic of delta-rs: a line, the traceback in the log
        if caused_by_interrupt(error):
            _exit_interrupted(ending)
        _exit_unexpected(error)


def _arguments_of_job(verb: str) -> list[str]:
    """A job's verb and arguments: spark-submit gives a session, so that it runs on Spark where no engine is named."""
    given = sys.argv[1:]
    named = any(argument == "--engine" or argument.startswith("--engine=") for argument in given)
    return [verb, *([] if named else ["--engine", "spark"]), *given]


def _exit_interrupted(ending: Ending) -> None:
    say(f"{ending.word}; what was committed stays, and the next run goes on from there")
    sys.exit(ending.exit_code)


def _exit_unexpected(error: BaseException) -> None:
    show = getattr(error, "show", None)
    if callable(show):  # typer's own usage errors
        show()
        sys.exit(int(getattr(error, "exit_code", 2)))
    log = log_file()
    with open_private(log) as file:
        file.write(without_secrets("".join(traceback.format_exception(error))).encode())
    known = explained(error, log)
    told = f"{type(error).__name__}: {telling_line(error)}" if known is None else str(known)
    say(f"error: {told}\n  the whole story is in {log}")
    sys.exit(InfrastructureError.exit_code)


if __name__ == "__main__":
    main()
