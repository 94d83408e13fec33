"""The verb `report`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from sigmalake.cli.lakes.contexts import LakeConfig, LakeOption, released_lake
from sigmalake.cli.options import End, Output, OutputForm, Overrides, Start, parse_date
from sigmalake.cli.stores import written
from sigmalake.cli.terminal import show


def report(
    to: Annotated[
        Path, typer.Option("--to", parser=written, metavar="FILE.html", help="The file to write; an older one is replaced.")
    ],
    config: LakeConfig = None,
    overrides: Overrides = None,
    lake: LakeOption = None,
    release: Annotated[str | None, typer.Option(metavar="ID", help="The release; the last by default.")] = None,
    start: Start = None,
    end: End = None,
    variant: Annotated[str | None, typer.Option(metavar="NAME", help="The variant of risk; the first by default.")] = None,
    day: Annotated[
        str | None, typer.Option("--date", metavar="DATE", help="Date of the first scatter; the newest by default.")
    ] = None,
    factor: Annotated[
        list[str] | None, typer.Option(metavar="FACTOR", help="First of the factors to choose from; may be given again.")
    ] = None,
    output: OutputForm = Output.TEXT,
) -> None:
    """Write a release as one HTML page, in words and pictures.

    What is good, what to watch and what to do, each with its threshold; then factor returns, fit, correlations, coverage,
    calibration, data quality and what changed. The file needs no network, and can be forwarded. Needs no Java.
    """
    from sigmalake.cli.progress import busy
    from sigmalake.report.page.build import Wanted, write_report

    wanted = Wanted(
        to=to, start=parse_date(start, "--start"), end=parse_date(end, "--end"), variant=variant,
        date=parse_date(day, "--date"), factors=tuple(factor or ()),
    )  # fmt: skip
    with released_lake(config, overrides, lake) as place, busy("reading, judging and drawing"):
        written = write_report(place.root, wanted, release, spark=place.spark)
    if output is Output.JSON:
        show(json.dumps(written._asdict() | {"to": str(written.to)}))
        return
    show(f"{written.to}: release {written.release}, {written.size / 1e6:.1f} MB")
    show(written.headline)
