"""Tables beside the model's way."""
