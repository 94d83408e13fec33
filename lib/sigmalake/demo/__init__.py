"""The generated market and its report."""
