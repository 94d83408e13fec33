"""`sigmalake validate`: what is wrong with a configuration and its sources; and `presets`: which risk model to take."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from sigmalake.cli.contexts import reading_context
from sigmalake.cli.options import ConfigFile, EngineOption, Output, OutputForm, Overrides
from sigmalake.cli.terminal import say, show

if TYPE_CHECKING:
    from sigmalake.stages.queries.validate import Validation

LISTED = 40  # factors that are named


def validate(
    config: ConfigFile,
    overrides: Overrides = None,
    defaults: Annotated[bool, typer.Option("--defaults", help="Also show every key with its default.")] = False,
    engine: EngineOption = None,
    output: OutputForm = Output.TEXT,
) -> None:
    """Check the configuration and its sources.

    What is wrong comes first, then what is there: rows, dates, factors, what would be rejected. Writes nothing. --defaults also
    shows the configuration with its defaults, units and sources.
    """
    from sigmalake.cli.progress import busy
    from sigmalake.config.model import read_given
    from sigmalake.config.texts.annotated import annotated
    from sigmalake.stages.queries.validate import validate as validate_all

    with reading_context(config, overrides, None, None, engine=engine, reads_sources=True) as context:
        with busy("reading the sources"):
            checked = validate_all(context)
        if output is Output.JSON:
            for warning in checked.warnings:
                say(f"warning: {warning}")
            body = {"sources": [s._asdict() for s in checked.sources], "dates": checked.dates, "factors": checked.factors}
            body |= {"warnings": checked.warnings, "quality": checked.quality}
            show(json.dumps({**body, "config": context.config.shown()}, default=str))
            return
        show(_as_text(checked))
        if defaults:
            show("\n" + annotated(context.config, read_given(config, overrides or [])).rstrip("\n"))


def _as_text(checked: "Validation") -> str:
    from sigmalake.report.text.plain_text import wrapped
    from sigmalake.tasks.sources.rejected_rows import ProblemCount

    wrong = [
        f"{source.name}: {ProblemCount(*problem).text} ({'rejected' if source.rejected else 'noted'})"
        for source in checked.sources
        for problem in source.problems
    ]
    wrong += checked.warnings
    lines = [f"{len(wrong)} thing{'' if len(wrong) == 1 else 's'} to look at" if wrong else "nothing is wrong"]
    lines += [line for text in wrong for line in wrapped(f"- {text}", "  ", "    ")]
    lines.append("")
    for source in checked.sources:
        spanned = f"{source.rows:,} rows, {source.first_date} to {source.last_date}"
        lines += wrapped(f"{source.name}: {spanned}; {source.rejected:,} would be rejected", "", "  ")
    named = ", ".join(checked.factors[:LISTED]) + (", ..." if len(checked.factors) > LISTED else "")
    lines += wrapped(f"panel: {checked.dates} dates, {len(checked.factors)} factors: {named}", "", "  ")
    return "\n".join([*lines, *wrapped(f"data quality: {checked.quality}", "", "  ")])


def presets() -> None:
    """Which preset to take for `risk:`, and what each sets."""
    from sigmalake.config.texts.presets import presets_text

    show(presets_text())
