"""What operators do with a lake: withdraw a release, maintain, upgrade."""
