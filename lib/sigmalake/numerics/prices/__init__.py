"""Total returns from prices."""
