"""What a source holds on each date, in a few numbers: an order-free hash, counts, and the levels of its categories."""

from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from sigmalake.config import Location
from sigmalake.spark.checking import accepted


class DatePrint(NamedTuple):
    """A source on one date."""

    rows: int  # source rows
    rejected: int  # of these, with a problem
    content: str  # changes when any row is restated, added or removed; the order of rows does not matter


def fingerprint(rows: DataFrame) -> dict[date | None, DatePrint]:
    """Every date of a source; None holds the rows whose date is unreadable. One pass, a row a date comes back."""
    found = rows.groupBy("date").agg(
        F.sum("source_rows").alias("rows"),
        F.sum(F.when(F.size("problems") > 0, F.col("source_rows")).otherwise(0)).alias("rejected"),
        F.sum(F.shiftright("row_hash", 32)).alias("high"),  # halves of 32 bits: their sums do not overflow
        F.sum(F.col("row_hash").bitwiseAND(F.lit(0xFFFFFFFF))).alias("low"),
    )
    return {
        row["date"]: DatePrint(row["rows"], row["rejected"], f"{row['rows']}:{row['rejected']}:{row['high']}:{row['low']}")
        for row in found.collect()
    }


def first_dates_of_levels(rows: DataFrame) -> dict[int, dict[str, date]]:
    """For each membership group, the first date of each level among the accepted rows."""
    member = accepted(rows).select("date", F.explode("members").alias("m"))
    found = member.groupBy(F.col("m.group").alias("group"), F.col("m.level").alias("level")).agg(F.min("date").alias("first"))
    levels: dict[int, dict[str, date]] = {}
    for row in found.collect():
        levels.setdefault(row["group"], {})[row["level"]] = row["first"]
    return levels


def location_version(spark: SparkSession, place: Location) -> str:
    """A source's version, read without its rows: Delta's version, or its files' sizes and times; "" where that is unknown."""
    if place.table is not None:
        try:
            kind = spark.sql(f"DESCRIBE TABLE EXTENDED {place.table}").where("col_name = 'Provider'").collect()
        except AnalysisException:  # no such table: told where it is read
            return ""
        if not kind or kind[0]["data_type"] != "delta":
            return ""
        return f"{place.table}@{spark.sql(f'DESCRIBE HISTORY {place.table} LIMIT 1').collect()[0]['version']}"
    path = Path(place.path or "")
    if "://" in (place.path or "") or not path.exists():
        return ""
    if place.read_as == "delta":
        path = path / "_delta_log"
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    listed = "\n".join(f"{f} {f.stat().st_size} {f.stat().st_mtime_ns}" for f in files if f.is_file())
    return sha256(listed.encode()).hexdigest()[:16]
