"""Source rows brought together by date and packed."""
