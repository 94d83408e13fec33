"""Some dates of a release computed again from its panel."""
