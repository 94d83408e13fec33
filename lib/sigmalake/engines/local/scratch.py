"""Checked source rows kept until they are packed: in memory while they are few, else by runs of dates in files of this run.

The rows of a source come in the order of its files, and are wanted by date. Files of a scratch folder are the one place where all
of them meet; a task then reads those of its dates. What a killed run left behind is removed by the next one: a run holds a lock on
a file beside its folder, and the system releases the lock when the run ends, however it ends.
"""

import fcntl
import os
import shutil
import tempfile
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import ipc

from sigmalake.engines.local.pieces import Held
from sigmalake.errors import ConfigError, telling_line
from sigmalake.numerics.types import Ints

LOCK = ".lock"
EPOCH = date(1970, 1, 1)
DAYS_A_RUN = 91  # of the calendar in one file: a task of packing reads a few of them


@dataclass(frozen=True)
class Spilled:
    """Rows of a run of days, in the order of their dates, in a file of Arrow."""

    path: str
    run: int  # which run of days
    first: date
    last: date
    n_bytes: int

    def read(self) -> pa.Table:
        """As `Piece`."""
        with pa.memory_map(self.path) as source:
            return ipc.open_file(source).read_all()

    def within(self, dated: str, days: Collection[date]) -> "Within | None":
        """As `DatedPiece`."""
        if not any(self.first <= day <= self.last for day in days):
            return None
        return Within(self, dated, tuple(sorted(days)))


@dataclass(frozen=True)
class Within:
    """Those of the rows that lie on some dates."""

    rows: Spilled
    dated: str
    days: tuple[date, ...]

    @property
    def n_bytes(self) -> int:
        """As `Piece`."""
        return self.rows.n_bytes

    def read(self) -> pa.Table:
        """As `Piece`."""
        rows = self.rows.read()
        days = _days(rows, self.dated)
        first = np.searchsorted(days, (self.days[0] - EPOCH).days)
        last = np.searchsorted(days, (self.days[-1] - EPOCH).days, side="right")
        return Held(rows.slice(first, last - first)).within(self.dated, self.days).rows


class Scratch:
    """The folder in which one run keeps rows. Worker processes get a copy of this object and write into the same folder.

    Raises:
        ConfigError: the folder cannot hold files.
    """

    def __init__(self, folder: Path) -> None:
        """Make a folder of this run's.

        Args:
            folder: in which every run has its own.
        """
        self.folder = folder / f"run-{uuid.uuid4().hex[:12]}"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock: int | None = _locked(self.folder.with_suffix(LOCK))
        except OSError as error:
            raise ConfigError(
                f"{folder} cannot hold files ({telling_line(error)}); name another folder as `local.scratch`, on this machine"
            ) from error

    def __getstate__(self) -> dict[str, object]:
        return {"folder": self.folder, "_lock": None}

    def spill(self, rows: pa.Table, dated: str) -> list[Spilled]:
        """Write rows by runs of days; those without a date are not kept."""
        rows = with_date(rows, dated)
        if not rows.num_rows:
            return []
        self.folder.mkdir(mode=0o700, exist_ok=True)  # its files are of use to nobody else
        days = _days(rows, dated)
        if (np.diff(days) < 0).any():
            order = np.argsort(days, kind="stable")
            rows, days = rows.take(pa.array(order)), days[order]
        number = days // DAYS_A_RUN
        bounds = [0, *(np.flatnonzero(np.diff(number)) + 1).tolist(), len(number)]
        return [self._write(rows.slice(first, last - first), dated, int(number[first])) for first, last in pairwise(bounds)]

    def close(self) -> None:
        """Remove what this run kept."""
        shutil.rmtree(self.folder, ignore_errors=True)
        if self._lock is not None:
            self.folder.with_suffix(LOCK).unlink(missing_ok=True)
            os.close(self._lock)
            self._lock = None

    def _write(self, rows: pa.Table, dated: str, run: int) -> Spilled:
        path = self.folder / f"{uuid.uuid4().hex}.arrow"
        with ipc.new_file(str(path), rows.schema) as file:
            file.write_table(rows)
        first, last = (rows.column(dated)[at].as_py() for at in (0, rows.num_rows - 1))
        return Spilled(str(path), run, first, last, int(rows.nbytes))


def with_date(rows: pa.Table, dated: str) -> pa.Table:
    """The rows whose date is known."""
    return rows.filter(pc.is_valid(rows.column(dated))) if rows.column(dated).null_count else rows


def _days(rows: pa.Table, dated: str) -> Ints:
    """Days since 1970 of rows that all have a date."""
    days: Ints = rows.column(dated).cast(pa.int32()).to_numpy().astype(np.int64)
    return days


def _locked(path: Path) -> int:
    """A file that is locked before it has its name, so that nobody finds it unlocked."""
    descriptor, made = tempfile.mkstemp(dir=path.parent, prefix="new-")
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    Path(made).rename(path)
    return descriptor


def remove_abandoned(folder: Path) -> None:
    """Remove the folders of runs that hold their lock no more, since they were killed."""
    for path in folder.glob(f"run-*{LOCK}"):
        try:
            with path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path.with_suffix(""), ignore_errors=True)
                path.unlink(missing_ok=True)
        except OSError:  # its run is at work, or another run removes it
            continue
