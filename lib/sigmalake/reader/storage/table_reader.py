"""What stands behind a model that is read: tables by their declaration, wherever their rows are."""

from collections.abc import Sequence
from typing import Protocol, TypeAlias

import pyarrow as pa
import pyarrow.dataset as ds

from sigmalake.tables.declaration import Table

StoredRows: TypeAlias = "ds.Dataset | pa.Table"
"""All rows of a table in its declared columns, of which a query reads what it needs."""


class TableReader(Protocol):
    """Gives rows of a model's tables. Whoever asks does not know whether they lie in a lake or in memory."""

    @property
    def place(self) -> str:
        """The place of the tables, as messages name it."""

    def rows(self, table: Table, columns: Sequence[str], where: ds.Expression | None = None) -> pa.Table:
        """Some columns of some rows, in no promised order.

        A declared column that may be null, and that the stored table lacks, is null throughout.

        Args:
            table: the declaration.
            columns: of it.
            where: which rows; None: all.

        Raises:
            MissingRiskError: there is no such table.
        """

    def stored(self) -> dict[str, StoredRows]:
        """Every table that there is, by name; rows that are older than a column have null in it."""
