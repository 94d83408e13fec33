"""The cross-sectional regression of one date."""
