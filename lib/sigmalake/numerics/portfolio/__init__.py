"""The asset covariance V and what is asked of it."""
