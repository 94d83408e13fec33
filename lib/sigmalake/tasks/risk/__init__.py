"""Sigma and Delta of windows, from packed rows."""
