"""Exposures X: styles standardised, filled and orthogonalised; their stability."""
