"""What a configuration takes from the environment, and what of it is secret."""
