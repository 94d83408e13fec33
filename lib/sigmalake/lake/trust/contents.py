"""Rows of `release_contents`: what a release says of each table, where it differs from the release before."""

from collections.abc import Mapping, Sequence

import pyarrow as pa

from sigmalake.lake.releases import Release
from sigmalake.tables.checksums.contents import NOTHING, Content, Contents, Key, total
from sigmalake.tables.records import RELEASE_CONTENTS

ALL = "*"  # the name under which all tables together are kept


def kept_contents(rows: pa.Table, releases: Sequence[Release]) -> dict[str, Contents]:
    """The contents of each table as of the last of these releases.

    Args:
        rows: of `release_contents`.
        releases: oldest first; rows of others are passed over.
    """
    runs = {release.sequence: release.run_id for release in releases}
    found: dict[str, Contents] = {}
    columns = ("sequence", "run_id", "table", "variant", "date", "rows", "checksum")
    ordered = rows.sort_by("sequence")
    for sequence, run_id, table, *key, n_rows, checksum in zip(
        *(ordered.column(name).to_pylist() for name in columns), strict=True
    ):
        if runs.get(sequence) == run_id and table != ALL:
            content = Content(n_rows, checksum)
            of_table = found.setdefault(table, {})
            of_table[Key(*key)] = content
            if content == NOTHING:
                del of_table[Key(*key)]
    return found


def content_rows(release: Release, before: Mapping[str, Contents], now: Mapping[str, Contents]) -> pa.Table:
    """The rows of a release: what differs from the release before, and the sum of all.

    Args:
        release: whose rows they are.
        before: contents of each table as of the release before.
        now: as of this one.
    """
    names = sorted({*before, *now})
    found = [(name, *row) for name in names for row in _changes(before.get(name, {}), now.get(name, {})).items()]
    whole = Content(*map(sum, zip(*(total(contents) for contents in now.values()), strict=True))) if now else NOTHING
    found.append((ALL, Key(None, None), NOTHING + whole))
    schema = RELEASE_CONTENTS.arrow_schema()
    columns = {
        "sequence": pa.repeat(release.sequence, len(found)),
        "release_id": pa.repeat(release.release_id, len(found)),
        "run_id": pa.repeat(release.run_id, len(found)),
        "table": [name for name, _, _ in found],
        "variant": [key.variant for _, key, _ in found],
        "date": [key.date for _, key, _ in found],
        "rows": [content.rows for _, _, content in found],
        "checksum": [content.hash for _, _, content in found],
    }
    return pa.table([pa.array(columns[field.name], field.type) for field in schema], schema=schema)


def _changes(before: Contents, now: Contents) -> Contents:
    return {key: now.get(key, NOTHING) for key in {**before, **now} if before.get(key, NOTHING) != now.get(key, NOTHING)}
