"""Releases and what moved between them, for a person and for a program."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq

from sigmalake.errors import ConfigError
from sigmalake.lake.dates import DateRange
from sigmalake.lake.upkeep.history import ReleaseChange
from sigmalake.reader.releases.comparison import ModelComparison
from sigmalake.report.text.numbers import json_number
from sigmalake.report.text.plain_text import note, section, table, wrapped

SHOWN = 20  # rows of a table in text; the file that --to names has all
_SMALL = "#.3g"
_SIDES = ("first", "second")
_BOOK_RISKS = ("vol_first", "vol_second", "tracking_error_first", "tracking_error_second")


def history_text(lake: str, releases: Sequence[ReleaseChange]) -> str:
    """The releases, oldest first, each with what it changed."""
    if not releases:
        return f"{lake} has no release yet; make one with `sigmalake release`"
    return "\n".join(
        [f"{lake}: {len(releases)} release{'' if len(releases) == 1 else 's'}", *(_release_text(release) for release in releases)]
    )


def history_json(releases: Sequence[ReleaseChange]) -> str:
    """The same for a program."""
    return json.dumps([_release_body(release) for release in releases], default=str)


def comparison_text(compared: ModelComparison, file: Path | None) -> str:
    """The summary, the dates that moved and the restated values of the source."""
    moves, days, most = compared.moves, compared.dates["date"], compared.largest_only
    head = f"{compared.first} -> {compared.second}"
    books = section("Risk of books", _books(compared.books)) if len(compared.books) else ""
    if moves.empty:
        return f"{head}: no number of the model moved\n\n{books}".rstrip() if books else f"{head}: no number moved"
    n_moved = compared.dates["moved"].sum()
    summary = [
        f"{head}: {n_moved:,} numbers moved on {days.nunique():,} dates, {days.min():%Y-%m-%d} to {days.max():%Y-%m-%d}; "
        f"{moves['factor'].nunique():,} factors and {moves['asset_id'].nunique():,} assets",
        *(note(found.text) for found in compared.differences),
    ]
    parts = ["\n".join(summary), "", section("What moved", _quantities(compared)), section("Dates", _dates(compared.dates))]
    if len(compared.source_rows):
        parts.append(section("Restated values of the source", _source_rows(compared.source_rows)))
    parts += [books] if books else []
    written = "every number is" if most is None else f"of each quantity and date the {most:,} largest changes are"
    return "\n".join([*parts, f"{written} in {file}"] if file else parts).rstrip()


def comparison_json(compared: ModelComparison) -> str:
    """The same for a program: counts, dates, restated values; the numbers that moved are in the file that --to names."""
    body = {
        "first": compared.first,
        "second": compared.second,
        "moved": int(compared.dates["moved"].sum()),
        "largest_only": compared.largest_only,
        "largest_books_only": compared.largest_books_only,
        "differences": [found._asdict() for found in compared.differences],
        "dates": _records(compared.dates),
        "source_rows": _records(compared.source_rows),
        "books": _records(compared.books),
    }
    return json.dumps(body)


def write_moves(compared: ModelComparison, file: Path) -> None:
    """Write every number that moved to a Parquet or CSV file.

    Raises:
        ConfigError: the file cannot be written.
    """
    moves = compared.moves.assign(date=compared.moves["date"].dt.date)
    text = ("quantity", "variant", "factor", "factor_2", "asset_id")
    schema = pa.schema(
        [(name, pa.string() if name in text else pa.date32() if name == "date" else pa.float64()) for name in moves.columns]
    )
    rows = pa.Table.from_pandas(moves, schema, preserve_index=False)
    try:
        if file.suffix == ".csv":
            pc.write_csv(rows, file)
        else:
            pq.write_table(rows, file)
    except OSError as error:
        raise ConfigError(
            f"--to {file} cannot be written: {error.strerror or error}; name a file in a folder that can be"
        ) from error


def _release_text(release: ReleaseChange) -> str:
    state = release.state if not release.reason else f"{release.state}: {release.reason}"
    variants = ", ".join(release.variants) or "no risk variant"
    made = f"{release.created_at:%Y-%m-%d %H:%M:%S} UTC"
    lines = [f"{release.release_id}  made {made}, as of {release.as_of}, {variants}; {state}"]
    if release.written:
        for span, names in _by_span(release.written).items():
            lines += wrapped(f"written: {span}: {', '.join(names)}", "    ", "      ")
    if release.restated:
        lines.append(f"    dates before, computed again: {_range_text(release.restated)}")
    return "\n".join([*lines, *(f"    because: {why}" for why in release.why)])


def _by_span(written: Mapping[str, DateRange | None]) -> dict[str, list[str]]:
    """The tables that were written, by their dates."""
    found: dict[str, list[str]] = {}
    for name, span in written.items():
        found.setdefault("without dates" if span is None else _range_text(span), []).append(name)
    return found


def _range_text(span: DateRange) -> str:
    return str(span.first) if span.first == span.last else f"{span.first} to {span.last}"


def _release_body(release: ReleaseChange) -> dict[str, Any]:
    spans = {name: None if span is None else [str(span.first), str(span.last)] for name, span in release.written.items()}
    restated = None if release.restated is None else [str(release.restated.first), str(release.restated.last)]
    return release._asdict() | {"created_at": release.created_at.isoformat(), "written": spans, "restated": restated}


def _quantities(compared: ModelComparison) -> str:
    """By quantity: dates, numbers and the largest change."""
    rows = []
    variants = compared.dates["variant"].fillna("").map(lambda name: f" of {name}" if name else "")
    for quantity, dates in compared.dates.groupby(compared.dates["quantity"].str.cat(variants), sort=False):
        largest = dates.loc[dates["largest"].idxmax()]
        where = f"{largest['of']} on {largest['date']:%Y-%m-%d}"
        rows.append([str(quantity), f"{len(dates):,}", f"{dates['moved'].sum():,}", format(largest["largest"], _SMALL), where])
    return table(["", "dates", "numbers", "largest", "of"], rows, left=(0, 4))


def _dates(dates: pd.DataFrame) -> str:
    by_day = dates.groupby(["date", "why"], sort=True)["moved"].sum().reset_index()
    rows = [[f"{row['date']:%Y-%m-%d}", f"{row['moved']:,}", str(row["why"])] for _, row in by_day.head(SHOWN).iterrows()]
    return table(["date", "numbers", "why"], rows, left=(0, 2)) + _others(len(by_day))


def _source_rows(rows: pd.DataFrame) -> str:
    texts = ("side", "asset_id", "column")
    shown = [
        [f"{row['date']:%Y-%m-%d}", *(str(row[name]) for name in texts), *(_digits(row[side]) for side in _SIDES)]
        for _, row in rows.head(SHOWN).iterrows()
    ]
    return table(["date", "side", "asset", "column", *_SIDES], shown, left=(0, 1, 2, 3)) + _others(len(rows))


def _books(books: pd.DataFrame) -> str:
    """How many moved, then those whose volatility moved most."""
    change = books["vol_second"] - books["vol_first"]
    order = change.abs().sort_values(ascending=False, kind="stable", na_position="first").index
    rows = [
        [f"{row['date']:%Y-%m-%d}", str(row["portfolio"]), str(row["variant"]), *(_percent(row[name]) for name in _BOOK_RISKS)]
        for _, row in books.loc[order].head(SHOWN).iterrows()
    ]
    moved = f"{books['portfolio'].nunique():,} books moved on {books['date'].nunique():,} dates"
    told = f"{moved}. Volatility and tracking error (TE) are in percent of the period."
    header = ["date", "book", "variant", "first", "second", "TE first", "TE second"]
    return note(told) + "\n" + table(header, rows, left=(0, 1, 2)) + _others(len(books))


def _percent(value: float) -> str:
    return "-" if pd.isna(value) else f"{100 * value:.4f}"


def _digits(value: float) -> str:
    return "-" if pd.isna(value) else format(value, ".6g")


def _others(count: int) -> str:
    return f"\n... and {count - SHOWN:,} more" if count > SHOWN else ""


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): _plain(value) for name, value in row.items()} for row in frame.to_dict("records")]


def _plain(value: Any) -> Any:
    if isinstance(value, pd.Timestamp):
        return str(value.date())
    if isinstance(value, float):
        return json_number(value)
    return None if value is None or value is pd.NaT else value
