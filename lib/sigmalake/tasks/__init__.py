"""What one task does with the rows it is given: Arrow in, Arrow out."""
