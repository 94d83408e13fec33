"""Dates packed into rows of arrays."""
