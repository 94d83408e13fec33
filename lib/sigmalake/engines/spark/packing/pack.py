"""A date becomes a row: exposures and the next date's returns, brought together once and packed into arrays.

Every source row goes to the tasks that pack its date, in one shuffle; a row of a wide panel carries both halves and goes once.
A task holds the source rows of one file of the panel (some dozen dates, `FILE_BYTES` bounds it) as Arrow columns, and packs them
with `pack_dates`; the driver ships what it knows of each panel row, a few dozen bytes a date.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial, reduce
from typing import NamedTuple

import pyarrow as pa
from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from sigmalake.engines.spark.listed_rows import listed_rows
from sigmalake.engines.spark.sources.checking import PROBLEM, Half, accepted, selected
from sigmalake.numerics.exposures.build_styles import StyleRecipe
from sigmalake.tables.packed import PANEL
from sigmalake.tasks.packing.checked_columns import TAKEN
from sigmalake.tasks.packing.packed_dates import PanelRow, pack_dates
from sigmalake.tasks.sources.checking import Reason

PANEL_ROW = (
    "part int, exposure_date date, return_date date, exposures_from date, caps_from date, exposures_age int, factor_set string, "
    "first_factor array<int>, inputs_hash string, exposures_hash string, opening date"
)
ROWS_A_BATCH = 1 << 15  # of source rows on their way to Python
DATES_A_BATCH = 8  # of packed rows on their way back


class Sourced(NamedTuple):
    """The checked rows of each half, by source: halves of one source's rows go together."""

    sources: Sequence[Mapping[str, Half]]  # halves: exposures, returns, caps

    def half(self, name: str) -> DataFrame | None:
        """The checked rows of one half."""
        return next((halves[name].rows for halves in self.sources if name in halves), None)


def plan_frame(spark: SparkSession, rows: Sequence[PanelRow]) -> DataFrame:
    """The planned rows, shipped to every task: a few dozen bytes a date."""
    return F.broadcast(listed_rows(spark, [tuple(row) for row in rows], PANEL_ROW))


def pack(
    spark: SparkSession,
    plan: Sequence[PanelRow],
    sourced: Sourced,
    level_ranks: Sequence[dict[str, int]],
    recipe: StyleRecipe | None,
) -> DataFrame:
    """The planned rows of `panel`.

    Args:
        spark: the session.
        plan: the rows; their parts count from 0.
        sourced: checked rows of every source.
        level_ranks: for each membership group, the rank of each level.
        recipe: of the styles; None where all are as given.
    """
    parts: dict[int, list[PanelRow]] = {}
    for row in plan:
        parts.setdefault(row.part, []).append(row)
    caps_apart = any("caps" in halves for halves in sourced.sources)
    destinations = F.broadcast(_destinations(spark, plan))
    sent = [_sent(halves).join(destinations, "date") for halves in sourced.sources]
    every_part = listed_rows(spark, [(part,) for part in parts], "part int")  # also those without a source row
    union = reduce(partial(DataFrame.unionByName, allowMissingColumns=True), [*sent, every_part])
    spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", str(ROWS_A_BATCH))
    schema = ", ".join(f"{c.name} {c.type}" for c in PANEL.columns)
    return union.repartitionById(len(parts), "part").mapInArrow(_packing(parts, level_ranks, recipe, caps_apart=caps_apart), schema)


