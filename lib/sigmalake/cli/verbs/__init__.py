"""The verbs by which one begins, looks and schedules."""
