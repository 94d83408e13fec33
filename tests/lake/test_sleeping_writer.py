"""A writer that sleeps in the middle of a commit, and loses the lake, adds nothing to what its successor wrote: without Spark."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pyarrow as pa
import pytest
from obstore.store import MemoryStore

from declared_rows import full_row
from sigmalake.engines.local.engine import LocalEngine
from sigmalake.engines.local.rows import LocalRows
from sigmalake.engines.local.tables import LocalTables
from sigmalake.errors import InfrastructureError
from sigmalake.lake.claims.claim import Claim, Pace
from sigmalake.lake.claims.folder_claims import FolderClaims
from sigmalake.lake.claims.store_claims import StoreClaims
from sigmalake.lake.dates import DateRange
from sigmalake.lake.lake import Lake, Writer
from sigmalake.lake.lease import hold
from sigmalake.lake.log import open_table, read_columns
from sigmalake.tables.long import FACTOR_RETURNS as TABLE

FAST = Pace(lifetime=1.0, poll=0.05)
DAYS = [date(2024, 1, day) for day in (2, 3, 4)]


class Slept:
    """Rows that come once their reader has been woken."""

    def __init__(self, rows):
        self.rows, self.n_bytes = rows, 1
        self.asleep, self.woken = threading.Event(), threading.Event()

    def read(self):
        self.asleep.set()
        assert self.woken.wait(30)
        return self.rows


def rows_of(day, factor):
    row = {**full_row(TABLE), TABLE.date: day, "factor": factor}
    return pa.Table.from_pylist([row], TABLE.arrow_schema())


def lake_of(root, owner, lease):
    engine = LocalEngine(LocalTables(root, 1))
    return Lake(engine.storage, Writer(owner, "-", lease, engine)), engine


@pytest.fixture(params=["a folder", "an object store"])
def claims(request, tmp_path):
    if request.param == "a folder":
        return FolderClaims(tmp_path / "lake", FAST)
    return StoreClaims("memory:///lake", MemoryStore(), FAST)


def on_day(day):
    return [DateRange(day, day)]


def test_the_commit_that_a_sleeper_was_in_is_refused_and_so_is_its_next(claims, tmp_path, monkeypatch):
    root = str(tmp_path / "lake")
    monkeypatch.setattr("sigmalake.lake.lease.Lease._renew", lambda _: None)  # it sleeps
    with hold(claims, "sleeper") as held, ThreadPoolExecutor() as pool:
        sleeper, engine = lake_of(root, "sleeper", held)
        sleeper.replace(TABLE, engine.driver_rows(rows_of(DAYS[0], "sleeper")), "regress", on_day(DAYS[0]))
        rows = Slept(rows_of(DAYS[1], "sleeper"))
        writing = pool.submit(sleeper.replace, TABLE, LocalRows(TABLE.arrow_schema(), [rows]), "regress", on_day(DAYS[1]))
        assert rows.asleep.wait(30)
        claims.renew(Claim(1, "sleeper", "elsewhere", 1, expires_at=time.time() - 1, released=False))
        with hold(claims, "heir", wait=5.0) as lease:
            heir, engine = lake_of(root, "heir", lease)
            heir.fence_off([TABLE])
            rows.woken.set()
            with pytest.raises(InfrastructureError, match=f"{TABLE.name}: another writer committed at the same time"):
                writing.result()
            heir.replace(TABLE, engine.driver_rows(rows_of(DAYS[1], "heir")), "regress", on_day(DAYS[1]))
            with pytest.raises(InfrastructureError, match=r"lost the lease .* to heir"):
                sleeper.replace(TABLE, engine.driver_rows(rows_of(DAYS[2], "sleeper")), "regress", on_day(DAYS[2]))
    found = read_columns(open_table(f"{root}/{TABLE.name}"), [TABLE.date, "factor"]).sort_by(TABLE.date).to_pylist()
    assert [(row[TABLE.date], row["factor"]) for row in found] == [(DAYS[0], "sleeper"), (DAYS[1], "heir")]