def _packing(
    parts: Mapping[int, Sequence[PanelRow]], level_ranks: Sequence[dict[str, int]], recipe: StyleRecipe | None, *, caps_apart: bool
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def pack_part(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        if (first := next(batches, None)) is None:
            return
        rows = pa.Table.from_batches([first, *batches])
        part = rows.column("part")[0].as_py()
        yield from pack_dates(rows, parts[part], level_ranks, recipe, caps_apart=caps_apart).to_batches(DATES_A_BATCH)

    return pack_part


def _destinations(spark: SparkSession, plan: Sequence[PanelRow]) -> DataFrame:
    """The dates of the sources and the parts that their rows go to, mostly one."""
    dated = ((day, row.part) for row in plan for day in (row.return_date, row.exposures_from, row.caps_from, row.opening))
    return listed_rows(spark, sorted({(day, part) for day, part in dated if day is not None}), "date date, part int")


def _sent(halves: Mapping[str, Half]) -> DataFrame:
    """The rows of one source, in the columns of `checked_columns` that it gives."""
    some = next(iter(halves.values()))
    hashes = {f"{name}_hash": F.when(half.columns["usable"], half.columns["row_hash"]) for name, half in halves.items()}
    payload = {"date": some.columns["date"], "asset_id": some.columns["asset_id"], **hashes}
    if "exposures" in halves:
        exposures = halves["exposures"].columns
        payload |= {name: column for name, column in exposures.items() if name in TAKEN or name.startswith(("style_", "level_"))}
        if "members" in exposures:
            payload |= {f"member_{name}s": exposures["members"][name] for name in ("group", "level", "share")}
    if "returns" in halves:
        payload["ret"] = halves["returns"].columns["ret"]
    if "caps" in halves:
        payload["cap_apart"] = halves["caps"].columns["cap"]
    return selected(some.frame, payload)


def conflicts(plan: DataFrame, serving: DataFrame, sourced: Sourced, packed: DataFrame | None) -> DataFrame:
    """The rows that packing rejects: keys given more than once, assets without a cap where caps lie apart, styles too far out.

    Args:
        plan: the rows that were packed.
        serving: these, and the others that carry the same exposures forward.
        sourced: checked rows of every source.
        packed: the panel, where styles are standardised here.

    Returns:
        `half` (exposures, returns or caps), `date`, `asset_id`, `row_hash`, `source_rows`, `problems`.
    """
    dated = {"exposures": ("exposures_from",), "returns": ("return_date", "opening"), "caps": ("caps_from",)}
    rows = {half: frame for half in dated if (frame := sourced.half(half)) is not None}
    found = [repeated(frame, half, plan.select(F.explode(F.array(*dated[half])).alias("date"))) for half, frame in rows.items()]
    refused = []
    if "caps" in rows:
        refused.append(_without_cap(serving, rows["exposures"], rows["caps"]))
    if packed is not None:
        refused.append(_too_far(serving, rows["exposures"], packed))
    if refused:
        by_row = reduce(DataFrame.unionByName, refused).groupBy("date", "asset_id", "row_hash", "source_rows")
        problems = F.array_sort(F.collect_set("problem")).alias("problems")
        found.append(by_row.agg(problems).withColumn("half", F.lit("exposures")))
    return reduce(DataFrame.unionByName, found)


def _key_problem(reason: Column) -> Column:
    return F.struct(F.lit("key"), reason, F.lit(None).cast("string")).cast(PROBLEM)


def repeated(rows: DataFrame, half: str, dates: DataFrame, keys: Sequence[str] = ("date", "asset_id")) -> DataFrame:
    """Accepted rows whose key is given more than once: of equal copies all but one, of unequal ones all."""
    key = Window.partitionBy(*keys)
    counted = accepted(rows).join(F.broadcast(dates.distinct()), "date").select(
        F.lit(half).alias("half"), "date", "asset_id", "row_hash", "source_rows",
        F.count("*").over(key).alias("n"),
        (F.min("row_hash").over(key) == F.max("row_hash").over(key)).alias("same"),
        F.row_number().over(key.orderBy("row_hash")).alias("copy"),
    )  # fmt: skip
    reason = F.when(~F.col("same"), Reason.CONFLICTING_COPIES.value).when(F.col("copy") > 1, Reason.IDENTICAL_COPY.value)
    wrong = counted.where(F.col("n") > 1).withColumn("reason", reason).where(F.col("reason").isNotNull())
    return wrong.withColumn("problems", F.array(_key_problem(F.col("reason")))).drop("n", "same", "copy", "reason")


def _used(exposures: DataFrame, dates: DataFrame) -> DataFrame:
    """The rows that packing takes: of equal copies one, of unequal ones, which are rejected as such, none."""
    return (
        accepted(exposures)
        .join(F.broadcast(dates.distinct()), "date")
        .groupBy("date", "asset_id")
        .agg(F.min("row_hash").alias("row_hash"), F.max("row_hash").alias("top"), F.first("source_rows").alias("source_rows"))
        .where("row_hash = top")
        .drop("top")
    )


def _without_cap(plan: DataFrame, exposures: DataFrame, caps: DataFrame) -> DataFrame:
    """Exposures that no cap stands beside on some date that they serve."""
    pairs = plan.where(F.col("exposures_from").isNotNull()).select(F.col("exposures_from").alias("date"), "caps_from")
    priced = (
        accepted(caps)
        .groupBy(F.col("date").alias("caps_from"), "asset_id")
        .agg(F.countDistinct("row_hash").alias("n"))
        .where("n = 1")
        .drop("n")
    )
    single = _used(exposures, pairs.select("date"))
    capless = single.join(F.broadcast(pairs), "date").join(priced, ["caps_from", "asset_id"], "left_anti")
    return capless.select("date", "asset_id", "row_hash", "source_rows", _key_problem(F.lit(Reason.NO_CAP.value)).alias("problem"))


def _too_far(plan: DataFrame, exposures: DataFrame, packed: DataFrame) -> DataFrame:
    """Exposures without a style that their row must have, because its value was removed on some date that they serve."""
    serving = plan.select("exposure_date", F.col("exposures_from").alias("date"))
    removed = packed.select("exposure_date", F.inline("style_rejects")).join(F.broadcast(serving), "exposure_date")
    reason, value = F.lit(Reason.TOO_FAR.value), F.col("value").cast("string")
    listed = removed.select("date", "asset_id", F.struct("column", reason, value).cast(PROBLEM).alias("problem")).distinct()
    return _used(exposures, serving.select("date")).join(listed, ["date", "asset_id"])
