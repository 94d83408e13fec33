"""A model in one self-contained HTML file."""
