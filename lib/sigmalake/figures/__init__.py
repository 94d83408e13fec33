"""The pictures of a model: each function takes frames, series and arrays and gives a figure of plotly."""
