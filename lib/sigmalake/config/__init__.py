"""The configuration: one pydantic model, its file, its presets, its documentation."""
