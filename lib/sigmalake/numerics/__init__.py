"""The mathematics of the model: arrays in, arrays out."""
