"""The command line: `sigmalake VERB --config FILE`. Results go to stdout, everything else to stderr."""

import gc
import json
import sys
import traceback
from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from sigmalake import __version__
from sigmalake.cli.check import check
from sigmalake.cli.contexts import reading_context
from sigmalake.cli.lakes.copying import copy
from sigmalake.cli.lakes.sql import sql
from sigmalake.cli.lakes.standing import compare, releases
from sigmalake.cli.lakes.upkeep import maintain, upgrade
from sigmalake.cli.lease import lease
from sigmalake.cli.mishaps import explained
from sigmalake.cli.options import ConfigFile, End, EngineOption, Output, OutputForm, Overrides, Start, Verify, with_log_format
from sigmalake.cli.setup.runtime import log_file, open_private, prepare_environment
from sigmalake.cli.signals import Ending, signals_as_interrupt
from sigmalake.cli.stage_verbs import covariance, describe, evaluate, ingest, portfolios, quality, regress, release, risk, run
from sigmalake.cli.stores import files_of_stores
from sigmalake.cli.terminal import first_line, hide, say, show, without_secrets
from sigmalake.cli.usage import is_usage_error, usage_text
from sigmalake.cli.verbs import run_document
from sigmalake.cli.verbs.demo import demo
from sigmalake.cli.verbs.export import export
from sigmalake.cli.verbs.init import init
from sigmalake.cli.verbs.portfolio import portfolio
from sigmalake.cli.verbs.report import report
from sigmalake.cli.verbs.status import status
from sigmalake.cli.verbs.validate import presets, validate
from sigmalake.config.stores.credentials import store_secrets
from sigmalake.errors import WORK_TO_DO, ConfigError, InfrastructureError, SigmalakeError, caused_by_interrupt, telling_line

if TYPE_CHECKING:
    from sigmalake.stages.queries.plan import PlannedStage

app = typer.Typer(
    name="sigmalake",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


class Described(StrEnum):
    """What has a JSON Schema."""

    CONFIGURATION = "configuration"
    RUN = "run"


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


for computing in (run, describe, ingest, quality, regress, risk, release, covariance, portfolios, evaluate):
    app.command()(with_log_format(computing))


def plan(
    config: ConfigFile, start: Start = None, end: End = None, overrides: Overrides = None, verify: Verify = False,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="End with exit code 10 where a run would have work; 0: it would not.")
    ] = False,
    engine: EngineOption = None, output: OutputForm = Output.TEXT,
) -> None:  # fmt: skip
    """Which dates would run in which stage, and why.

    Ends with what that would take, roughly. Writes nothing.
    """
    from sigmalake.cli.progress import busy
    from sigmalake.cli.room import estimate_line, estimates, need_of_plan
    from sigmalake.report.text.plain_text import wrapped
    from sigmalake.stages.queries.plan import plan as plan_all

    with reading_context(config, overrides, start, end, verify, engine=engine, reads_sources=True) as context:
        with busy("comparing the sources with the lake"):
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
    else:
        _show_plan(planned)
        if need.stages:
            show("\n".join(wrapped(estimate_line(context, need), "", "  ")))
    if exit_code and any(s.compute or s.remove or s.error or s.notes for s in planned):
        raise typer.Exit(WORK_TO_DO)


def _show_plan(planned: "Sequence[PlannedStage]") -> None:
    from sigmalake.stages.context import span
    from sigmalake.stages.planning import summarise

    for s in planned:
        days = sorted(s.compute)
        spans = f"{span(days)} ({summarise(s.compute.values())})" if days else "nothing to do"
        spans = f"cannot be planned: {s.error}" if s.error else spans
        if s.stage != "verify":
            show(f"{s.stage:<11} {spans}" + (f"; {len(s.remove)} to remove" if s.remove else ""))
        for note in s.notes:
            show(f"{s.stage:<11} {note}")


@app.command()
def schema(
    of: Annotated[Described, typer.Argument(metavar="[configuration|run]", help="What is described.")] = Described.CONFIGURATION,
) -> None:
    """The JSON Schema of the configuration, or of a run's result.

    That of the configuration is for editors: what each key takes, what it means, its unit and its default. `schema run`
    describes what `run --output json` prints. Needs no Java.
    """
    from sigmalake.config.texts.json_schema import config_schema

    found = config_schema() if of is Described.CONFIGURATION else run_document.SCHEMA
    show(json.dumps(found, indent=2, ensure_ascii=False))


for of_a_lake in (plan, validate, presets, status, maintain, copy, upgrade, releases, compare, check, lease, sql):
    app.command()(with_log_format(of_a_lake))
for other in (portfolio, export, report, init, demo):
    app.command()(with_log_format(other))


def main(verb: str | None = None) -> None:
    """Entry point: errors become one message and an exit code. A job gives its verb, the command line reads it."""
    prepare_environment()
    hide(store_secrets())
    gc.set_threshold(COLLECTED_AFTER)  # imports alone would have it look twenty times at objects that stay
    what = " ".join(["sigmalake", *([verb] if verb else [name for name in sys.argv[1:2] if not name.startswith("-")])])
    with signals_as_interrupt() as ending, first_line(what):
        _call(verb, ending)


def _call(verb: str | None, ending: Ending) -> None:
    try:
        with files_of_stores():
            code = app(args=None if verb is None else _arguments_of_job(verb), prog_name="sigmalake", standalone_mode=False)
        if code:
            _exit_interrupted(ending) if code == INTERRUPTED else sys.exit(code)
    except (typer.Abort, KeyboardInterrupt):
        _exit_interrupted(ending)
    except SigmalakeError as error:
        if caused_by_interrupt(error):
            _exit_interrupted(ending)
        say(f"error: {error}")
        run_document.end(error.exit_code, error)
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
    told = f"{ending.word}; what was committed stays, and the next run goes on from there"
    say(told)
    run_document.end(ending.exit_code, KeyboardInterrupt(told))
    if (workers := sys.modules.get("sigmalake.engines.local.workers")) is not None:
        workers.stop()
    sys.exit(ending.exit_code)


def _exit_unexpected(error: BaseException) -> None:
    if is_usage_error(error):
        say(usage_text(error))
        sys.exit(ConfigError.exit_code)
    log = log_file()
    with open_private(log) as file:
        file.write(without_secrets("".join(traceback.format_exception(error))).encode())
    known = explained(error, log)
    told = f"{type(error).__name__}: {telling_line(error)}" if known is None else str(known)
    say(f"error: {told}\n  the whole story is in {log}")
    run_document.end(InfrastructureError.exit_code, error, told)
    sys.exit(InfrastructureError.exit_code)


if __name__ == "__main__":
    main()
