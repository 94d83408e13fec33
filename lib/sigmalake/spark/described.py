"""Descriptors beside a source of exposures: an asset's row of a date meets its descriptors of the same date."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

HASH = "_descriptors_hash"  # what the descriptors of the row were computed from: their numbers may differ in the last bit


def column_of(descriptor: str) -> str:
    """The column that a descriptor has beside a source, which may have one of that name itself."""
    return f"_descriptor_{descriptor}"


class Described(NamedTuple):
    """The descriptors that stand beside the exposures."""

    columns: Sequence[str]  # of the library: what the styles use
    rows: DataFrame | None  # of `descriptors`; None: there are none yet
    pending: Mapping[date, str]  # hash of the dates still to be described, for a plan: every asset is taken to have them all

    def beside(self, frame: DataFrame, day: Column, asset_id: Column) -> DataFrame:
        """The frame with a column a descriptor, null where there is none, and `HASH`."""
        spark = frame.sparkSession
        keyed = frame.withColumns({"_described_date": day, "_described_asset": asset_id})
        if self.rows is not None:
            at = [F.col("_described_date") == F.col("_date"), F.col("_described_asset") == F.col("_asset")]
            keyed = keyed.join(_long(self.rows, self.columns), at, "left").drop("_date", "_asset")
        else:
            nothing = {column_of(name): F.lit(None).cast("double") for name in self.columns}
            keyed = keyed.withColumns({**nothing, HASH: F.lit(None).cast("string")})
        if self.pending:
            rows = spark.createDataFrame(sorted(self.pending.items()), "_date date, _pending string")
            keyed = keyed.join(F.broadcast(rows), F.col("_described_date") == F.col("_date"), "left")
            planned = F.col("_pending").isNotNull()
            taken = {column_of(name): F.when(planned, 0.0).otherwise(F.col(column_of(name))) for name in self.columns}
            keyed = keyed.withColumns({**taken, HASH: F.coalesce("_pending", HASH)}).drop("_date", "_pending")
        return keyed.drop("_described_date", "_described_asset")


def _long(rows: DataFrame, columns: Sequence[str]) -> DataFrame:
    """A row a date and asset."""
    zipped = rows.select("date", "inputs_hash", F.explode(F.arrays_zip("asset_id", *columns)).alias("a"))
    numbers = (F.col(f"a.{name}").alias(column_of(name)) for name in columns)
    return zipped.select(
        F.col("date").alias("_date"), F.col("a.asset_id").alias("_asset"), F.col("inputs_hash").alias(HASH), *numbers
    )
