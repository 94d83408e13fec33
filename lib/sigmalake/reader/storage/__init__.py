"""Where the tables of a model are: a release of a lake, or memory."""
