"""Frames of a model: of a date, and over the dates."""
