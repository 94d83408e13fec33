"""Source rows on Spark: read, checked, fingerprinted."""
