"""Whether a lake is whole: its tables as they stand, and every kept release at the versions that it pins.

The files of a release are read once each, whichever releases share them, and what their rows say is compared with the counts and
checksums that the release kept. Of a catalog only the platform has the files: there all rows of each release pass by the driver, a
table at a time. Nothing is written.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import pyarrow as pa
from deltalake import DeltaTable

from sigmalake.config.model import Config
from sigmalake.config.types import CATALOG_NAME
from sigmalake.errors import ConfigError, InfrastructureError, MissingRiskError
from sigmalake.lake.books import release_ledger
from sigmalake.lake.damage import way_out
from sigmalake.lake.lake import Lake
from sigmalake.lake.log import identity, open_table
from sigmalake.lake.releases import Release
from sigmalake.lake.trust.contents import ALL
from sigmalake.lake.trust.files import contents_of_files, lost_files, paths
from sigmalake.lake.trust.findings import unreadable
from sigmalake.stages.queries.recompute.model import Recomputation, config_of
from sigmalake.stages.verify import find, refuse
from sigmalake.tables.catalogue import MODEL_TABLES
from sigmalake.tables.checksums.contents import NOTHING, Content, Contents, Key, contents_of, together, total
from sigmalake.tables.declaration import Table
from sigmalake.tables.records import IRREPLACEABLE, RELEASE_CONTENTS

SHOWN = 3  # dates that a problem names


class Problem(NamedTuple):
    """What is wrong."""

    release_id: str | None  # None: the tables as they stand
    table: str
    message: str

    @property
    def text(self) -> str:
        """In words."""
        return f"{self.release_id or 'as it stands'}: {self.table}: {self.message}"


class Checked(NamedTuple):
    """What was looked at, and what was found."""

    releases: list[str]
    without_checksums: list[str]  # of them, those that were made before checksums were kept
    problems: list[Problem]


@dataclass
class _TableContents:
    """A table at one release after the other: what its rows say, and what they should."""

    table: Table
    by_file: dict[str, Contents] = field(default_factory=dict)
    actual: Contents = field(default_factory=dict)
    expected: Contents = field(default_factory=dict)
    wrong: set[Key] = field(default_factory=set)

    def expect(self, changed: Contents) -> None:
        """Take over what a release says has changed."""
        for key, content in changed.items():
            _put(self.expected, key, content)
        self._compare(changed)

    def read(self, log: DeltaTable) -> None:
        """Go to another version: only files that the one before did not have are read."""
        now = paths(log)
        fresh = {path: contents_of_files(log, self.table, {path}) for path in sorted(now - self.by_file.keys())}
        gone = {path: self.by_file.pop(path) for path in self.by_file.keys() - now}
        self.by_file |= fresh
        touched = together([*fresh.values(), *gone.values()])
        for contents, sign in [(of, 1) for of in fresh.values()] + [(of, -1) for of in gone.values()]:
            for key, content in contents.items():
                before = self.actual.get(key, NOTHING)
                _put(self.actual, key, before + content if sign > 0 else before - content)
        self._compare(touched)

    def replace(self, contents: Contents) -> None:
        """Go to another version whose rows were all read."""
        touched = {**self.actual, **contents}
        self.actual = dict(contents)
        self._compare(touched)

    def forget(self) -> None:
        """Begin anew after a version that could not be read."""
        self.by_file, self.actual, self.wrong = {}, {}, set(self.expected)

    @property
    def suspects(self) -> list[str]:
        """Some of the files that hold rows of dates that differ."""
        found = sorted(path for path, contents in self.by_file.items() if not self.wrong.isdisjoint(contents))
        return [*found[:SHOWN], *(["..."] if len(found) > SHOWN else [])]

    def _compare(self, touched: Contents) -> None:
        for key in touched:
            if self.actual.get(key) == self.expected.get(key):
                self.wrong.discard(key)
            else:
                self.wrong.add(key)


def check(lake: Lake, config: Config, release_id: str | None = None, *, deep: bool = False) -> Checked:
    """Look at the tables as they stand and at every kept release, or at one of them.

    Args:
        lake: to look at.
        config: of the model.
        release_id: of the only release to look at; None: all.
        deep: also compute some dates of each release again, from its panel, whose files have to be read for it.

    Raises:
        ConfigError: that is asked for in a catalog.
        MissingRiskError: there is no such release.
    """
    if deep and CATALOG_NAME.fullmatch(lake.root):
        raise ConfigError(f"--deep reads the files of a lake, and those of the schema {lake.root} are the platform's; leave it out")
    refuse(lake, unreadable(lake, IRREPLACEABLE))
    ledger = release_ledger(lake)
    releases = ledger.untrimmed
    if release_id is not None and release_id not in {release.release_id for release in releases}:
        listed = ", ".join(release.release_id for release in releases[-5:]) or "none"
        raise MissingRiskError(f"{lake.root} has no release {release_id}; its last ones are {listed}")
    problems = [Problem(None, found.table.name, found.message) for found in find(lake)]
    changed, totals = _kept(lake.columns(RELEASE_CONTENTS, RELEASE_CONTENTS.column_names))
    tables = {table.name: _TableContents(table) for table in MODEL_TABLES}
    seen, without = [], []
    for release in ledger.releases:
        key = (release.sequence, release.run_id)
        for name, contents in changed.get(key, {}).items():
            if name in tables:
                tables[name].expect(contents)
        if release in releases and release_id in (None, release.release_id):
            seen.append(release.release_id)
            if key not in totals:
                without.append(release.release_id)
            found = _of_release(lake, release, tables, totals.get(key))
            problems += found or (_recomputed(lake, release, config) if deep else [])
    return Checked(seen, without, problems)


def _kept(rows: pa.Table) -> tuple[dict[tuple[int, str], dict[str, Contents]], dict[tuple[int, str], Content]]:
    """What each release says has changed, by table; and what it says of all tables together."""
    changed: dict[tuple[int, str], dict[str, Contents]] = {}
    totals = {}
    for row in rows.to_pylist():
        release, content = (row["sequence"], row["run_id"]), Content(row["rows"], row["checksum"])
        if row["table"] == ALL:
            totals[release] = content
        else:
            changed.setdefault(release, {}).setdefault(row["table"], {})[Key(row["variant"], row["date"])] = content
    return changed, totals


def _of_release(lake: Lake, release: Release, tables: Mapping[str, _TableContents], whole: Content | None) -> list[Problem]:
    found = []
    for name in release.tables:
        if message := _wrong_table(lake, release, tables[name], compared=whole is not None):
            found.append(Problem(release.release_id, name, message))
    if whole is not None and sum((total(of.expected) for of in tables.values()), NOTHING) != whole:
        message = "the counts and checksums that were kept do not add up; restore the table from a copy"
        found.append(Problem(release.release_id, RELEASE_CONTENTS.name, message))
    return found


def _recomputed(lake: Lake, release: Release, config: Config) -> list[Problem]:
    again = Recomputation(lake, release, config_of(lake, release, config))
    return [Problem(release.release_id, table, message) for table, message in again.differences()]


def _wrong_table(lake: Lake, release: Release, of: _TableContents, *, compared: bool) -> str | None:
    """What is wrong with a table at the version that a release pins; None: nothing."""
    version = release.tables[of.table.name]
    try:
        if CATALOG_NAME.fullmatch(lake.root):
            message = _wrong_rows(lake, release, of, compared=compared)
        else:
            log = open_table(f"{lake.root}/{of.table.name}", version)
            message = _wrong_version(release, log, of.table)
            if compared and log is not None and message is None:
                of.read(log)
    except InfrastructureError as error:
        message = f"version {version} cannot be read: {error}"
    if message is not None:
        of.forget()
        return message
    if not compared or not of.wrong:
        return None
    listed = sorted(of.wrong, key=lambda key: (str(key.date), str(key.variant)), reverse=True)[:SHOWN]
    told = "; ".join(_told(key, of.actual.get(key, NOTHING), of.expected.get(key, NOTHING)) for key in listed)
    message = f"version {version} does not say what was released on {len(of.wrong):,} dates: {told}"
    suspects = ", ".join(of.suspects)
    return f"{message}; {way_out(of.table.name, suspects)}" if suspects else message


def _wrong_version(release: Release, log: DeltaTable | None, table: Table) -> str | None:
    """Why a version that is pinned cannot be read, or is not what was pinned."""
    if log is None:
        return "it is gone; restore it from a copy"
    seen = release.seen(table.name)
    if seen is not None and not identity(log).is_later(seen):
        return f"another table was made in its place: its version {seen.version} is not the one that was released"
    if lost := lost_files(log, table):
        return f"version {log.version()} cannot be read: {'; '.join(file.text for file in lost[:SHOWN])}; restore it from a copy"
    return None


def _wrong_rows(lake: Lake, release: Release, of: _TableContents, *, compared: bool) -> str | None:
    """Why a version in a catalog cannot be read, or is not what was pinned; its rows are read."""
    if not lake.exists(of.table):
        return "it is gone; restore it from a copy"
    seen = release.seen(of.table.name)
    if seen is not None and not lake.is_still(of.table, seen):
        return f"another table was made in its place: its version {seen.version} is not the one that was released"
    if compared:
        of.replace(contents_of(of.table, lake.columns(of.table, of.table.column_names, version=release.tables[of.table.name])))
    return None


def _told(key: Key, actual: Content, expected: Content) -> str:
    where = " ".join(str(part) for part in key if part is not None) or "its rows"
    if actual.rows != expected.rows:
        return f"{where} has {actual.rows:,} rows, {expected.rows:,} released"
    return f"{where} has {actual.rows:,} rows with other values"


def _put(contents: Contents, key: Key, content: Content) -> None:
    if content == NOTHING:
        contents.pop(key, None)
    else:
        contents[key] = content
