"""What is computed with the model, beside it."""
