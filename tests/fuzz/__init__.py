"""Bad panels, bad configurations and extreme cross-sections, each made from a seed, and what has to hold whatever they are."""
