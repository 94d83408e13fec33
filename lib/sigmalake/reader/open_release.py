"""How a release of a lake is opened: without Spark, but for a lake in a catalog.

    model = open_release("lakes/us")
    risk = model.risk()
    risk.risk_of({"AAPL": 0.6, "XOM": 0.4}).vol
    open_release("lakes/us", known_at="2024-03-29T17:30+00:00")  # the release that stood then
    open_release("main.risk", spark=spark)  # a lake in a catalog, by a session of Spark that may read it

A lake is in a folder or behind a URI (s3://, gs://, abfss://), with keys from the environment. The files of a catalog are the
platform's, so that a session is asked for the rows. Each packed table is read by the row, at the version that the release names.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

from sigmalake.config.types import CATALOG_NAME
from sigmalake.errors import MissingRiskError
from sigmalake.lake.releases import Release
from sigmalake.lake.upkeep.withdrawals import ReleaseLedger
from sigmalake.reader.dates import Instant, as_instant
from sigmalake.reader.factor_model import FactorModel
from sigmalake.reader.names import hints
from sigmalake.reader.storage.places import LakePlace
from sigmalake.reader.storage.session_tables import Session


def open_release(
    lake: str | Path, release: str | None = None, *, known_at: Instant | None = None, spark: Session | None = None
) -> FactorModel:
    """A release of a lake, to be read as it stood.

    Args:
        lake: the folder or URI of the lake, or the schema of a catalog, `catalog.schema`.
        release: its id; None for the last one.
        known_at: takes the release that stood at this instant, in the place of `release`: the newest made until then and not
            withdrawn until then. ISO text, datetime, Timestamp or datetime64; without a zone it is UTC, and a date its midnight.
        spark: a session that may read the catalog, for a lake in one; others are read without.

    Raises:
        ConfigError: no lake is there, it has another format, or it lies in a catalog and there is no session; or `known_at` is no
            instant.
        MissingRiskError: there is no such release, none yet, or none at that instant; or it was withdrawn or trimmed.
    """
    root = str(lake).rstrip("/")
    if release is not None and known_at is not None:
        raise ValueError("give release or known_at, not both: known_at takes the release that stood at an instant")
    if isinstance(lake, Path) and CATALOG_NAME.fullmatch(root):
        root = f"./{root}"  # a path is a folder, whatever it is called
    place = LakePlace(root, spark)
    ledger = place.ledger()
    chosen = (
        ledger.chosen(release, root, _hint) if known_at is None or not ledger.releases else _stood_at(ledger, as_instant(known_at))
    )
    return FactorModel(
        place.tables(chosen),
        as_of=chosen.as_of,
        variants=chosen.variants,
        release_id=chosen.release_id,
        created_at=chosen.created_at,
        versions=chosen.tables,
        last=partial(open_release, lake, spark=spark),
    )


def _hint(release: str, known: Sequence[str]) -> str:
    return hints([release], known)


def _stood_at(ledger: ReleaseLedger, instant: datetime) -> Release:
    stood = ledger.known_at(instant)
    if stood is None:
        first = ledger.releases[0]
        raise MissingRiskError(
            f"no release stood at {instant.isoformat()}; the first, {first.release_id}, was made at {first.created_at.isoformat()}"
        )
    return ledger.readable(stood)
