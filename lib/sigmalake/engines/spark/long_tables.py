"""The long tables, exploded from the packed ones in the JVM: no second pass through Python."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def exposure_moments(panel: DataFrame) -> DataFrame:
    """The rows of `exposure_moments`."""
    return panel.select("exposure_date", F.inline("style_steps"))


def factor_returns(cross_sections: DataFrame, factors: DataFrame) -> DataFrame:
    """The rows of `factor_returns`."""
    zipped = F.arrays_zip("factor_return", "std_error", "vif", "n_members", "factor_status")
    long = cross_sections.select("date", "factor_set", "status", F.posexplode(zipped).alias("position", "f"))
    named = long.join(F.broadcast(factors), ["factor_set", "position"])
    failed = F.col("status") != "ok"
    return named.select(
        "date", "factor", "factor_group",
        F.col("f.factor_return").alias("factor_return"),
        F.col("f.std_error").alias("std_error"),
        F.try_divide("f.factor_return", "f.std_error").alias("t_stat"),
        F.col("f.vif").alias("vif"),
        F.col("f.n_members").alias("n_members"),
        F.when(failed, F.col("status")).otherwise(F.col("f.factor_status")).alias("status"),
    )  # fmt: skip


def factor_portfolios(cross_sections: DataFrame, factors: DataFrame) -> DataFrame:
    """The rows of `factor_portfolios`, without the assets outside the fit: position p is asset p mod N of factor p div N."""
    long = cross_sections.select("date", "factor_set", "asset_id", F.posexplode("portfolios").alias("p", "weight"))
    n_assets = F.size("asset_id")
    placed = long.select(
        "date", "factor_set", F.floor(F.col("p") / n_assets).cast("int").alias("position"),
        F.get("asset_id", F.col("p") % n_assets).alias("asset_id"), "weight",
    )  # fmt: skip
    named = placed.where("weight != 0").join(F.broadcast(factors), ["factor_set", "position"])
    return named.select("date", "factor", "asset_id", "weight")


def specific_returns(cross_sections: DataFrame) -> DataFrame:
    """The rows of `specific_returns`."""
    zipped = F.arrays_zip("asset_id", "specific_return", "fitted_return", "in_estimation", "weight")
    return cross_sections.select("date", F.inline(zipped))


def factor_covariance(risk_models: DataFrame) -> DataFrame:
    """The rows of `factor_covariance`: each number of the upper triangle beside its pair.

    Position p of a triangle of K rows is in row i = floor((2K + 1 - sqrt((2K + 1)^2 - 8p)) / 2), whose first column is i: at
    the first of a row the root is of a whole number's square, and exact.
    """
    long = risk_models.select("variant", "date", "factors", F.posexplode("factor_cov").alias("p", "covariance"))
    p, size = F.col("p"), F.size("factors")
    width = 2 * size + 1
    row = F.floor((width - F.sqrt((width * width - 8 * p).cast("double"))) / 2).cast("int")
    column = p - row * size + (row * (row - 1) / 2).cast("int") + row
    return long.select(
        "variant", "date", F.get("factors", row).alias("factor_1"), F.get("factors", column).alias("factor_2"), "covariance"
    )


def specific_risk(risk_models: DataFrame) -> DataFrame:
    """The rows of `specific_risk`."""
    nothing = F.array_repeat(F.lit(None).cast("double"), F.size("asset_id"))  # one null array makes the zip of all null
    layers = [F.coalesce(name, nothing).alias(name) for name in ("structural_var", "blend_weight", "shrink_weight")]
    zipped = F.arrays_zip("asset_id", "specific_var", "n_obs", "ts_var", *layers, "source")
    return risk_models.select("variant", "date", "regime_multiplier", F.inline(zipped))


def risk_diagnostics(risk_models: DataFrame) -> DataFrame:
    """The rows of `risk_diagnostics`."""
    return risk_models.select("variant", "date", F.inline("diagnostics"))
