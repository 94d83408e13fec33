"""What a source holds on each date, told from a sum of row hashes: the order of rows and of files does not matter."""

import os
from collections.abc import Iterable, Mapping
from datetime import date
from functools import reduce
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from pyspark.errors import AnalysisException
from pyspark.sql import Column, SparkSession
from pyspark.sql import functions as F

from sigmalake.config.sources import Location
from sigmalake.engines.spark.sources.checking import Half, selected
from sigmalake.tasks.sources.exchange_rates import currency_in

CURRENCIES = -1  # in the place of a membership group, of the currencies that a half's rows are in
LEVELS = "array<struct<group:int,level:string>>"


class FilePrint(NamedTuple):
    """The rows of one date in one file."""

    file: str | None  # as Spark names it; null where the source's files cannot be told
    date: date | None  # null: unreadable
    rows: int  # source rows
    rejected: int  # of these, with a problem
    high: int  # sums over the halves of the row hashes
    low: int
    levels: list[tuple[int, str]]  # of each membership group that learns them, and `CURRENCIES`


class DatePrint(NamedTuple):
    """A source on one date."""

    rows: int
    rejected: int
    content: str  # changes when any row is restated, added or removed


Prints = dict[date | None, DatePrint]
"""A source by date; None holds the rows whose date is unreadable."""


def fingerprint(halves: Mapping[str, Half], learning: Iterable[int] = ()) -> dict[str, list[FilePrint]]:
    """Every file and date of a source by half, in one pass; a row of each comes back.

    Args:
        halves: of one frame; "exposures" may learn levels.
        learning: positions of the membership groups whose levels are learned from the data.
    """
    some = next(iter(halves.values()))
    columns = {name: some.columns[name] for name in ("file", "date", "source_rows")}
    for half, found in halves.items():
        columns |= {f"{half}_hash": found.columns["row_hash"], f"{half}_usable": found.columns["usable"]}
        if (levels := _levels(half, found.columns, list(learning))) is not None:
            columns[f"{half}_levels"] = levels
    flat = selected(some.frame, columns)
    printed = flat.groupBy("file", "date").agg(*(_sums(half, f"{half}_levels" in columns).alias(half) for half in halves))
    rows = printed.toArrow().to_pylist()
    return {half: file_prints({**row, **row[half]} for row in rows) for half in halves}


def _sums(half: str, has_levels: bool) -> Column:
    count, row_hash, usable = (F.col(name) for name in ("source_rows", f"{half}_hash", f"{half}_usable"))
    found = F.collect_set(F.when(usable, F.col(f"{half}_levels"))) if has_levels else F.lit(None)
    return F.struct(
        F.sum(count).alias("rows"),
        F.sum(F.when(usable, 0).otherwise(count)).alias("rejected"),
        F.sum(F.shiftright(row_hash, 32)).alias("high"),  # halves of 32 bits: their sums do not overflow
        F.sum(row_hash.bitwiseAND(F.lit(0xFFFFFFFF))).alias("low"),
        (F.array_distinct(F.flatten(found)) if has_levels else found).cast(LEVELS).alias("levels"),
    )


def _levels(half: str, columns: Mapping[str, Column], learning: list[int]) -> Column | None:
    """A row's levels, of the groups that learn them, and its currency; None where no row tells any."""
    found = []
    if half == "exposures" and learning:
        for group in learning:
            if (level := columns.get(f"level_{group}")) is not None:
                one = F.array(F.struct(F.lit(group).alias("group"), level.alias("level")))
                found.append(F.when(level.isNull(), F.array().cast(LEVELS)).otherwise(one))
        if "members" in columns:
            learned = F.filter(columns["members"], lambda m: m["group"].isin(learning))
            found.append(F.transform(learned, lambda m: F.struct(m["group"].alias("group"), m["level"].alias("level"))))
    if (currency := currency_in(columns)) is not None:
        found.append(F.array(F.struct(F.lit(CURRENCIES).alias("group"), columns[currency].alias("level"))))
    return reduce(F.concat, found) if found else None


def file_prints(rows: Iterable[Mapping[str, Any]]) -> list[FilePrint]:
    """Prints from rows as Arrow gives them."""
    return [
        FilePrint(
            row["file"], row["date"], row["rows"], row["rejected"], row["high"], row["low"],
            [(level["group"], level["level"]) for level in row["levels"] or ()],
        )
        for row in rows
    ]  # fmt: skip


def by_date(prints: Iterable[FilePrint]) -> dict[date | None, DatePrint]:
    """The prints of all files added up; None holds the rows whose date is unreadable."""
    sums: dict[date | None, list[int]] = {}
    for found in prints:
        total = sums.setdefault(found.date, [0, 0, 0, 0])
        for i, number in enumerate((found.rows, found.rejected, found.high, found.low)):
            total[i] += number
    return {day: DatePrint(total[0], total[1], ":".join(map(str, total))) for day, total in sums.items()}


def first_dates_of_levels(prints: Iterable[FilePrint]) -> dict[int, dict[str, date]]:
    """For each membership group, the first date of each level among the accepted rows."""
    first: dict[int, dict[str, date]] = {}
    for found in prints:
        if (day := found.date) is not None:
            for group, level in found.levels:
                known = first.setdefault(group, {})
                known[level] = min(day, known.get(level, day))
    return first


def currencies_by_date(prints: Iterable[FilePrint]) -> dict[date, set[str]]:
    """The currencies that the accepted rows of each date are in."""
    found: dict[date, set[str]] = {}
    for of_file in prints:
        if of_file.date is not None:
            found.setdefault(of_file.date, set()).update(level for group, level in of_file.levels if group == CURRENCIES)
    return found


def location_version(spark: SparkSession, place: Location) -> str:
    """A source's version, read without its rows: Delta's version, or its files' sizes and times; "" where that is unknown."""
    if place.table is not None:
        try:
            kind = spark.sql(f"DESCRIBE TABLE EXTENDED {place.table}").where("col_name = 'Provider'").collect()
        except AnalysisException:  # no such table: told where it is read
            return ""
        if not kind or kind[0]["data_type"] != "delta":
            return ""
        history = spark.sql(f"DESCRIBE HISTORY {place.table} LIMIT 1").selectExpr("version", "unix_millis(timestamp) AS at")
        newest = history.collect()[0]
        return f"{place.table}@{newest['version']}:{newest['at']}"  # a table made anew counts its versions from 0 again
    path = Path(place.path or "")
    if "://" in (place.path or "") or not path.exists():
        return ""
    if place.read_as == "delta":
        path = path / "_delta_log"
    files = sorted(Path(folder, name) for folder, _, names in os.walk(path, followlinks=True) for name in names) or [path]
    listed = "\n".join(f"{f} {f.stat().st_size} {f.stat().st_mtime_ns}" for f in files if f.is_file())
    return sha256(listed.encode()).hexdigest()[:16]
