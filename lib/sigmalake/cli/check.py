"""The verb `check`: whether a lake is whole."""

import json
from typing import Annotated

import typer

from sigmalake.cli.lakes.contexts import released_lake
from sigmalake.cli.options import ConfigFile, Output, OutputForm, Overrides
from sigmalake.cli.terminal import hide, show


def check(
    config: ConfigFile,
    overrides: Overrides = None,
    release: Annotated[str | None, typer.Option(metavar="ID", help="The only release to look at; all by default.")] = None,
    deep: Annotated[
        bool, typer.Option("--deep", help="Compute some dates of each release again from its panel, and compare.")
    ] = False,
    output: OutputForm = Output.TEXT,
) -> None:
    """Whether a lake is whole, and its releases unchanged.

    The tables as they stand, and each release at the versions that it pins, by its row counts and checksums. Writes nothing; ends
    with 1 and a list where something is wrong.
    """
    from sigmalake.config.model import load_config
    from sigmalake.lake.folder import FolderTables
    from sigmalake.lake.lake import Lake
    from sigmalake.stages.queries.check import check as check_lake

    loaded = load_config(config, overrides or [])
    hide(loaded.secrets)
    with released_lake(config, overrides, None) as place:
        if place.spark is None:
            found = check_lake(Lake(FolderTables(loaded.lake)), loaded, release, deep=deep)
        else:
            from sigmalake.engines.spark.tables import CatalogTables

            found = check_lake(Lake(CatalogTables(place.spark, loaded.lake)), loaded, release, deep=deep)
    if output is Output.JSON:
        show(json.dumps({**found._asdict(), "problems": [problem._asdict() for problem in found.problems]}))
    else:
        for problem in found.problems:
            show(problem.text)
        for released in found.without_checksums:
            show(f"{released}: it can be read; it was made before row counts and checksums were kept")
        counted = f"{len(found.releases)} release{'' if len(found.releases) == 1 else 's'}"
        show(f"{loaded.lake}: {counted} looked at, {len(found.problems) or 'no'} problem{'' if len(found.problems) == 1 else 's'}")
    if found.problems:
        raise typer.Exit(1)
