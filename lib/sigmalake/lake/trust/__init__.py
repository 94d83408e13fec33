"""Whether the tables hold what our runs wrote: found from their logs and folders, and put right."""
