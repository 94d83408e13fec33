"""What is asked of a lake without computing it."""
