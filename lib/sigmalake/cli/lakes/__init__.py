"""The verbs for a lake as a whole: maintain, copy, upgrade, releases, compare."""
