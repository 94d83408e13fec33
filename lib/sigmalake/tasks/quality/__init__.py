"""What the data of each date look like."""
