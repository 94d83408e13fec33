"""Windows of dates: calendar, compounding, weights by age."""
