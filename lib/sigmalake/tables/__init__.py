"""What each table promises."""
