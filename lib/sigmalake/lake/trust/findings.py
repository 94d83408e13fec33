"""What is wrong with the tables of a lake: gone, cut short, with files lost, or with commits that no run of ours made.

Nothing of a healthy lake is read but its logs and the names and sizes of its files. The rows of files that two versions do not
share are read where a stranger has committed.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from sigmalake.errors import ConfigError, InfrastructureError
from sigmalake.lake.dates import DateRange
from sigmalake.lake.lake import Lake
from sigmalake.lake.log import OPTIMIZE, VERIFY, Commit, Seen
from sigmalake.lake.trust.files import EVERY_DATE, LostFile
from sigmalake.tables.declaration import Table

SHOWN = 3  # commits or files that a message names


class Remedy(Enum):
    """What puts a table right."""

    VOUCH = "its rows are those of our last commit"
    RESTORE = "it is put back to our last version"
    FORGET = "the dates that were lost are computed again"
    REBUILD = "it is computed again"
    REFUSE = "nothing that a run can do"


class Finding(NamedTuple):
    """What is wrong with a table, and what puts it right."""

    table: Table
    remedy: Remedy
    message: str
    version: int = -1  # to put back
    ranges: tuple[DateRange, ...] = ()  # of rows that are lost with it, and are to be written again
    lost: tuple[LostFile, ...] = ()

    @property
    def text(self) -> str:
        """In words."""
        return f"{self.table.name}: {self.message}"


class Known(NamedTuple):
    """The tables as earlier runs left them, by name."""

    released: Mapping[str, Seen]  # when the last release was made: what came before was verified by then
    left: Mapping[str, Seen]  # by the last run that was done with a table that a lake has to have


def findings(lake: Lake, known: Known, tables: Iterable[Table], irreplaceable: Iterable[Table]) -> list[Finding]:
    """What is wrong with these tables.

    Args:
        lake: to look at.
        known: the tables as earlier runs left them.
        tables: those of the lake.
        irreplaceable: those of them that no run can make again.
    """
    kept = {table.name for table in irreplaceable}
    return [found for table in tables for found in _of_table(lake, table, known, irreplaceable=table.name in kept)]


def unreadable(lake: Lake, tables: Iterable[Table]) -> list[Finding]:
    """Of tables that no run can make again, those that cannot be read: looked at before what they say of the others is read."""
    found = []
    for table in tables:
        try:
            version, table_id = lake.version(table), lake.table_id(table)
            state = None if version is None else lake.state(table, Seen(version, datetime.now(UTC), table_id))
        except InfrastructureError as error:
            if not _is_in_place(lake, table):
                raise
            found.append(Finding(table, Remedy.REFUSE, f"its log cannot be read: {error}"))
            continue
        if state is not None and state.lost:
            found.append(_lost(lake, table, state.lost, irreplaceable=True))
    return found


def first_stranger(commits: Sequence[Commit]) -> Commit | None:
    """The first commit that no run of ours made, or made after it had lost the lake, unless a later one vouches for it.

    A stranger may change properties: no row changes by it.
    """
    stranger, fence = None, 0
    for commit in commits:
        strange = 0 < commit.fence < fence if commit.is_ours else not commit.keeps_rows or commit.operation == OPTIMIZE
        if commit.is_ours and commit.stage == VERIFY:
            stranger = None
        elif strange and stranger is None:
            stranger = commit
        fence = max(fence, commit.fence)
    return stranger


def _of_table(lake: Lake, table: Table, known: Known, *, irreplaceable: bool) -> list[Finding]:
    seen = known.left.get(table.name)
    try:
        state = lake.state(table, known.released.get(table.name))
    except InfrastructureError as error:
        if not _is_in_place(lake, table):
            raise
        return [
            Finding(table, Remedy.REFUSE, f"its log cannot be read: {error}{_or_anew(lake, table, irreplaceable=irreplaceable)}")
        ]
    except ConfigError as error:
        if seen is None:
            raise
        way = f"restore {lake.root}/{table.name} from a copy{_or_anew(lake, table, irreplaceable=irreplaceable)}"
        return [Finding(table, Remedy.REFUSE, f"{error} {way}")]
    if state is None:
        return [] if seen is None else [_gone(lake, table, irreplaceable=irreplaceable)]
    if state.lacks:
        way = f"restore {lake.root}/{table.name} from a copy{_or_anew(lake, table, irreplaceable=irreplaceable)}"
        return [Finding(table, Remedy.REFUSE, f"it has no column {', '.join(state.lacks)}: another table is in its place; {way}")]
    found = _strangers(lake, table, state.commits, irreplaceable=irreplaceable)
    if seen is not None and not state.identity.is_later(seen):
        found.append(_cut_short(lake, table, state.identity.version, seen, irreplaceable=irreplaceable))
    if state.lost and not any(finding.remedy in {Remedy.RESTORE, Remedy.REFUSE} for finding in found):
        found.append(_lost(lake, table, state.lost, irreplaceable=irreplaceable))
    return found


def _gone(lake: Lake, table: Table, *, irreplaceable: bool) -> Finding:
    if irreplaceable:
        return Finding(table, Remedy.REFUSE, f"it is gone; restore {lake.root}/{table.name} from a copy")
    return Finding(table, Remedy.REBUILD, "it is gone; a run makes it again", ranges=(EVERY_DATE,))


def _cut_short(lake: Lake, table: Table, version: int, seen: Seen, *, irreplaceable: bool) -> Finding:
    """A table of a lower version than was known has lost commits; one of another id was made anew."""
    if version < seen.version:
        message = f"it stands at version {version}, and a run knew version {seen.version}: the newest commits of its log are lost"
    else:
        message = "another table of that name was made in its place"
    if irreplaceable:
        way = f"restore {lake.root}/{table.name} from a copy; from an older one, restore runs and releases together"
        return Finding(table, Remedy.REFUSE, f"{message}; {way}")
    return Finding(table, Remedy.REBUILD, f"{message}; a run makes again what is missing", ranges=(EVERY_DATE,))


def _strangers(lake: Lake, table: Table, commits: Sequence[Commit], *, irreplaceable: bool) -> list[Finding]:
    stranger = first_stranger(commits)
    if stranger is None:
        return []
    after = [commit for commit in commits if commit.version >= stranger.version]
    strange = [commit for commit in after if not commit.is_ours or commit is stranger]
    listed = ", ".join(f"{commit.operation or 'a commit'} at version {commit.version}" for commit in strange[:SHOWN])
    message = f"{listed}{', ...' if len(strange) > SHOWN else ''} was not done by a run that held the lake"
    good, folder = stranger.version - 1, f"{lake.root}/{table.name}"
    ours = [commit for commit in after if commit.is_ours and commit is not stranger]
    if stranger.version == 0:
        way = "restore it from a copy" + ("" if irreplaceable else f", or remove it: the next run makes {table.name} anew")
        return [Finding(table, Remedy.REFUSE, f"{folder} was not made by a run; {way}")]
    try:
        if not ours and lake.same_rows(table, good):
            return [Finding(table, Remedy.VOUCH, f"{message}; it holds the same rows, nothing changes")]
    except InfrastructureError as error:
        way = f"restore {folder} from a copy" + ("" if irreplaceable else f", or remove it: the next run makes {table.name} anew")
        return [Finding(table, Remedy.REFUSE, f"{message}, and version {good} before it cannot be read ({error}); {way}")]
    if irreplaceable and any(not commit.keeps_rows for commit in ours):
        way = f"put it back by hand, or restore {folder} from a copy"
        return [Finding(table, Remedy.REFUSE, f"{message}, and runs have added rows after it; {way}")]
    ranges = tuple(sorted({span for commit in ours for span in commit.ranges}))
    again = ", and computes again what runs wrote after it" if ours else ""
    return [Finding(table, Remedy.RESTORE, f"{message}; a run puts it back to version {good}{again}", good, ranges)]


def _lost(lake: Lake, table: Table, lost: Sequence[LostFile], *, irreplaceable: bool) -> Finding:
    folder, listed = f"{lake.root}/{table.name}", ", ".join(file.text for file in lost[:SHOWN])
    message = f"{listed}{f' and {len(lost) - SHOWN} more' if len(lost) > SHOWN else ''}"
    if irreplaceable or ("://" in lake.root and any(file.found is not None for file in lost)):
        return Finding(table, Remedy.REFUSE, f"{message} in {folder}; restore it from a copy")
    ranges = tuple(sorted({file.dates for file in lost}))
    message = f"{message} in {folder}; a run makes the rows that it had again"
    return Finding(table, Remedy.FORGET, message, ranges=ranges, lost=tuple(lost))


def _is_in_place(lake: Lake, table: Table) -> bool:
    """Whether a log, or something else, lies where the table's log should be: it is not the disk or the store that failed."""
    folder = Path(lake.root, table.name)
    return (folder / "_delta_log").exists() or (folder.exists() and not folder.is_dir())


def _or_anew(lake: Lake, table: Table, *, irreplaceable: bool) -> str:
    """The other way out, beside a copy."""
    anew = f", or remove {lake.root}/{table.name}: the next run makes it anew, and releases of before lack it"
    return "" if irreplaceable else anew
