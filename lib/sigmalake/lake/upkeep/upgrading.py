"""A lake of an older format brought to the present one, in place: properties, constraints and columns change, and no row."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from sigmalake.lake.creation import SetProperties, prepare_table, steps_to_declaration, take
from sigmalake.lake.delta_rs import explained_commit
from sigmalake.lake.folder import FolderTables
from sigmalake.lake.format import FORMAT, FORMAT_PROPERTY, check_readable
from sigmalake.lake.log import open_table
from sigmalake.tables.declaration import Table


class Upgraded(NamedTuple):
    """What was done to a table."""

    name: str
    from_format: str
    commits: int


def upgrade_tables(tables: FolderTables, declared: Iterable[Table], verify_lease: Callable[[], None]) -> list[Upgraded]:
    """Bring every table of a lake to its declaration; those that are there are left out.

    A table of an earlier shape is given its new one without rows, which the next run computes; its earlier versions stay readable.
    Columns that are younger than a row are null in it, or what they were; the next run computes rows of an older version again.
    Cut short, some tables are done, and the next call does the others.

    Args:
        tables: of the lake.
        declared: the tables that there may be.
        verify_lease: raises where another writer has taken the lake.

    Raises:
        ConfigError: a table is of a format that this version does not know.
    """
    done = []
    for table in declared:
        location = tables.location(table)
        log = open_table(location)
        if log is None:
            continue
        stored = log.metadata().configuration.get(FORMAT_PROPERTY)
        check_readable(stored, location)
        with explained_commit(table):
            verify_lease()
            before = log.version()
            if stored != str(FORMAT):
                take(log, SetProperties({FORMAT_PROPERTY: str(FORMAT)}))
            if table.earlier_shape & {field.name for field in log.schema().fields} or steps_to_declaration(table, log):
                log = prepare_table(location, table)
        if log.version() > before:
            done.append(Upgraded(table.name, str(stored), int(log.version()) - int(before)))
    return done
