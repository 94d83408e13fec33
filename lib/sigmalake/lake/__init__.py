"""Delta tables: versions, runs, releases."""
