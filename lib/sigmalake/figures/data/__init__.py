"""Pictures of the data: who is covered, what is hardly right, what is stable, what moved since a release."""
