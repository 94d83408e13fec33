"""Upgrade a lake of an older format, in place."""

from sigmalake.lake.upkeep.upgrading import Upgraded, upgrade_tables
from sigmalake.stages.context import Context
from sigmalake.stages.upkeep.maintain import folder_tables
from sigmalake.tables.catalogue import ALL_TABLES

INSTEAD = "no catalog holds a lake of an older format that is known; use the version that made it"


def upgrade(context: Context) -> list[Upgraded]:
    """Bring every table to its declaration; what was done, none where the lake is of the present format.

    Raises:
        ConfigError: the lake lies in a catalog, or a table is of a format that this version does not know.
    """
    tables = folder_tables(context, INSTEAD)
    return upgrade_tables(tables, ALL_TABLES, context.lake.verify_lease)
