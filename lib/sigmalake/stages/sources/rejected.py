"""What `rejected_rows` holds, counted by source and date: a Python object for each date, none for each row."""

from collections.abc import Collection, Mapping
from datetime import date

from sigmalake.lake.dates import envelope, single_days
from sigmalake.lake.lake import Lake
from sigmalake.tables.records import REJECTED_ROWS


def rejected_dates(lake: Lake) -> dict[str, set[date | None]]:
    """The dates of each source that has rejected rows; None for those whose date is unreadable."""
    found: dict[str, set[date | None]] = {}
    for row in lake.columns(REJECTED_ROWS, ["source", "date"]).group_by(["source", "date"]).aggregate([]).to_pylist():
        found.setdefault(row["source"], set()).add(row["date"])
    return found


def count_rejected(lake: Lake, dates: Mapping[str, Collection[date]]) -> dict[tuple[str, date | None], int]:
    """The source rows that were rejected, by source and date: of the dates of each source, and of those that are unreadable.

    Args:
        lake: holds `rejected_rows`.
        dates: by the source's name there; of a source that is not named, only unreadable dates count.
    """
    key = ["source", "date", "row_hash", "copy"]
    asked = envelope(single_days(day for days in dates.values() for day in days))
    rows = lake.columns(REJECTED_ROWS, [*key, "source_rows"], asked)
    once = rows.group_by(key).aggregate([("source_rows", "max")])  # a row has a line for each of its problems
    counted = once.group_by(["source", "date"]).aggregate([("source_rows_max", "sum")]).to_pylist()
    return {
        (row["source"], row["date"]): row["source_rows_max_sum"]
        for row in counted
        if row["date"] is None or row["date"] in dates.get(row["source"], ())
    }
