"""The pictures of a model, made from its own tables."""
