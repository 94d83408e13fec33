"""What stages know of sources."""
