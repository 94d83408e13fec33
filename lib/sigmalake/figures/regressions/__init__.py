"""Pictures of the regressions: what they explain, and the factor returns that they give."""
