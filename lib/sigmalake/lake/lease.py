"""One writer per lake: a lease with owner, expiry and a fencing number.

Each claim is a file `_lease/<fence>.json` made with O_EXCL, so that of two claimants one wins; the highest number holds the lake.
The holder renews its expiry from a thread, and verifies before each commit that nobody holds a higher number.
"""

import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from sigmalake.config import CATALOG_NAME
from sigmalake.errors import InfrastructureError
from sigmalake.lake.format import check_root

LIFETIME = 60.0  # seconds without renewal after which a holder counts as dead
KEPT = 20  # claims kept for the record


@dataclass(frozen=True)
class Claim:
    """Who holds, or held, a lake."""

    fence: int
    owner: str
    host: str
    pid: int
    expires_at: float
    released: bool

    def alive(self, now: float) -> bool:
        """Whether the holder may still be writing."""
        if self.released or now >= self.expires_at:
            return False
        return self.host != socket.gethostname() or _process_lives(self.pid)


class Lease:
    """The right to write to one lake, held by this process."""

    def __init__(self, folder: Path, claim: Claim) -> None:
        self._folder = folder
        self._claim = claim
        self._done = threading.Event()
        self._renewal = threading.Thread(target=self._renew, name="sigmalake-lease", daemon=True)
        self._renewal.start()

    @property
    def fence(self) -> int:
        """This claim's number; it goes into every commit."""
        return self._claim.fence

    def verify(self) -> None:
        """Raise if another writer has taken the lake, say while this process slept."""
        newest = newest_claim(self._folder)
        if newest is None or newest.fence != self._claim.fence:
            holder = "nobody" if newest is None else f"{newest.owner} (pid {newest.pid} on {newest.host})"
            raise InfrastructureError(
                f"this run lost the lease of {self._folder.parent} to {holder}; it stops before writing more. Run it again."
            )

    def release(self) -> None:
        """Give the lake back. On a full disk the claim stays as it is; it lapses with this process."""
        self._done.set()
        self._renewal.join()
        with suppress(OSError):
            _rewrite(self._folder, self._claim, time.time(), released=True)

    def _renew(self) -> None:
        while not self._done.wait(LIFETIME / 4):
            newest = newest_claim(self._folder)
            if newest is None or newest.fence != self._claim.fence:
                return  # lost: `verify` says so
            with suppress(OSError):  # the next renewal may go through; if none does, the lease expires
                _rewrite(self._folder, self._claim, time.time() + LIFETIME, released=False)


@contextmanager
def hold(lake: Path, owner: str, wait: float = 0.0) -> Iterator[Lease]:
    """Hold the lease of a lake in a folder.

    Raises:
        InfrastructureError: another writer holds it, and still does after `wait` seconds.
    """
    lease = _acquire(lake / "_lease", owner, time.monotonic() + wait)
    try:
        yield lease
    finally:
        lease.release()


@contextmanager
def hold_lake(root: str, owner: str, wait: float = 0.0) -> Iterator[Lease | None]:
    """Hold the lease of a lake in a folder of this machine; elsewhere there is none to hold.

    Behind a URI or in a catalog, Delta's own commits are put if absent: two writers of one table cannot both commit,
    but that they do not take turns within a run is left to the scheduler.
    """
    if "://" in root or CATALOG_NAME.fullmatch(root):
        yield None
        return
    check_root(root)
    with hold(Path(root), owner, wait) as lease:
        yield lease


def newest_claim(folder: Path) -> Claim | None:
    """The claim that holds the lake, or held it last."""
    for path in sorted(folder.glob("*.json"), reverse=True):
        try:
            return Claim(**json.loads(path.read_text()))
        except (ValueError, TypeError):  # claimed this instant, not yet written: alive for a moment
            made = path.stat().st_mtime
            return Claim(int(path.stem), "a run that is starting", "?", 0, made + LIFETIME, released=False)
        except FileNotFoundError:
            continue
    return None


def _acquire(folder: Path, owner: str, give_up_at: float) -> Lease:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return _claim_in_turn(folder, owner, give_up_at)
    except OSError as error:
        raise InfrastructureError(
            f"the lake {folder.parent} cannot be written: {error.strerror} ({error.filename}); "
            "make it writable for this user, or name another folder as `lake:`"
        ) from error


def _claim_in_turn(folder: Path, owner: str, give_up_at: float) -> Lease:
    while True:
        newest = newest_claim(folder)
        if newest is None or not newest.alive(time.time()):
            claim = _claim(folder, (newest.fence if newest else 0) + 1, owner)
            if claim is not None:
                for old in sorted(folder.glob("*.json"))[:-KEPT]:
                    old.unlink(missing_ok=True)
                return Lease(folder, claim)
        elif time.monotonic() >= give_up_at:
            raise InfrastructureError(
                f"{folder.parent} is being written by {newest.owner} (pid {newest.pid} on {newest.host}, lease {newest.fence}, "
                f"renewed within {LIFETIME:.0f} s); wait for it (--wait SECONDS) or stop it, then run again"
            )
        time.sleep(0.2)


def _claim(folder: Path, fence: int, owner: str) -> Claim | None:
    claim = Claim(fence, owner, socket.gethostname(), os.getpid(), time.time() + LIFETIME, released=False)
    try:
        handle = os.open(folder / f"{fence:09d}.json", os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    except FileExistsError:
        return None
    with os.fdopen(handle, "w") as file:
        file.write(json.dumps(claim.__dict__))
    return claim


def _rewrite(folder: Path, claim: Claim, expires_at: float, *, released: bool) -> None:
    path = folder / f"{claim.fence:09d}.json"
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps({**claim.__dict__, "expires_at": expires_at, "released": released}))
    partial.replace(path)


def _process_lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
