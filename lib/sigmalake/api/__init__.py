"""From a frame to a model: what `fit` is given, as a table and a configuration."""
