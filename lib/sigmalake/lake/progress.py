"""How far the rows of a stage are: counted by who writes them, read by who shows it."""


class Progress:
    """Rows of one table, done of those planned."""

    def __init__(self) -> None:
        self.table, self.unit, self.planned, self.done = "", "", 0, 0

    def plan(self, table: str = "", unit: str = "", planned: int = 0) -> None:
        """Begin to count the rows of a table; of none, where nothing is given."""
        self.table, self.unit, self.planned, self.done = table, unit, planned, 0

    def add(self, table: str, rows: int) -> None:
        """Count rows that were written, if they are of the planned table."""
        if table == self.table:
            self.done += rows
