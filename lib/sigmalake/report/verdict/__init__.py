"""A model judged in words: what is good, what to watch, what to do."""
