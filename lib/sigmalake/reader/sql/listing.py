"""The tables and views that can be queried, from their declarations: columns, types, units."""

from collections.abc import Collection, Iterator
from typing import NamedTuple

from sigmalake.tables.catalogue import ALL_TABLES
from sigmalake.tables.declaration import Column
from sigmalake.tables.views import VIEWS


class Listed(NamedTuple):
    """A table or a view."""

    name: str
    kind: str  # table, packed table or view
    comment: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]


def listed(names: Collection[str] | None = None) -> Iterator[Listed]:
    """All that is declared, or that is among these names."""
    for table in ALL_TABLES:
        if names is None or table.name in names:
            yield Listed(table.name, "packed table" if table.packed else "table", table.comment, table.key, table.columns)
    for view in VIEWS:
        if names is None or view.name in names:
            yield Listed(view.name, "view", view.comment, view.key, view.columns)
