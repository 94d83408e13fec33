"""What rows say, as counts and checksums."""
