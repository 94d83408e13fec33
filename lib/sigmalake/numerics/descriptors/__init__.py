"""Descriptors of assets from prices, accounts and segments."""
