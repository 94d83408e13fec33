"""The verb `copy`."""

import json
from typing import Annotated

import typer

from sigmalake.cli.lakes.contexts import LakeConfig, LakeOption
from sigmalake.cli.options import Output, OutputForm, Overrides
from sigmalake.cli.terminal import say, show
from sigmalake.errors import ConfigError


def copy(
    to: Annotated[str, typer.Argument(metavar="TO", help="Folder or URI of the copy, which holds nothing yet.")],
    config: LakeConfig = None,
    overrides: Overrides = None,
    lake: LakeOption = None,
    release: Annotated[str | None, typer.Option(metavar="ID", help="The release; the last by default.")] = None,
    output: OutputForm = Output.TEXT,
) -> None:
    """Copy one release to a lake of its own.

    The copy opens on its own and gives the same numbers to the last bit. To restore it, name it as `lake:`. Needs no Java.
    """
    from sigmalake.config.types import CATALOG_NAME
    from sigmalake.lake.folder import FolderTables
    from sigmalake.lake.log import commit_metadata
    from sigmalake.lake.upkeep.copying import copy_release
    from sigmalake.reader.answer import lake_of
    from sigmalake.reader.storage.delta_tables import ledger_of
    from sigmalake.stages.context import new_run_id

    root = lake_of(config, overrides, lake).rstrip("/")
    if CATALOG_NAME.fullmatch(root):
        raise ConfigError(
            f"{root} lies in a catalog, whose files only the platform can read: copy its tables with CREATE TABLE ... CLONE, each "
            f"at the version in `SELECT tables FROM {root}.releases`"
        )
    chosen = ledger_of(root).chosen(release, root)
    say(f"copy: release {chosen.release_id} of {root} to {to}")
    metadata = commit_metadata(new_run_id(), "copy", 0, chosen.config_hash, (), "local")
    copied = copy_release(FolderTables(root), chosen, to.rstrip("/"), metadata)
    if output is Output.JSON:
        body = {"release": copied.release_id, "from": root, "to": copied.to, "tables": copied.tables}
        show(json.dumps(body | {"files": copied.files.files, "bytes": copied.files.size}))
    else:
        counted = f"{len(copied.tables)} tables, {copied.files.files:,} files, {copied.files.size / 1e6:,.1f} MB"
        show(f"release {copied.release_id} is copied to {copied.to}: {counted}; open it as it is, or name it as `lake:`")
