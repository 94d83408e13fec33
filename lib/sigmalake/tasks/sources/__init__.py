"""Rows of the sources, checked."""
