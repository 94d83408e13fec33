"""A date becomes a row: exposures and the next date's returns, grouped once and packed into arrays.

All in the JVM and in one shuffle: both halves go to the partition of their panel date, are sorted by date and asset, meet in one
row an asset, and are collected into one row a date. A task holds the dates of one partition, sorted; its largest state is one date.
"""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from sigmalake.spark.checking import Reason, accepted


class PanelRow(NamedTuple):
    """What the driver knows of a panel row before its arrays are packed."""

    part: int  # partition, and so file, that it goes to
    exposure_date: date
    return_date: date | None
    exposures_from: date | None  # date of the exposures' source rows
    caps_from: date | None  # date of the caps' source rows, where caps lie apart
    exposures_age: int
    factor_set: str
    first_factor: list[int]  # of each membership group, its first position in the factor set
    inputs_hash: str
    exposures_hash: str


PANEL_ROW = (
    "part int, exposure_date date, return_date date, exposures_from date, caps_from date, exposures_age int, factor_set string, "
    "first_factor array<int>, inputs_hash string, exposures_hash string"
)


class Sourced(NamedTuple):
    """The checked rows of each source."""

    exposures: DataFrame
    returns: DataFrame
    caps: DataFrame | None


def plan_frame(spark: SparkSession, rows: Sequence[PanelRow]) -> DataFrame:
    """The planned rows, shipped to every task: a few dozen bytes a date."""
    return F.broadcast(spark.createDataFrame([tuple(row) for row in rows], PANEL_ROW))


def pack(plan: DataFrame, sourced: Sourced, level_ranks: Sequence[dict[str, int]], parts: int) -> DataFrame:
    """The planned rows of `panel`.

    Args:
        plan: from `plan_frame`.
        sourced: checked rows of every source.
        level_ranks: for each membership group, the rank of each level.
        parts: number of partitions.
    """
    met = _meet(plan, sourced, parts)
    asset = F.struct(
        "asset_id", "ret", "cap", F.col("x.weight").alias("weight"), F.col("x.in_estimation").alias("in_estimation"),
        F.col("x.issuer_id").alias("issuer_id"), F.col("x.styles").alias("styles"), F.col("x.members").alias("members"),
    )  # fmt: skip
    used = F.col("usable")
    grouped = met.groupBy("part", "exposure_date").agg(
        F.sort_array(F.collect_list(F.when(used, asset))).alias("assets"),  # null, not usable, is not collected
        F.count_if(used & F.col("ret").isNotNull()).cast("int").alias("n_returns"),
        F.count_if(used & F.col("ret").isNull() & (F.col("n_valid_returns") == 1)).cast("int").alias("n_missing"),
        F.sum(F.when(F.col("asset_id").isNull(), 0).when(~used, F.col("n_valid_returns")).otherwise(0))
        .cast("int")
        .alias("n_unmatched"),
        F.sum("n_conflicts").cast("int").alias("n_conflicts"),
    )
    ranks = [
        F.create_map(*(F.lit(x) for pair in levels.items() for x in pair)) if levels else F.lit(None) for levels in level_ranks
    ]
    return _as_panel(grouped.join(plan.drop("part"), "exposure_date"), ranks)


def conflicts(plan: DataFrame, serving: DataFrame, sourced: Sourced) -> DataFrame:
    """The rows that packing rejects: keys given more than once, and assets without a cap where caps lie apart.

    Args:
        plan: the rows that were packed.
        serving: these, and the others that carry the same exposures forward.
        sourced: checked rows of every source.

    Returns:
        `half` (exposures, returns or caps), `date`, `asset_id`, `row_hash`, `source_rows`, `reason`.
    """
    found = [_repeated(sourced.exposures, "exposures", plan.select(F.col("exposures_from").alias("date")))]
    found.append(_repeated(sourced.returns, "returns", plan.select(F.col("return_date").alias("date"))))
    if sourced.caps is not None:
        found.append(_repeated(sourced.caps, "caps", plan.select(F.col("caps_from").alias("date"))))
        found.append(_without_cap(serving, sourced.exposures, sourced.caps))
    union = found[0]
    for more in found[1:]:
        union = union.unionByName(more)
    return union


def _meet(plan: DataFrame, sourced: Sourced, parts: int) -> DataFrame:
    """One row an asset and panel date, from the halves that carry it; and one without an asset for each planned date."""
    x = F.struct("weight", "in_estimation", "issuer_id", "styles", "members")
    exposures = _half(plan, sourced.exposures, "exposures_from").select(
        *_KEYS, F.col("row_hash").alias("hx"), x.alias("x"), F.col("cap").alias("cap_x")
    )
    returns = _half(plan, sourced.returns, "return_date").select(*_KEYS, F.col("row_hash").alias("hr"), "ret")
    union = exposures.unionByName(returns, allowMissingColumns=True)
    if sourced.caps is not None:
        caps = _half(plan, sourced.caps, "caps_from").select(*_KEYS, F.col("row_hash").alias("hc"), F.col("cap").alias("cap_c"))
        union = union.unionByName(caps, allowMissingColumns=True)
    else:
        union = union.withColumns({"hc": F.lit(None).cast("bigint"), "cap_c": F.lit(None).cast("double")})
    union = union.unionByName(plan.select("part", "exposure_date"), allowMissingColumns=True)
    met = union.repartitionById(parts, "part").groupBy(*_KEYS).agg(
        *(F.count(h).alias(f"n_{h}") for h in _HASHES),
        *((F.min(h) == F.max(h)).alias(f"same_{h}") for h in _HASHES),
        *(F.first(c, ignorenulls=True).alias(c) for c in ("x", "cap_x", "ret", "cap_c")),
    )  # fmt: skip
    return _judge(met, caps_apart=sourced.caps is not None)


