"""Rows of `release_contents`: what a release says of each table, where it differs from the release before."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from sigmalake.lake.releases import Release
from sigmalake.tables.contents import NOTHING, Content, Contents, Key, together, total

ALL = "*"  # the name under which all tables together are kept


def kept_contents(rows: pa.Table, releases: Sequence[Release]) -> dict[str, Contents]:
    """The contents of each table as of the last of these releases.

    Args:
        rows: of `release_contents`.
        releases: oldest first; rows of others are passed over.
    """
    runs = {release.sequence: release.run_id for release in releases}
    found: dict[str, Contents] = {}
    for row in rows.sort_by("sequence").to_pylist():
        if runs.get(row["sequence"]) == row["run_id"] and row["table"] != ALL:
            content = Content(row["rows"], row["checksum"])
            of_table = found.setdefault(row["table"], {})
            of_table[Key(row["variant"], row["date"])] = content
            if content == NOTHING:
                del of_table[Key(row["variant"], row["date"])]
    return found


def content_rows(release: Release, before: Mapping[str, Contents], now: Mapping[str, Contents]) -> list[dict[str, Any]]:
    """The rows of a release: what differs from the release before, and the sum of all.

    Args:
        release: whose rows they are.
        before: contents of each table as of the release before.
        now: as of this one.
    """
    named = {"sequence": release.sequence, "release_id": release.release_id, "run_id": release.run_id}
    found = [
        {**named, "table": name, **key._asdict(), "rows": content.rows, "checksum": content.hash}
        for name in sorted({*before, *now})
        for key, content in _changes(before.get(name, {}), now.get(name, {})).items()
    ]
    whole = total(together(now.values()))
    return [*found, {**named, "table": ALL, "variant": None, "date": None, "rows": whole.rows, "checksum": whole.hash}]


def _changes(before: Contents, now: Contents) -> Contents:
    return {key: now.get(key, NOTHING) for key in {**before, **now} if before.get(key, NOTHING) != now.get(key, NOTHING)}
