"""How a release of a lake is opened, without Spark.

    model = open_release("lakes/us")
    risk = model.risk()
    risk.risk_of({"AAPL": 0.6, "XOM": 0.4}).vol

A lake in a folder is read through the file system. One behind a URI (s3://, gs://, abfss://) takes the same way, with credentials
from the environment; that is not tested here. Each packed table is read by the row, at the version that the release names.
"""

from pathlib import Path

from sigmalake.config.types import CATALOG_NAME
from sigmalake.errors import ConfigError, MissingRiskError
from sigmalake.lake.releases import Release
from sigmalake.reader.factor_model import FactorModel
from sigmalake.reader.names import hints
from sigmalake.reader.storage.delta_tables import DeltaTables, releases_of

_LISTED = 10  # releases that a message names before it counts the rest


def open_release(lake: str | Path, release: str | None = None) -> FactorModel:
    """A release of a lake, to be read as it stood.

    Args:
        lake: the folder or URI of the lake.
        release: its id; None for the last one.

    Raises:
        ConfigError: no lake is there, it has another format, or it lies in a catalog.
        MissingRiskError: there is no such release, or none yet.
    """
    root = str(lake).rstrip("/")
    if isinstance(lake, str) and CATALOG_NAME.fullmatch(root):
        raise ConfigError(
            f"{root} names a lake in a catalog, whose files only the platform can read: read it with Spark SQL, at the versions in "
            f"`SELECT tables FROM {root}.releases`, say `{root}.risk_models VERSION AS OF 7`. For a folder write ./{root}"
        )
    releases = releases_of(root)
    if not releases:
        raise MissingRiskError(f"the lake {root} has no release yet; make one with `sigmalake release`")
    chosen = releases[-1] if release is None else _named(releases, release, root)
    return FactorModel(
        DeltaTables(root, chosen.release_id, chosen.tables),
        as_of=chosen.as_of,
        variants=chosen.variants,
        release_id=chosen.release_id,
        created_at=chosen.created_at,
        versions=chosen.tables,
    )


def _named(releases: list[Release], release: str, root: str) -> Release:
    named = {known.release_id: known for known in releases}
    if release not in named:
        listed = ", ".join(known.release_id for known in releases[: -_LISTED - 1 : -1])
        earlier = f" and {len(releases) - _LISTED} earlier" if len(releases) > _LISTED else ""
        raise MissingRiskError(f"the lake {root} has no release {release}; it has {listed}{earlier}{hints([release], named)}")
    return named[release]
