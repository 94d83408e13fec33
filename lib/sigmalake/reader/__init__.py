"""A release without Spark: model, holdings, scenario, attribution, comparison."""
