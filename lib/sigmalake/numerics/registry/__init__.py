"""Estimators, weights and descriptors by their names in the configuration: our own, and those that other packages register."""
