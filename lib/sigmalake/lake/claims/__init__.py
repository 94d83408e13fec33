"""Claims to write to a lake, by the place that keeps them."""
