"""Texts made from the fields of the configuration: its reference, its JSON Schema, its annotated print, messages."""
