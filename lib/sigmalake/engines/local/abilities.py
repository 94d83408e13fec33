"""What the local engine cannot do, told before it begins."""

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from sigmalake.config.sources import Location
from sigmalake.config.types import CATALOG_NAME

UNREAD = {"deletionVectors": "deletion vectors", "columnMapping": "column mapping", "v2Checkpoint": "v2 checkpoints"}


def lake_obstacle(lake: str) -> str | None:
    """Why the local engine cannot write a lake; None where it can."""
    return f"the lake {lake} is in a catalog" if CATALOG_NAME.fullmatch(lake) else None


def source_obstacle(name: str, place: Location) -> str | None:
    """Why the local engine cannot read a source; None where it can, or where reading it will tell."""
    if place.table is not None:
        return f"sources.{name} is the table {place.table} of a catalog"
    if place.read_as != "delta":
        return None
    try:
        features = set(DeltaTable(place.path or "").protocol().reader_features or ())
    except (DeltaError, OSError):  # no such table: told where it is read
        return None
    if found := sorted(UNREAD[feature] for feature in features & UNREAD.keys()):
        return f"sources.{name}: {place.where} has {' and '.join(found)}"
    return None
