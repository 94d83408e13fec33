"""What one task does with the rows that it is given: Arrow in, Arrow out."""
