"""What the local engine cannot do, told before it begins."""

import os

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from sigmalake.config.sources import Location
from sigmalake.config.stores.opening import delta_options
from sigmalake.config.stores.uri import is_uri
from sigmalake.config.types import CATALOG_NAME

UNWRITABLE = "[]^|\\"  # delta-rs makes the name of a host of a table's path, and these stand in none
UNREAD = {"deletionVectors": "deletion vectors", "columnMapping": "column mapping", "v2Checkpoint": "v2 checkpoints"}


def lake_obstacle(lake: str) -> str | None:
    """Why the local engine cannot write a lake; None where it can."""
    if CATALOG_NAME.fullmatch(lake):
        return f"the lake {lake} is in a catalog"
    path = lake if is_uri(lake) else os.path.realpath(lake)  # as delta-rs takes it, which follows links
    if unwritable := next((sign for sign in UNWRITABLE if sign in path), None):
        return f"the lake {path} has {unwritable!r} in its path, which delta-rs cannot write"
    return None


def source_obstacle(name: str, place: Location) -> str | None:
    """Why the local engine cannot read a source; None where it can, or where reading it will tell."""
    if place.table is not None:
        return f"sources.{name} is the table {place.table} of a catalog"
    if place.read_as != "delta":
        return None
    try:
        features = set(
            DeltaTable(place.path or "", storage_options=delta_options(place.path or "")).protocol().reader_features or ()
        )
    except (DeltaError, OSError):  # no such table: told where it is read
        return None
    if found := sorted(UNREAD[feature] for feature in features & UNREAD.keys()):
        return f"sources.{name}: {place.where} has {' and '.join(found)}"
    return None
