"""The specific variances Delta."""
