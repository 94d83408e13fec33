"""Whether the data of a date are what they should be: measures of returns, caps, exposures and memberships."""
