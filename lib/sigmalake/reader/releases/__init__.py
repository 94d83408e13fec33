"""Two models side by side, date by date: what moved, by how much, and why."""
