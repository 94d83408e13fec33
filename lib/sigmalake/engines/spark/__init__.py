"""Rows moved by Spark: DataFrames, pandas UDFs, shuffles."""