_KEYS = ("part", "exposure_date", "asset_id")
_HASHES = ("hx", "hr", "hc")


def _judge(met: DataFrame, *, caps_apart: bool) -> DataFrame:
    """Which assets are usable, and how many source rows are rejected. Of equal copies one is used, of unequal none."""
    one = {h: (F.col(f"n_{h}") > 0) & F.col(f"same_{h}") for h in _HASHES}
    extra = [
        F.when(F.col(f"n_{h}") <= 1, 0).when(F.col(f"same_{h}"), F.col(f"n_{h}") - 1).otherwise(F.col(f"n_{h}")) for h in _HASHES
    ]
    capless = one["hx"] & ~F.coalesce(one["hc"], F.lit(False)) if caps_apart else F.lit(False)
    usable = F.coalesce(one["hx"], F.lit(False)) & ~F.coalesce(capless, F.lit(False))
    return met.select(
        *_KEYS,
        usable.alias("usable"),
        F.when(one["hr"], F.col("ret")).alias("ret"),
        (F.col("cap_c") if caps_apart else F.col("cap_x")).alias("cap"),
        "x",
        F.when(one["hr"], 1).otherwise(0).alias("n_valid_returns"),
        (extra[0] + extra[1] + extra[2] + F.when(capless, 1).otherwise(0)).alias("n_conflicts"),
    )


def _as_panel(grouped: DataFrame, ranks: Sequence[Column]) -> DataFrame:
    def of(field: str) -> Column:
        return F.col("assets").getField(field)

    def present(field: str) -> Column:
        return F.when(~F.forall(of(field), lambda value: value.isNull()), of(field))

    group_ranks = F.array(*ranks) if ranks else F.array()

    def placed(asset: Column, position: Column) -> Column:
        return F.transform(
            asset["members"],
            lambda m: F.struct(
                position.cast("int").alias("asset"),
                (F.element_at(F.col("first_factor"), m["group"] + 1) + F.try_element_at(F.get(group_ranks, m["group"]), m["level"]))
                .cast("int")
                .alias("factor"),
                m["share"].alias("share"),
            ),
        )

    members = (
        F.flatten(F.transform("assets", placed)) if ranks else F.array().cast("array<struct<asset:int,factor:int,share:double>>")
    )
    return grouped.withColumn("m", members).select(
        "exposure_date", "return_date", "exposures_age", "factor_set", "inputs_hash", "exposures_hash",
        F.size("assets").alias("n_assets"), "n_returns", "n_missing", "n_unmatched", "n_conflicts",
        of("asset_id").alias("asset_id"),
        of("ret").alias("ret"),
        present("cap").alias("cap"),
        present("weight").alias("weight_column"),
        of("in_estimation").alias("in_estimation"),
        present("issuer_id").alias("issuer_id"),
        F.flatten(of("styles")).alias("styles"),
        F.col("m.asset").alias("member_assets"),
        F.col("m.factor").alias("member_factors"),
        F.col("m.share").alias("member_shares"),
    )  # fmt: skip


def _half(plan: DataFrame, rows: DataFrame, dated: str) -> DataFrame:
    at = plan.where(F.col(dated).isNotNull()).select("part", "exposure_date", F.col(dated).alias("date"))
    return accepted(rows).join(F.broadcast(at), "date")


def _repeated(rows: DataFrame, half: str, dates: DataFrame) -> DataFrame:
    key = Window.partitionBy("date", "asset_id")
    counted = accepted(rows).join(F.broadcast(dates.distinct()), "date").select(
        F.lit(half).alias("half"), "date", "asset_id", "row_hash", "source_rows",
        F.count("*").over(key).alias("n"),
        (F.min("row_hash").over(key) == F.max("row_hash").over(key)).alias("same"),
        F.row_number().over(key.orderBy("row_hash")).alias("copy"),
    )  # fmt: skip
    reason = F.when(~F.col("same"), Reason.CONFLICTING_COPIES.value).when(F.col("copy") > 1, Reason.IDENTICAL_COPY.value)
    return counted.where(F.col("n") > 1).withColumn("reason", reason).where(F.col("reason").isNotNull()).drop("n", "same", "copy")


def _without_cap(plan: DataFrame, exposures: DataFrame, caps: DataFrame) -> DataFrame:
    """Exposures that no cap stands beside on some date that they serve; conflicting ones are rejected as such already."""
    pairs = plan.where(F.col("exposures_from").isNotNull()).select(F.col("exposures_from").alias("date"), "caps_from")
    single = (
        accepted(exposures)
        .join(F.broadcast(pairs.select("date").distinct()), "date")
        .groupBy("date", "asset_id")
        .agg(F.min("row_hash").alias("row_hash"), F.max("row_hash").alias("top"), F.first("source_rows").alias("source_rows"))
        .where("row_hash = top")
    )
    priced = (
        accepted(caps)
        .groupBy(F.col("date").alias("caps_from"), "asset_id")
        .agg(F.countDistinct("row_hash").alias("n"))
        .where("n = 1")
        .drop("n")
    )
    capless = single.join(F.broadcast(pairs), "date").join(priced, ["caps_from", "asset_id"], "left_anti")
    return capless.select(
        F.lit("exposures").alias("half"),
        "date",
        "asset_id",
        "row_hash",
        "source_rows",
        F.lit(Reason.NO_CAP.value).alias("reason"),
    ).distinct()
