"""Frames that the reader makes of a model's tables: of one date, and over the dates."""
