"""An equity factor risk model estimated on Spark and kept in Delta tables."""
