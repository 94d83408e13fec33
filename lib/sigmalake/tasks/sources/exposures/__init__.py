"""Rows of exposures: styles, memberships and what stands beside them."""
