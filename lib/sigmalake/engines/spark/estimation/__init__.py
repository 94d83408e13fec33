"""Kernels applied to packed rows on Spark."""
