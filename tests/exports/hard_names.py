"""Names of the example that a tool may stumble over."""

FORMULA = "=A1+A2"  # an asset id, and no formula
LONG = "Oil, gas and consumable fuels"  # a factor, of 29 characters
