"""`sigmalake init`: a first configuration from files, by looking at them."""

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sigmalake.cli.options import Output, OutputForm
from sigmalake.cli.terminal import say, show
from sigmalake.errors import ConfigError, SigmalakeError

if TYPE_CHECKING:
    from sigmalake.api.drafting.composing import Draft
    from sigmalake.stages.queries.validate import Validation

SHOWN = 12  # columns of a kind, one by one


def init(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="A panel; or returns, exposures, caps and rates apart.")],
    to: Annotated[Path, typer.Option(metavar="FILE", help="The configuration to write.")] = Path("model.yaml"),
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
    output: OutputForm = Output.TEXT,
) -> None:
    """Write a configuration for your own files.

    Looks at Parquet or CSV files, Delta tables or folders of them: which column is the date, the id, the return, the cap; which
    are groups and which are styles; how often there are dates; in which units. Asks nothing, says what it is not sure of, and
    checks that what it wrote can be run.
    """
    from sigmalake.api.drafting.draft import draft

    if to.exists() and not force:
        raise ConfigError(f"{to} is there already; give another file by --to, or --force to write over it")
    if not to.parent.is_dir():
        raise ConfigError(f"--to {to}: there is no folder {to.parent}; make it first")
    say(f"looking at {', '.join(files)}")
    drafted = draft(files, to)
    try:
        to.write_text(drafted.text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"--to {to} cannot be written: {error.strerror}; name a file in a folder that can be") from error
    say(f"wrote {to}; checking it against every row")
    try:
        checked = _checked(to)
    except SigmalakeError as error:
        raise type(error)(f"{to} was written, and cannot be run yet: {error}") from error
    show(_as_json(to, drafted, checked) if output is Output.JSON else _as_text(to, drafted, checked))


def _checked(to: Path) -> "Validation":
    from sigmalake.config.model import load_config
    from sigmalake.engines.local.engine import LocalEngine
    from sigmalake.engines.local.tables import LocalTables
    from sigmalake.lake.lake import Lake
    from sigmalake.stages.context import Context
    from sigmalake.stages.queries.validate import validate

    config = load_config(to)
    engine = LocalEngine(LocalTables(config.lake, 1))
    try:
        return validate(Context(Lake(engine.storage), engine, config, "reading", say=say))
    finally:
        engine.close()


def _as_text(to: Path, drafted: "Draft", checked: "Validation") -> str:
    from sigmalake.report.text.plain_text import wrapped

    lines = [f"{to}: a model of {len(checked.factors)} factors on {checked.dates} dates", "", "What the columns are taken for"]
    several = len({file for file, _, _ in drafted.used}) > 1
    of_kind = Counter(what for _, _, what in drafted.used)
    for file, column, what in drafted.used:
        if of_kind[what] > SHOWN:
            continue
        lines.append(f"  {column:<24} {what}" + (f", of {file}" if several else ""))
    for what, n in of_kind.items():
        if n > SHOWN:
            names = ", ".join(column for _, column, one in drafted.used if one == what)
            lines += wrapped(f"{n} columns: {what}: {names}", "  ")
    if drafted.left_out:
        lines += ["", "Left out"]
        for _, column, why in drafted.left_out:
            lines += wrapped(f"{column:<24} {why}", "  ", "    ")
    if drafted.doubts:
        lines += ["", "Not sure; look at these lines"]
        for doubt in drafted.doubts:
            lines += wrapped(f"{to}{f':{doubt.line}' if doubt.line else ''}: {doubt.text}", "  ", "    ")
    rejected = sum(source.rejected for source in checked.sources)
    lines += ["", f"Checked: {rejected:,} rows would be rejected" + ("" if rejected else ", and nothing is missing")]
    for warning in checked.warnings:
        lines += wrapped(f"warning: {warning}", "  ", "    ")
    lines += ["", "Next", f"  sigmalake validate --config {to}", f"  sigmalake run --config {to}"]
    return "\n".join(lines)


def _as_json(to: Path, drafted: "Draft", checked: "Validation") -> str:
    return json.dumps(
        {
            "file": str(to),
            "columns": [{"file": file, "column": column, "is": what} for file, column, what in drafted.used],
            "left_out": [{"file": file, "column": column, "why": why} for file, column, why in drafted.left_out],
            "not_sure": [doubt._asdict() for doubt in drafted.doubts],
            "dates": checked.dates,
            "factors": checked.factors,
            "rejected": sum(source.rejected for source in checked.sources),
            "warnings": checked.warnings,
        }
    )
