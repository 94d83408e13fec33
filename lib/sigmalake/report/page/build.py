"""`sigmalake report`: a release in one HTML file that needs no network, with a verdict in words and its pictures."""

import os
from collections.abc import Sequence
from datetime import date as Date  # the plain name is a field
from pathlib import Path
from typing import NamedTuple

import pyarrow.dataset as ds
import yaml

from sigmalake.errors import ConfigError, MissingRiskError
from sigmalake.lake.releases import Release, releases_from
from sigmalake.reader.exports.tools import tool
from sigmalake.reader.factor_model import FactorModel
from sigmalake.reader.open_release import open_release
from sigmalake.reader.storage.model_tables import ModelTables
from sigmalake.reader.storage.session_tables import Session
from sigmalake.tables.records import RELEASES, RUNS


class Wanted(NamedTuple):
    """What a report shows, and where it goes."""

    to: Path  # the file, .html
    start: Date | None = None  # first date of the returns, itself included; None: the first there is
    end: Date | None = None  # last date; None: the last there is
    variant: str | None = None  # None: the first of the configuration
    date: Date | None = None  # of the scatter that is shown first; None: the newest
    factors: Sequence[str] = ()  # the first of the menus; none: the most telling


class Written(NamedTuple):
    """What was written."""

    to: Path
    release: str
    headline: str  # of the verdict, one sentence
    size: int  # bytes


def write_report(lake: str, wanted: Wanted, release: str | None = None, *, spark: Session | None = None) -> Written:
    """Write the report of a release of a lake, None for the last; errors are those of `report_on` and of `open_release`."""
    _check(wanted)  # before anything is read
    return report_on(open_release(lake, release, spark=spark), wanted)


def report_on(model: FactorModel, wanted: Wanted) -> Written:
    """Write the report on a model to one self-contained HTML file, which replaces an older one.

    Tables are read by columns and dates: memory grows with neither the assets times the dates nor the releases.

    Args:
        model: a release, or a model in memory.
        wanted: which dates, variant and factors, and where to.

    Raises:
        InfrastructureError: plotly is not installed.
        ConfigError: the file cannot be written.
        MissingRiskError: no such variant, factor or date, or no regression in the range.
    """
    _check(wanted)
    from sigmalake.report.page.assembly import assemble  # noqa: PLC0415 - plotly is an extra
    from sigmalake.report.page.colophon import Titled  # noqa: PLC0415
    from sigmalake.report.page.comparison import since_before  # noqa: PLC0415
    from sigmalake.report.page.section_texts import SECTIONS  # noqa: PLC0415
    from sigmalake.report.page.sections import choose, draw  # noqa: PLC0415
    from sigmalake.report.verdict.evidence import gather  # noqa: PLC0415
    from sigmalake.report.verdict.judge import judge  # noqa: PLC0415

    tables, release = model.packed, _release_of(model)
    found = gather(model, tables, release.checks, wanted.variant, wanted.start, wanted.end)
    verdict = judge(found)
    since = since_before(tables, release)
    lake = tables.lake
    before = None if isinstance(since, str) or lake is None else open_release(lake.root, since.before, spark=lake.spark)
    chosen = choose(model, found, wanted.date, wanted.factors, before)
    drawn = {text.name: draw(model, found, chosen, text.name) for section in SECTIONS for text in section.pictures}
    titled = Titled(_model_name(tables, release), None if lake is None else lake.root, release)
    html = assemble(titled, found, verdict, chosen, drawn, since)
    _replace(wanted.to, html)
    return Written(wanted.to, release.release_id, verdict.headline, wanted.to.stat().st_size)


def _check(wanted: Wanted) -> None:
    require_plotly()
    check_target(wanted.to)
    if wanted.start is not None and wanted.end is not None and wanted.start > wanted.end:
        raise ConfigError(f"the report would start on {wanted.start}, after it ends on {wanted.end}; start with the earlier date")


def _release_of(model: FactorModel) -> Release:
    """The row of the release ledger that the model was opened from."""
    rows = model.packed.rows(RELEASES, RELEASES.column_names, ds.field("release_id") == model.release_id)
    (release,) = releases_from(rows)
    return release


def _model_name(tables: ModelTables, release: Release) -> str:
    """What the configuration calls the model; empty where the run that released it is not on record."""
    try:
        runs = tables.rows(RUNS, ["config"], ds.field("run_id") == release.run_id)
    except MissingRiskError:
        return ""
    settings = yaml.safe_load(runs.column("config")[0].as_py()) if runs.num_rows else None
    return str(settings.get("model", "")) if isinstance(settings, dict) else ""


def require_plotly() -> None:
    """Refuse where the library of the pictures is missing.

    Raises:
        InfrastructureError: plotly is not installed.
    """
    tool("plotly", "sigmalake[report]", "a report with pictures")


def check_target(to: Path) -> None:
    """Refuse a file that cannot be a report, before anything is read.

    Raises:
        ConfigError: its name does not end in .html, it is a folder, or its folder is missing.
    """
    if to.suffix.lower() not in {".html", ".htm"}:
        raise ConfigError(f"the report {to} does not end in .html; name a file that does")
    if to.is_dir():
        raise ConfigError(f"the report {to} would replace a folder; name a file in it, such as {to / 'report.html'}")
    if not to.absolute().parent.is_dir():
        raise ConfigError(f"the report {to} cannot be written: there is no folder {to.absolute().parent}; make it, or name another")


def _replace(to: Path, html: str) -> None:
    """Write beside the file, then put it in its place: nobody opens half a page."""
    beside = to.with_name(f".{to.name}.{os.getpid()}.new")
    try:
        with beside.open("w", encoding="utf-8", newline="\n") as file:
            file.write(html)
        beside.replace(to)
    except OSError as error:
        beside.unlink(missing_ok=True)
        why = error.strerror or error
        raise ConfigError(f"the report {to} cannot be written: {why}; name a file in a folder that can be") from error
