"""What else a release says of portfolios: tails, stress, and many at once."""
