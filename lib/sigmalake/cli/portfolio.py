"""The options of `sigmalake portfolio`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from sigmalake.cli.options import Output, OutputForm, Overrides, parse_date
from sigmalake.cli.terminal import show


class Missing(StrEnum):
    """What becomes of holdings without risk data."""

    RAISE = "raise"
    LEAVE_OUT = "leave_out"


def portfolio(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Holdings, .csv or .parquet: asset_id, weight | quantity, price.")],
    day: Annotated[str | None, typer.Option("--date", metavar="DATE", help="As of this close; the release's by default.")] = None,
    benchmark: Annotated[Path | None, typer.Option(metavar="FILE", help="The benchmark's holdings.")] = None,
    config: Annotated[Path | None, typer.Option("--config", "-c", metavar="FILE", help="The configuration of the lake.")] = None,
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
    output: OutputForm = Output.TEXT,
) -> None:
    """The risk of a file of holdings, from a release.

    Volatility, tracking error and beta, with contributions by factor and asset; a scenario, what moved the risk, and realised
    attribution on request. Needs no Java.
    """
    from sigmalake.reader.answer import Question, answer, lake_of
    from sigmalake.reader.questions import parse_shocks
    from sigmalake.report.text.portfolio import as_json, as_text

    answered = answer(
        Question(
            file=file, benchmark=benchmark, lake=lake_of(config, overrides, lake), release=release, date=parse_date(day, "--date"),
            variant=variant, horizon=horizon, missing=missing.value, cash=cash, value=value, periods_per_year=periods_per_year,
            shocks=parse_shocks(shock or []), versus_date=parse_date(versus_date, "--versus-date"), versus_release=versus_release,
            since=parse_date(since, "--since"),
        )
    )  # fmt: skip
    show(as_json(answered) if output is Output.JSON else as_text(answered))
