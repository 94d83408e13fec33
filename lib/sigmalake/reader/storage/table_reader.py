"""What stands behind a model that is read: tables by their declaration, wherever their rows are."""

from collections.abc import Sequence
from typing import Protocol

import pyarrow as pa
import pyarrow.dataset as ds

from sigmalake.tables.declaration import Table


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
