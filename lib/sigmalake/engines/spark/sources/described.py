"""Descriptors and industry shares beside a source of exposures: an asset's row of a date meets those of the same date."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from sigmalake.engines.spark.listed_rows import listed_rows

HASH = "_descriptors_hash"  # what the descriptors of the row were computed from: their numbers may differ in the last bit
SHARES = "_industry_shares"  # a map, industry to share
SHARES_HASH = "_industry_shares_hash"
_PENDING = "_pending"


def column_of(descriptor: str) -> str:
    """The column that a descriptor has beside a source, which may have one of that name itself."""
    return f"_descriptor_{descriptor}"


class DescribedShares(NamedTuple):
    """The industry shares that stand beside the exposures."""

    rows: DataFrame | None  # of `industry_shares`; None: there are none yet
    pending: Mapping[date, str]  # hash of the dates still to be computed, for a plan: no company is taken to lack shares then

    def beside(self, frame: DataFrame, day: Column, asset_id: Column) -> DataFrame:
        """The frame with `SHARES`, null where a company has none, and `SHARES_HASH`.

        On a date to be computed shares that are stored stand for those to come, so that a plan numbers the industries alike.
        """
        found = None if self.rows is None else _shares_by_asset(self.rows)
        joined = _joined(frame, day, asset_id, found, {SHARES: "map<string,double>", SHARES_HASH: "string"}, self.pending)
        unknown = F.map_from_entries(F.array().cast("array<struct<industry:string,share:double>>"))
        shares = F.coalesce(SHARES, F.when(F.col(_PENDING).isNotNull(), unknown))
        return joined.withColumns({SHARES: shares, SHARES_HASH: F.coalesce(_PENDING, SHARES_HASH)}).drop(_PENDING)


class Described(NamedTuple):
    """The descriptors and the industry shares that stand beside the exposures."""

    columns: Sequence[str]  # of the library: what the styles use
    rows: DataFrame | None  # of `descriptors`; None: there are none yet
    pending: Mapping[date, str]  # hash of the dates still to be described, for a plan: every asset is taken to have them all
    shares: DescribedShares | None = None  # None: no group is made of segments

    @property
    def hashes(self) -> list[str]:
        """The columns that say what a row's descriptors and shares were computed from."""
        return [*([HASH] if self.columns else []), *([SHARES_HASH] if self.shares else [])]

    def beside(self, frame: DataFrame, day: Column, asset_id: Column) -> DataFrame:
        """The frame with a column a descriptor, null where there is none, and `HASH`; and what `DescribedShares` adds."""
        described = self._with_descriptors(frame, day, asset_id) if self.columns else frame
        return described if self.shares is None else self.shares.beside(described, day, asset_id)

    def _with_descriptors(self, frame: DataFrame, day: Column, asset_id: Column) -> DataFrame:
        found = None if self.rows is None else _long(self.rows, self.columns)
        added = {**{column_of(name): "double" for name in self.columns}, HASH: "string"}
        joined = _joined(frame, day, asset_id, found, added, self.pending)
        planned = F.col(_PENDING).isNotNull()
        taken = {column_of(name): F.when(planned, 0.0).otherwise(F.col(column_of(name))) for name in self.columns}
        return joined.withColumns({**taken, HASH: F.coalesce(_PENDING, HASH)}).drop(_PENDING)


def _joined(
    frame: DataFrame, day: Column, asset_id: Column, found: DataFrame | None, added: Mapping[str, str], pending: Mapping[date, str]
) -> DataFrame:
    """The frame with these columns of an asset on a date, null where there is none, and the date's hash in `_PENDING`."""
    keyed = frame.withColumns({"_described_date": day, "_described_asset": asset_id})
    on_date = F.col("_described_date") == F.col("_date")
    if found is not None:
        keyed = keyed.join(found, [on_date, F.col("_described_asset") == F.col("_asset")], "left").drop("_date", "_asset")
    else:
        keyed = keyed.withColumns({name: F.lit(None).cast(kind) for name, kind in added.items()})
    if pending:
        planned = listed_rows(frame.sparkSession, sorted(pending.items()), f"_date date, {_PENDING} string")
        keyed = keyed.join(F.broadcast(planned), on_date, "left").drop("_date")
    else:
        keyed = keyed.withColumn(_PENDING, F.lit(None).cast("string"))
    return keyed.drop("_described_date", "_described_asset")


def _long(rows: DataFrame, columns: Sequence[str]) -> DataFrame:
    """A row a date and asset."""
    zipped = rows.select("date", "inputs_hash", F.explode(F.arrays_zip("asset_id", *columns)).alias("a"))
    numbers = (F.col(f"a.{name}").alias(column_of(name)) for name in columns)
    return zipped.select(
        F.col("date").alias("_date"), F.col("a.asset_id").alias("_asset"), F.col("inputs_hash").alias(HASH), *numbers
    )


def _shares_by_asset(rows: DataFrame) -> DataFrame:
    """A row a date and company."""
    zipped = rows.select("date", "inputs_hash", F.explode(F.arrays_zip("asset_id", "industry", "share")).alias("a"))
    key = [F.col("date").alias("_date"), F.col("a.asset_id").alias("_asset")]
    shares = F.map_from_entries(F.collect_list(F.struct("a.industry", "a.share"))).alias(SHARES)
    return zipped.groupBy(*key).agg(F.first("inputs_hash").alias(SHARES_HASH), shares)
