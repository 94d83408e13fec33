"""Descriptors of assets from prices, accounts, segments and revenues."""
