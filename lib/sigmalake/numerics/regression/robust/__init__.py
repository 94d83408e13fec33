"""Regressions that outliers and heavy tails do not rule."""
