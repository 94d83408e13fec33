"""The verb `export`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sigmalake.cli.lakes.contexts import LakeConfig, LakeOption, released_lake
from sigmalake.cli.options import Output, OutputForm, Overrides, parse_date
from sigmalake.cli.stores import written
from sigmalake.cli.terminal import say, show
from sigmalake.errors import ConfigError, MissingRiskError
from sigmalake.reader.exports.forms import Form

if TYPE_CHECKING:
    from datetime import date

    from sigmalake.reader.factor_model import FactorModel


def export(
    form: Annotated[Form, typer.Option("--as", metavar="gs-quant|csv|excel|parquet", help="Whose files they are.")],
    to: Annotated[
        Path, typer.Option(parser=written, metavar="PATH", help="A folder; of one date in gs-quant or excel also a file.")
    ],
    day: Annotated[
        str | None, typer.Option("--date", metavar="DATE", help="As of this close; the variant's newest by default.")
    ] = None,
    start: Annotated[str | None, typer.Option(metavar="DATE", help="The first of several dates, YYYY-MM-DD.")] = None,
    end: Annotated[str | None, typer.Option(metavar="DATE", help="The last of several dates, YYYY-MM-DD.")] = None,
    config: LakeConfig = None,
    overrides: Overrides = None,
    lake: LakeOption = None,
    release: Annotated[str | None, typer.Option(metavar="ID", help="The release to read; the last by default.")] = None,
    variant: Annotated[str | None, typer.Option(metavar="NAME", help="The variant of risk; the only one by default.")] = None,
    periods_per_year: Annotated[float | None, typer.Option(metavar="N", help="To annualise; else told by the calendar.")] = None,
    output: OutputForm = Output.TEXT,
) -> None:
    """Write the model as files for another tool.

    As of one date or of several: factors, covariances, exposures, specific risk, betas and returns, in that tool's units.
    docs/exports.md describes the files. Needs no Java.
    """
    from sigmalake.reader.exports.files import export_model
    from sigmalake.reader.open_release import open_release

    if periods_per_year is not None and not 0 < periods_per_year < float("inf"):
        raise ConfigError(f"--periods-per-year is {periods_per_year}; give a number above 0")
    with released_lake(config, overrides, lake) as place:
        model = open_release(place.root, release, spark=place.spark)
        if variant is None and len(model.variants) > 1:
            raise MissingRiskError(f"release {model.release_id} has several variants; name one of {', '.join(model.variants)}")
        dates = _dates(model, variant, parse_date(day, "--date"), parse_date(start, "--start"), parse_date(end, "--end"))
        written = export_model(model, form, to, dates, variant, periods_per_year=periods_per_year, say=say)
    days, n_files = list(written.files), sum(map(len, written.files.values()))
    for skipped, why in written.skipped.items():
        say(f"warning: {skipped} is left out: {why}")
    if output is Output.JSON:
        named = {"release": model.release_id, "variant": variant or model.variants[0], "as": form.value, "to": str(to)}
        skipped_days = {str(skipped): why for skipped, why in written.skipped.items()}
        show(json.dumps({**named, "dates": [str(one) for one in days], "files": n_files, "skipped": skipped_days}))
        return
    spanned = f"{days[0]} to {days[-1]}, {len(days)} dates" if len(days) > 1 else str(days[0])
    counted = f"{n_files} file{'' if n_files == 1 else 's'} for {form.value}"
    show(f"release {model.release_id}, {variant or model.variants[0]} as of {spanned}: {counted} in {to}")


def _dates(model: "FactorModel", variant: str | None, day: "date | None", start: "date | None", end: "date | None") -> "list[date]":
    """The date that is named, those of a range, or the variant's newest.

    Raises:
        ConfigError: both are named, or a range that goes back.
        MissingRiskError: the variant has no risk model, or none in the range.
    """
    if day is not None and (start is not None or end is not None):
        raise ConfigError("--date names one date, --start and --end a range; give one of the two")
    if day is not None:
        return [day]
    if start is not None and end is not None and start > end:
        raise ConfigError(f"--start {start} is after --end {end}; give the earlier date as --start")
    known = [stamp.date() for stamp in model.dates(variant)]
    if not known:
        raise MissingRiskError(f"release {model.release_id} has no risk model of {variant or model.variants[0]}")
    if start is None and end is None:
        return known[-1:]
    found = [one for one in known if (start is None or one >= start) and (end is None or one <= end)]
    if not found:
        asked = f"from {start or known[0]} to {end or known[-1]}"
        raise MissingRiskError(f"no risk model {asked}; there are those from {known[0]} to {known[-1]}")
    return found
