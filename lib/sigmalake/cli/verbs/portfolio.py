"""The options of `sigmalake portfolio`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from sigmalake.cli.lakes.contexts import released_lake
from sigmalake.cli.options import Output, OutputForm, Overrides, parse_date
from sigmalake.cli.stores import fetched, written
from sigmalake.cli.terminal import say, show


class InUnit(StrEnum):
    """What numbers of a file or an option are given in."""

    FRACTION = "fraction"
    PERCENT = "percent"


class Missing(StrEnum):
    """What becomes of holdings without risk data."""

    RAISE = "raise"
    LEAVE_OUT = "leave_out"


def portfolio(
    file: Annotated[
        Path, typer.Argument(parser=fetched, metavar="FILE", help="Holdings, .csv or .parquet: asset_id, weight | quantity, price.")
    ],
    day: Annotated[str | None, typer.Option("--date", metavar="DATE", help="As of this close; the release's by default.")] = None,
    benchmark: Annotated[Path | None, typer.Option(parser=fetched, metavar="FILE", help="The benchmark's holdings.")] = None,
    config: Annotated[str | None, typer.Option("--config", "-c", metavar="FILE", help="The configuration of the lake.")] = None,
    overrides: Overrides = None,
    lake: Annotated[str | None, typer.Option(metavar="FOLDER", help="The lake, in the place of --config.")] = None,
    release: Annotated[str | None, typer.Option(metavar="ID", help="The release to read; the last by default.")] = None,
    variant: Annotated[str | None, typer.Option(metavar="NAME", help="The variant of risk; the only one by default.")] = None,
    horizon: Annotated[float, typer.Option(metavar="PERIODS", help="How many periods of the variant the forecast is for.")] = 1.0,
    missing: Annotated[
        Missing, typer.Option(metavar="raise|leave_out", help="What to do about holdings without risk data.")
    ] = Missing.RAISE,
    cash: Annotated[str | None, typer.Option(metavar="ASSET", help="The asset_id of cash, which has no risk.")] = None,
    value: Annotated[float | None, typer.Option(metavar="AMOUNT", help="What positions are divided by; else their sum.")] = None,
    periods_per_year: Annotated[float | None, typer.Option(metavar="N", help="To annualise; else told by the calendar.")] = None,
    shock: Annotated[
        list[str] | None,
        typer.Option(metavar="FACTOR=RETURN", help="Adds a scenario: a fraction, e.g. market=-0.10; may be given again."),
    ] = None,
    versus_date: Annotated[str | None, typer.Option(metavar="DATE", help="Adds what moved the risk since this close.")] = None,
    versus_release: Annotated[str | None, typer.Option(metavar="ID", help="Adds what moved the risk from this release's.")] = None,
    since: Annotated[str | None, typer.Option(metavar="DATE", help="Adds where the return after this close came from.")] = None,
    level: Annotated[
        list[float] | None,
        typer.Option(metavar="LEVEL", help="Adds value at risk and expected shortfall: 0.95; may be given again."),
    ] = None,
    history_since: Annotated[
        str | None, typer.Option(metavar="DATE", help="First date of the factor returns that value at risk replays; else all.")
    ] = None,
    replay: Annotated[
        list[str] | None,
        typer.Option(metavar="[NAME=]START:END", help="Adds a stress: the factor returns from one close to another, replayed."),
    ] = None,
    replays: Annotated[
        Path | None, typer.Option(parser=fetched, metavar="FILE", help="The same, a .csv of periods: name, start, end.")
    ] = None,
    reverse_stress: Annotated[
        float | None, typer.Option(metavar="LOSS", help="Adds the likeliest factor returns that lose this fraction: 0.10.")
    ] = None,
    names: Annotated[
        Path | None, typer.Option(parser=fetched, metavar="FILE", help="What assets are called, .csv or .parquet: asset_id, name.")
    ] = None,
    groups: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Groups of your own to sum over, .csv or .parquet: asset_id, group.")
    ] = None,
    weights_in: Annotated[
        InUnit | None, typer.Option(metavar="fraction|percent", help="What weights are in; else fractions, if they look so.")
    ] = None,
    shocks_in: Annotated[
        InUnit | None,
        typer.Option(metavar="fraction|percent", help="What shocks and losses are in; else fractions, if they look so."),
    ] = None,
    to: Annotated[
        list[Path] | None,
        typer.Option(
            parser=written, metavar="FILE", help="Writes a page to forward: .html, .xlsx, .csv or .parquet; may be given again."
        ),
    ] = None,
    output: OutputForm = Output.TEXT,
) -> None:
    """The risk of a file of holdings, from a release.

    Volatility, tracking error and beta, with contributions by factor and asset; on request value at risk, scenarios, stress, what
    moved the risk, realised attribution, and all of it in a file to forward. Needs no Java.
    """
    from sigmalake.cli.progress import busy
    from sigmalake.reader.answer import Question, answer
    from sigmalake.reader.portfolios.replay import named_once, parse_periods, read_periods
    from sigmalake.reader.portfolios.tail_risk import LEVELS
    from sigmalake.reader.questions import parse_shocks
    from sigmalake.report.sheet.files import check_files, write_files
    from sigmalake.report.text.portfolio import as_json, as_text

    files = check_files(to or [])
    periods = named_once([*parse_periods(replay or []), *(read_periods(replays) if replays else [])], "--replay")
    with released_lake(config, overrides, lake) as place:
        question = Question(
            file=file, benchmark=benchmark, lake=place.root, spark=place.spark, release=release, date=parse_date(day, "--date"),
            variant=variant, horizon=horizon, missing=missing.value, cash=cash, value=value, periods_per_year=periods_per_year,
            shocks=parse_shocks(shock or []), versus_date=parse_date(versus_date, "--versus-date"),
            versus_release=versus_release,
            since=parse_date(since, "--since"), names=names, groups=groups,
            weights_in=None if weights_in is None else weights_in.value,
            shocks_in=None if shocks_in is None else shocks_in.value, levels=level or (LEVELS if files else ()),
            history_since=parse_date(history_since, "--history-since"),
            periods=periods, loss=reverse_stress,
        )  # fmt: skip
        with busy("reading and measuring"):
            answered = answer(question)
            written = write_files(answered, files)
    for line in written:
        say(line)
    show(as_json(answered) if output is Output.JSON else as_text(answered))
