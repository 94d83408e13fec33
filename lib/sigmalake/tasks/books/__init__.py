"""Portfolios of the user: packed, looked through, and their risk."""
