"""The verbs `releases` and `compare`: what a lake said when, and what moved."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from sigmalake.cli.lakes.contexts import LakeConfig, LakeOption, released_lake
from sigmalake.cli.options import End, Output, OutputForm, Overrides, Start, parse_date
from sigmalake.cli.stores import written
from sigmalake.cli.terminal import show
from sigmalake.errors import ConfigError


class Compared(StrEnum):
    """The kind of things that FIRST and SECOND name."""

    RELEASES = "releases"
    VARIANTS = "variants"


def releases(
    config: LakeConfig = None, overrides: Overrides = None, lake: LakeOption = None, output: OutputForm = Output.TEXT
) -> None:
    """The releases, oldest first, each with what it changed and why.

    Which dates of which tables were written since the release before, what was restated, and what of the configuration, the code
    and the sources had changed; whether it stands, was withdrawn or trimmed. A lake in a folder needs no Java.
    """
    from sigmalake.lake.folder import FolderTables
    from sigmalake.lake.lake import Lake
    from sigmalake.lake.upkeep.history import release_history
    from sigmalake.report.text.standing import history_json, history_text

    with released_lake(config, overrides, lake) as place:
        root = place.root.rstrip("/")
        if place.spark is None:
            place.ledger()  # says where no lake is
            found = release_history(Lake(FolderTables(root)))
        else:
            from sigmalake.engines.spark.tables import CatalogTables

            found = release_history(Lake(CatalogTables(place.spark, root)))
    show(history_json(found) if output is Output.JSON else history_text(root, found))


def compare(
    first: Annotated[str, typer.Argument(metavar="FIRST", help="The earlier release, or a variant.")],
    second: Annotated[str, typer.Argument(metavar="SECOND", help="The later release, or another variant.")],
    config: LakeConfig = None,
    overrides: Overrides = None,
    lake: LakeOption = None,
    what: Annotated[Compared, typer.Option(metavar="releases|variants", help="What FIRST and SECOND are.")] = Compared.RELEASES,
    release: Annotated[str | None, typer.Option(metavar="ID", help="Of the variants; the last by default.")] = None,
    start: Start = None,
    end: End = None,
    to: Annotated[
        Path | None, typer.Option(parser=written, metavar="FILE", help="Write every number that moved: .parquet or .csv.")
    ] = None,
    output: OutputForm = Output.TEXT,
) -> None:
    """What moved between two releases or two variants.

    Dates, factors and assets whose numbers moved, by how much and why, and the values of the source that were restated.
    Needs no Java.
    """
    from sigmalake.reader.open_release import open_release
    from sigmalake.report.text.standing import comparison_json, comparison_text, write_moves

    since, until = parse_date(start, "--start"), parse_date(end, "--end")
    if since is not None and until is not None and since > until:
        raise ConfigError(f"--start {since} is after --end {until}; give the earlier date as --start")
    if to is not None and to.suffix not in {".parquet", ".csv"}:
        raise ConfigError(f"--to {to} ends in neither .parquet nor .csv; name a file that does")
    if first == second:
        raise ConfigError(f"{first} is compared with itself; name another one as SECOND")
    if what is Compared.RELEASES and release is not None:
        raise ConfigError("--release names the release of two variants; give --what variants, or leave it out")
    with released_lake(config, overrides, lake) as place:
        if what is Compared.VARIANTS:
            compared = open_release(place.root, release, spark=place.spark).compared_variants(first, second, since, until)
        else:
            one, other = (open_release(place.root, name, spark=place.spark) for name in (first, second))
            compared = other.compared_with(one, since, until)
    if to is not None:
        write_moves(compared, to)
    show(comparison_json(compared) if output is Output.JSON else comparison_text(compared, to))
