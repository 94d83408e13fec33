"""The verbs that operators keep a lake with: `maintain`, `upgrade`, and `release --withdraw`."""

import json
from typing import Annotated

import typer

from sigmalake.cli.lakes.contexts import lake_for_reading, lake_for_writing
from sigmalake.cli.options import ConfigFile, Output, OutputForm, Overrides, Wait
from sigmalake.cli.terminal import show
from sigmalake.errors import ConfigError


def maintain(
    config: ConfigFile,
    overrides: Overrides = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be done, and write nothing.")] = False,
    wait: Wait = 0.0,
    output: OutputForm = Output.TEXT,
) -> None:
    """Write small files together, and remove unused ones.

    Unused are the files that no kept release reads. Which releases are kept is what `retention:` of the configuration says;
    all by default. Shows the files of each table before and after. Needs no Java.
    """
    from sigmalake.lake.log import MAINTAIN
    from sigmalake.lake.upkeep.result import Upkeep
    from sigmalake.report.text.upkeep import maintained_json, maintained_text
    from sigmalake.stages.context import Outcome, recorded
    from sigmalake.stages.upkeep.maintain import maintain_lake, plan_upkeep

    done: list[Upkeep] = []

    def work() -> Outcome | None:
        upkeep, outcome = maintain_lake(context)
        done.append(upkeep)
        return outcome

    if dry_run:
        with lake_for_reading(config, overrides) as context:
            done.append(plan_upkeep(context))
    else:
        with lake_for_writing(config, overrides, wait) as context:
            recorded(context, MAINTAIN, work)
    show(maintained_json(done[0]) if output is Output.JSON else maintained_text(done[0]))


def upgrade(config: ConfigFile, overrides: Overrides = None, wait: Wait = 0.0, output: OutputForm = Output.TEXT) -> None:
    """Bring a lake of an older format to the present one, in place.

    Columns, constraints and the format change, and no row: releases read what they read before. Needs no Java.
    """
    from sigmalake.stages.upkeep.upgrade import upgrade as upgrade_lake

    with lake_for_writing(config, overrides, wait) as context:
        done = upgrade_lake(context)
    if output is Output.JSON:
        show(json.dumps([its._asdict() for its in done]))
        return
    for its in done:
        show(f"{its.name}: format {its.from_format}, brought to its declaration in {its.commits} commits")
    show(f"{context.lake.root}: " + (f"{len(done)} tables upgraded" if done else "nothing to do, the format is the present one"))


def withdraw_release(
    config: str, overrides: list[str] | None, release_id: str | None, why: str | None, wait: float, output: Output
) -> None:
    """Withdraw a release, and show which one is the last from then on.

    Raises:
        ConfigError: no release or no reason is named.
    """
    from sigmalake.stages.upkeep.withdraw import withdraw

    if release_id is None:
        raise ConfigError("--why is the reason of --withdraw ID; name the release that is withdrawn, or leave --why out")
    with lake_for_writing(config, overrides, wait) as context:
        last = withdraw(context, release_id, why or "")
    last_id = None if last is None else last.release_id
    if output is Output.JSON:
        show(json.dumps({"withdrawn": release_id, "why": why, "last": last_id}))
    else:
        follows = "no other release stands" if last is None else f"{last_id} is the last release"
        show(f"release {release_id} is withdrawn: {why}; {follows}")
