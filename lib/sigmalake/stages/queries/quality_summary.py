"""Rows of `data_quality` in words: a line for each measure that is worth a warning, and the refusal of what stops a run."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from sigmalake.errors import DataError
from sigmalake.lake.dates import DateRange
from sigmalake.lake.lake import Lake
from sigmalake.numerics.quality.rules import QualityRules, Severity
from sigmalake.tables.quality import DATA_QUALITY

LOUD = (Severity.WARN.value, Severity.STOP.value)
SHOWN = ("date", "source", "measure", "severity", "value", "n_found", "found")
SHARES = {"rejected": "rows", "stale_prices": "returns", "stale_caps": "caps", "cap_moves": "caps", "exposure_moves": "values"}
COVERAGE = {"coverage_day": "on the date before", "coverage_year": "a year before"}

Row = Mapping[str, Any]


def summary(rows: pa.Table) -> str:
    """How many rows have which severity."""
    counts = {severity: _with(rows, severity.value).num_rows for severity in (Severity.STOP, Severity.WARN, Severity.NOTE)}
    words = {Severity.STOP: "beyond a stop", Severity.WARN: "warning", Severity.NOTE: "note"}
    listed = [f"{n:,} {words[s]}{'s' if n != 1 and s is not Severity.STOP else ''}" for s, n in counts.items() if n]
    return ", ".join(listed) or "nothing to note"


def spoken_warnings(rows: pa.Table) -> list[str]:
    """A line for each source and measure that has a warning, with the newest date and what was furthest off on it."""
    loud = rows.filter(pc.is_in(rows.column("severity"), pa.array(LOUD))).select(list(SHOWN)).to_pylist()
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in sorted(loud, key=lambda row: row["date"]):
        groups.setdefault((row["measure"], row["source"]), []).append(row)
    return [_line(group) for _, group in sorted(groups.items())]


def refuse_stops(lake: Lake, rules: QualityRules) -> None:
    """End the run where a value of `data_quality` is above its threshold `stop`.

    Raises:
        DataError: names the earliest date, what was found on it, and the way out.
    """
    if message := stop_message(lake, rules):
        raise DataError(f"{message}; nothing is released")


def stop_message(lake: Lake, rules: QualityRules) -> str | None:
    """What stops a run, in words; None where nothing does."""
    stored = lake.columns(DATA_QUALITY, ["date", "severity"])
    days = sorted(day for day in set(_with(stored, Severity.STOP.value).column("date").to_pylist()) if _counts(day, rules))
    if not days:
        return None
    rows = _with(lake.columns(DATA_QUALITY, list(SHOWN), DateRange(days[0], days[0])), Severity.STOP.value)
    first: Row = rows.sort_by("measure").to_pylist()[0]
    more = f"; and on {len(days) - 1} more date{'s' if len(days) > 2 else ''}, the newest {days[-1]}" if len(days) > 1 else ""
    key = f"checks.quality.{first['measure']}.stop"
    limit = rules.limits(first["measure"]).stop
    return (
        f"data quality of {first['source']} on {first['date']}: {_what(first)}; {key} is {limit:g}{more}. Mend the source, raise "
        f"{key}, or set checks.quality.stops_from after the date"
    )


def _counts(day: date, rules: QualityRules) -> bool:
    return rules.stops_from is None or day >= rules.stops_from


def _with(rows: pa.Table, severity: str) -> pa.Table:
    return rows.filter(pc.equal(rows.column("severity"), severity))


def _line(group: Sequence[Row]) -> str:
    newest = group[-1]
    dates = f"on {newest['date']}" if len(group) == 1 else f"on {len(group)} dates, the newest {newest['date']}"
    return f"data quality of {newest['source']} {dates}: {_what(newest)}"


def _what(row: Row) -> str:
    """What a row found: the measure, its value, and the entry that is furthest off."""
    measure, value, found = row["measure"], row["value"], row["found"]
    shown = f": {_shown(found[0])}" if found else ""
    shown += f" and {row['n_found'] - 1:,} more" if measure not in COVERAGE and measure != "rejected" and row["n_found"] > 1 else ""
    if measure in COVERAGE:
        had = found[0]["value"] if found else row["n_found"]
        return f"{measure}, {row['n_found']:,} assets after {had:,.0f} {COVERAGE[measure]} ({value:.1%} fewer)"
    if measure in SHARES:
        return f"{measure}, {value:.2%} of the {SHARES[measure]}{shown}"
    return f"{measure}{shown}" if found else f"{measure} is {value:g}"


def _shown(one: Row) -> str:
    """An entry in words; one without a value is beyond what a number can hold."""
    value = "" if one["value"] is None else f" {one['value']:.6g}"
    return f"{one['name']}{value}{', ' if one['detail'] else ''}{one['detail']}"
