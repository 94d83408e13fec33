"""Linear algebra that several kernels share: constraints and weighted least squares."""
