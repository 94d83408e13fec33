"""One writer per lake: a lease with owner, expiry and a fencing number.

The highest claim holds the lake (`claims.py` says how of two claimants one wins). The holder renews its expiry from a thread, and
verifies before each commit that nobody holds a higher number. Who takes a lake over from a holder that may only be asleep changes
a property of each table (`Lake.fence_off`): Delta refuses the commit that the sleeper was in.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from sigmalake.config.types import CATALOG_NAME
from sigmalake.errors import InfrastructureError
from sigmalake.lake.claims import Claim, Claims, FolderClaims, this_host
from sigmalake.lake.format import check_root
from sigmalake.lake.store_claims import STORES, StoreClaims


class Lease:
    """The right to write to one lake, held by this process."""

    def __init__(self, claims: Claims, claim: Claim, *, taken_over: bool = False) -> None:
        self.taken_over = taken_over  # from a holder that may wake in the middle of a commit
        self._claims = claims
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
        newest = self._claims.newest()
        if newest is None or newest.fence != self.fence:
            holder = "nobody" if newest is None else f"{newest.owner} (pid {newest.pid} on {newest.host})"
            raise InfrastructureError(
                f"this run lost the lease of {self._claims.lake} to {holder}; it stops before writing more. Run it again."
            )

    def release(self) -> None:
        """Give the lake back. On a full disk the claim stays as it is; it lapses with this process."""
        self._done.set()
        self._renewal.join()
        with suppress(InfrastructureError):
            self._claims.renew(replace(self._claim, expires_at=time.time(), released=True))

    def _renew(self) -> None:
        while not self._done.wait(self._claims.pace.lifetime / 4):
            with suppress(InfrastructureError):  # the next renewal may go through; if none does, the lease expires
                newest = self._claims.newest()
                if newest is None or newest.fence != self.fence:
                    return  # lost: `verify` says so
                self._claims.renew(replace(self._claim, expires_at=time.time() + self._claims.pace.lifetime))


@contextmanager
def hold(claims: Claims, owner: str, wait: float = 0.0) -> Iterator[Lease]:
    """Hold the lease of a lake.

    Raises:
        InfrastructureError: another writer holds it, and still does after `wait` seconds.
    """
    lease = _acquire(claims, owner, time.monotonic() + wait)
    try:
        yield lease
    finally:
        lease.release()


def claims_of(root: str, table_claims: Callable[[str], Claims]) -> Claims:
    """Where the claims of a lake are kept.

    Args:
        root: a folder, a URI, or a schema of a catalog.
        table_claims: asked, with the table's name in SQL, only where the claims are a table.

    Raises:
        ConfigError: no lake can be there.
    """
    if CATALOG_NAME.fullmatch(root):
        return table_claims(f"{root}.lease")
    if root.startswith(STORES):
        return StoreClaims.at(root)
    if "://" in root:
        return table_claims(f"delta.`{root}/_lease`")
    check_root(root)
    return FolderClaims(Path(root))


def _acquire(claims: Claims, owner: str, give_up_at: float) -> Lease:
    while True:
        newest = claims.newest()
        if newest is None or not newest.alive(time.time()):
            expires_at = time.time() + claims.pace.lifetime
            claim = Claim((newest.fence if newest else 0) + 1, owner, this_host(), os.getpid(), expires_at, released=False)
            if claims.add(claim):
                return Lease(claims, claim, taken_over=newest is not None and not newest.over)
        elif time.monotonic() >= give_up_at:
            raise InfrastructureError(
                f"{claims.lake} is being written by {newest.owner} (pid {newest.pid} on {newest.host}, lease {newest.fence}, "
                f"renewed within {claims.pace.lifetime:.0f} s); wait for it (--wait SECONDS) or stop it, then run again"
            )
        time.sleep(claims.pace.poll)
