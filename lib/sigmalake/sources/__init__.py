"""Source files as Arrow tables of raw columns: what lies where, one schema for all of it, and its rows."""
