"""The stages of a run, where arrays, Spark and tables meet."""
