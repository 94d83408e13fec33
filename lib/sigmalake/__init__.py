"""An equity factor risk model estimated on Spark and kept in Delta tables."""

__version__ = "0.1.0"
