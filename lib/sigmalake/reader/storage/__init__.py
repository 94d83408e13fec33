"""The places that a model's tables are read from: a release of a lake, or memory."""
