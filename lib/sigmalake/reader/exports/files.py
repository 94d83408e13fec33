"""A model written for other tools: one date, or a range of dates, in one form."""

import json
from collections.abc import Callable, Sequence
from datetime import date as Date  # the plain name is a field
from pathlib import Path
from typing import NamedTuple

import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from sigmalake.errors import ConfigError, MissingRiskError
from sigmalake.reader.exports.dated_model import DatedModel, dated_model
from sigmalake.reader.exports.flat_tables import about, flat_tables
from sigmalake.reader.exports.forms import Form
from sigmalake.reader.exports.gs_quant import risk_model_data
from sigmalake.reader.exports.workbook import write_workbook
from sigmalake.reader.factor_model import FactorModel

SUFFIXES = {Form.GS_QUANT: ".json", Form.EXCEL: ".xlsx"}  # of the forms that are a file a date; the others are a folder


class Exported(NamedTuple):
    """What was written, and what was not."""

    files: dict[Date, list[Path]]  # by date, ascending
    skipped: dict[Date, str]  # dates of the range without a risk model, with the reason


def export_model(
    model: FactorModel,
    form: Form,
    to: Path,
    dates: Sequence[Date],
    variant: str | None = None,
    *,
    periods_per_year: float | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Exported:
    """Write a model as of some dates. What lies there of the same dates is replaced, each file at once; nothing else is touched.

    `gs-quant` and `excel` are a file a date, `TO/2024-03-08.json` or `.xlsx`; for one date TO may name the file itself. `csv` and
    `parquet` are a folder a date, `TO/2024-03-08/`, with the tables of `FLAT_TABLES` and `about.json`.

    Args:
        model: a release, or a model in memory.
        form: of the files.
        to: a folder, which is made where it is not there, or a file.
        dates: ascending.
        variant: None for the first of the configuration.
        periods_per_year: to annualise, in the place of what the calendar tells.
        say: progress, a line for every hundred dates.

    Raises:
        ConfigError: a place that cannot be written, a missing package, or a calendar that tells no periods per year.
        MissingRiskError: no date has a risk model; of several dates, those without are skipped.
        DataError: a date that the form cannot hold.
    """
    if to.suffix == SUFFIXES.get(form) and len(dates) > 1:
        raise ConfigError(f"{to} is one file, and there are {len(dates)} dates; name a folder, or one date")
    written = Exported({}, {})
    for number, day in enumerate(dates, start=1):
        try:
            dated = dated_model(model, day, variant, periods_per_year=periods_per_year)
        except MissingRiskError as error:
            if len(dates) == 1:
                raise
            written.skipped[day] = str(error)
            continue
        try:
            written.files[day] = _write_date(dated, form, to)
        except OSError as error:
            raise ConfigError(f"{to} cannot be written: {error.strerror or error}; name a folder that can be") from error
        if number % 100 == 0:
            say(f"{number} of {len(dates)} dates, {day}")
    if not written.files:
        raise MissingRiskError(f"none of {len(dates)} dates has a risk model; {dates[-1]}: {written.skipped[dates[-1]]}")
    return written


def _write_date(dated: DatedModel, form: Form, to: Path) -> list[Path]:
    if form in SUFFIXES:
        file = to if to.suffix == SUFFIXES[form] else to / f"{dated.date}{SUFFIXES[form]}"
        if form is Form.EXCEL:
            return [_replaced(file, lambda part: write_workbook(dated, part))]
        return [_replaced(file, lambda part: _write_json(risk_model_data(dated), part))]
    folder, written = to / str(dated.date), []
    for name, rows in flat_tables(dated).items():
        write = pa_csv.write_csv if form is Form.CSV else pq.write_table
        written.append(_replaced(folder / f"{name}.{form}", lambda part, rows=rows, write=write: write(rows, part)))  # type: ignore[misc]
    return [*written, _replaced(folder / "about.json", lambda part: _write_json(about(dated), part, indent=2))]


def _write_json(body: object, file: Path, indent: int | None = None) -> None:
    file.write_text(json.dumps(body, indent=indent, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def _replaced(file: Path, write: Callable[[Path], None]) -> Path:
    """Written beside its place and moved there, so that nobody reads half a file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f".{file.stem}.part{file.suffix}")
    try:
        write(part)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
    return file
