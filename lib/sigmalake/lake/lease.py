"""One writer per lake: a lease with owner, expiry and a fencing number.

The highest claim holds the lake (`claims/` says how of two claimants one wins). The holder renews its expiry from a thread, and
verifies before each commit that nobody holds a higher number. Who takes a lake over from a holder that did not give it back changes
a property of each table (`Lake.fence_off`): Delta refuses the commit that a sleeper was in, or that a dead driver left to its JVM.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from sigmalake.config.stores.uri import is_uri
from sigmalake.config.types import CATALOG_NAME
from sigmalake.errors import InfrastructureError
from sigmalake.lake.claims.claim import FAR, Claim, Claims, UnreadableClaimError, new_claim
from sigmalake.lake.claims.folder_claims import FolderClaims
from sigmalake.lake.claims.store_claims import StoreClaims
from sigmalake.lake.format import check_root

RENEWED = 4  # times within its lifetime
WATCHED = 3  # a part of its lifetime in which a living claim is renewed


class Lease:
    """The right to write to one lake, held by this process."""

    def __init__(self, claims: Claims, claim: Claim, *, taken_over: bool = False) -> None:
        self.must_fence = taken_over  # tables, before anything is written: the holder before did not give the lake back
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

    def fenced(self) -> None:
        """Note that every table refuses what the former holder may still commit."""
        self.must_fence = False

    def release(self) -> None:
        """Give the lake back. On a full disk the claim stays as it is; it lapses with this process.

        A lake taken over and not fenced is given up, not back: who comes next has to fence it.
        """
        self._done.set()
        self._renewal.join()
        with suppress(InfrastructureError):
            self._claims.renew(replace(self._claim, expires_at=time.time(), released=not self.must_fence))

    def _renew(self) -> None:
        while not self._done.wait(self._claims.pace.lifetime / RENEWED):
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
    if is_uri(root):
        return StoreClaims.at(root)
    check_root(root)
    return FolderClaims(Path(root))


def break_lease(claims: Claims, owner: str) -> Lease:
    """Take a lake from whoever holds it, also where its claim cannot be read; the holder stops before its next commit.

    Raises:
        InfrastructureError: another took the lake at the same moment.
    """
    try:
        newest = claims.newest()
        fence = newest.fence if newest else 0
    except UnreadableClaimError as error:
        newest, fence = None, error.fence
    claim = new_claim(fence + 1, owner, time.time() + claims.pace.lifetime)
    if not claims.add(claim):
        raise InfrastructureError(f"another run took the lease of {claims.lake} at this moment; look again with `sigmalake lease`")
    return Lease(claims, claim, taken_over=newest is None or not newest.released)


def _acquire(claims: Claims, owner: str, give_up_at: float) -> Lease:
    """Claim the lake once it is free.

    Whether a claim has lapsed is told by two clocks, the holder's and ours, of which one may be wrong. So one that seems to have
    lapsed is watched until it would have been renewed, by our own clock alone.
    """
    seen: Claim | None = None
    since, renewed = time.monotonic(), False
    while True:
        newest = claims.newest()
        if newest != seen:
            renewed = seen is not None and newest is not None and newest.fence == seen.fence
            seen, since = newest, time.monotonic()
        now = time.monotonic()
        watched = now - since
        lapsed = newest is not None and not renewed and not newest.alive(time.time())
        if newest is None or newest.over or watched > claims.pace.lifetime or (lapsed and watched > claims.pace.lifetime / WATCHED):
            claim = new_claim((newest.fence if newest else 0) + 1, owner, time.time() + claims.pace.lifetime)
            if claims.add(claim):
                return Lease(claims, claim, taken_over=newest is not None and not newest.released)
        elif now >= give_up_at and not lapsed:
            raise InfrastructureError(_busy(claims, newest))
        time.sleep(claims.pace.poll)


def _busy(claims: Claims, newest: Claim) -> str:
    """Why a lake cannot be had, with the file that says so."""
    place, lifetime = claims.place(newest.fence), claims.pace.lifetime
    ahead = newest.expires_at - time.time()
    if ahead > FAR * lifetime:
        return (
            f"{claims.lake} is held by {newest.holder}, whose lease lasts {ahead:,.0f} s by {place}, where {lifetime:.0f} s are "
            f"usual: its clock or this one is wrong. Wait for it (--wait {2 * lifetime:.0f} takes the lake if the file does not "
            "change), or, if that run is over, end its lease with `sigmalake lease --config FILE --break`"
        )
    return (
        f"{claims.lake} is being written by {newest.holder}, renewed within {lifetime:.0f} s in {place}; wait for it "
        "(--wait SECONDS) or stop it, then run again"
    )
