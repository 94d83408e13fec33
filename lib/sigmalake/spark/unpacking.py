"""The long tables, exploded from the packed ones in the JVM: no second pass through Python."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F


def factor_returns(cross_sections: DataFrame, factors: DataFrame) -> DataFrame:
    """The rows of `factor_returns`."""
    zipped = F.arrays_zip("factor_return", "std_error", "n_members", "factor_status")
    long = cross_sections.select("date", "factor_set", "status", F.posexplode(zipped).alias("position", "f"))
    named = long.join(F.broadcast(factors), ["factor_set", "position"])
    failed = F.col("status") != "ok"
    return named.select(
        "date", "factor", "factor_group",
        F.col("f.factor_return").alias("factor_return"),
        F.col("f.std_error").alias("std_error"),
        F.try_divide("f.factor_return", "f.std_error").alias("t_stat"),
        F.col("f.n_members").alias("n_members"),
        F.when(failed, F.col("status")).otherwise(F.col("f.factor_status")).alias("status"),
    )  # fmt: skip


def specific_returns(cross_sections: DataFrame) -> DataFrame:
    """The rows of `specific_returns`."""
    zipped = F.arrays_zip("asset_id", "specific_return", "fitted_return", "in_estimation", "weight")
    return cross_sections.select("date", F.inline(zipped))


def factor_covariance(risk_models: DataFrame) -> DataFrame:
    """The rows of `factor_covariance`: each pair of the upper triangle beside its number."""

    def pairs(factor: Column, position: Column) -> Column:
        later = F.slice("factors", position + 1, F.size("factors"))
        return F.transform(later, lambda other: F.struct(factor.alias("factor_1"), other.alias("factor_2")))

    pair = F.flatten(F.transform("factors", pairs))
    zipped = risk_models.select("variant", "date", F.explode(F.arrays_zip(pair.alias("pair"), "factor_cov")).alias("z"))
    return zipped.select("variant", "date", "z.pair.factor_1", "z.pair.factor_2", F.col("z.factor_cov").alias("covariance"))


def specific_risk(risk_models: DataFrame) -> DataFrame:
    """The rows of `specific_risk`."""
    zipped = F.arrays_zip("asset_id", "specific_var", "n_obs", "ts_var", "source")
    return risk_models.select("variant", "date", F.inline(zipped))


def risk_diagnostics(risk_models: DataFrame) -> DataFrame:
    """The rows of `risk_diagnostics`."""
    return risk_models.select("variant", "date", F.inline("diagnostics"))
