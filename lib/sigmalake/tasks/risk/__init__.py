"""Sigma and Delta of windows, and what residuals have in common, from packed rows."""
