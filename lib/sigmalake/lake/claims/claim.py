"""Claims to write to a lake, and where they are kept: what decides which of two claimants wins.

The claim with the highest fencing number holds the lake. A place has to give one thing, that of two writers who add the same number
one fails: a hard link in a folder, a conditional put in an object store, a serialisable MERGE in a catalog.
"""

import json
import math
import os
import re
import socket
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import NamedTuple, Protocol

from sigmalake.errors import InfrastructureError

KEPT = 20  # claims kept for the record
FOLDER = "_lease"  # in the lake
OF_A_CLAIM = re.compile(r"(\d{9,})\.json")  # names of files and objects that hold one
FAR = 10  # lifetimes: a claim that lasts longer was dated by a clock that is wrong


@dataclass(frozen=True)
class Claim:
    """Who holds, or held, a lake."""

    fence: int
    owner: str
    host: str  # the machine since it was started, with the process namespace, where there is one
    pid: int
    expires_at: float  # seconds since 1970, by the claimant's clock
    released: bool
    started: int | None = None  # when the process began, in ticks since the machine did; None: not known

    @property
    def file_name(self) -> str:
        """Of the file or object that holds it."""
        return f"{self.fence:09d}.json"

    def as_json(self) -> str:
        """What the file holds."""
        return json.dumps(asdict(self))

    def alive(self, now: float) -> bool:
        """Whether the holder may still be writing."""
        return now < self.expires_at and not self.over

    @property
    def over(self) -> bool:
        """Whether the lake is free at once: the holder gave it back, or has ended on this machine."""
        return self.released or (self.host == this_host() and not _process_lives(self.pid, self.started))

    @property
    def holder(self) -> str:
        """Who holds it, for a message."""
        return f"{self.owner} (pid {self.pid} on {self.host.split(' ')[0]}, lease {self.fence})"


class UnreadableClaimError(InfrastructureError):
    """A claim that this version cannot read. Whether its holder is at work is not known."""

    def __init__(self, fence: int, where: str, problem: str) -> None:
        super().__init__(
            f"{where}, the lease of the lake, {problem}. See that no run is at work on the lake, then end the lease with "
            "`sigmalake lease --config FILE --break` and run again"
        )
        self.fence = fence  # by its name


def read_claim(content: bytes, fence: int, where: str) -> Claim:
    """A claim from what a file or object holds; what a later version has put beside the fields known here is passed over.

    Raises:
        UnreadableClaimError: it is no claim, or not the one of its number.
    """
    try:
        found = json.loads(content.decode())
    except ValueError as error:
        raise UnreadableClaimError(fence, where, f"is not readable ({error})") from None
    if not isinstance(found, dict):
        raise UnreadableClaimError(fence, where, f"holds {json.dumps(found)[:40]} and no claim")
    known = {field.name: found[field.name] for field in fields(Claim) if field.name in found}
    kinds = {"fence": int, "owner": str, "host": str, "pid": int, "expires_at": int | float, "released": bool}
    if wrong := [name for name, kind in kinds.items() if not isinstance(known.get(name), kind)]:
        raise UnreadableClaimError(fence, where, f"has no {', '.join(wrong)} that this version of sigmalake can read")
    if not isinstance(known.get("started"), int | None) or not math.isfinite(known["expires_at"]) or known["fence"] != fence:
        told = ", ".join(f"{name} {known.get(name)!r}" for name in ("fence", "expires_at", "started"))
        raise UnreadableClaimError(fence, where, f"has values that cannot be: {told}")
    return Claim(**known)


def this_host() -> str:
    """This machine since its last start, and the namespace of its process ids.

    Machines may share a name, and containers of one machine see each other's processes as dead.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{socket.gethostname()} {boot} {Path('/proc/self/ns/pid').readlink()}"  # e.g. "node 1b4e... pid:[4026531836]"
    except OSError:  # not Linux, or /proc is closed
        return socket.gethostname()


def new_claim(fence: int, owner: str, expires_at: float) -> Claim:
    """A claim of this process."""
    return Claim(fence, owner, this_host(), os.getpid(), expires_at, released=False, started=started_at(os.getpid()))


class Pace(NamedTuple):
    """How fast claims lapse."""

    lifetime: float  # seconds without renewal after which a holder counts as dead
    poll: float  # seconds between two looks of one who waits


LOCAL = Pace(lifetime=60.0, poll=0.2)


class Claims(Protocol):
    """The claims of one lake. What goes wrong with the place is an InfrastructureError."""

    lake: str
    pace: Pace

    def newest(self) -> Claim | None:
        """The claim that holds the lake, or held it last.

        Raises:
            UnreadableClaimError: it cannot be told who holds the lake.
        """

    def add(self, claim: Claim) -> bool:
        """Put down a new claim, whole or not at all; False where its number is taken."""

    def renew(self, claim: Claim) -> None:
        """Put down what became of one's own claim."""

    def place(self, fence: int) -> str:
        """Where the claim of a number is, for a message."""


def numbers_of(names: Iterable[str]) -> list[int]:
    """The numbers of the claims among files or objects of these names, the newest first; what is no claim is passed over."""
    return sorted((int(found[1]) for name in names if (found := OF_A_CLAIM.fullmatch(name))), reverse=True)


def started_at(pid: int) -> int | None:
    """When a process began, in ticks since the machine did: by that it is told from a later one with its number."""
    try:
        after_name = Path(f"/proc/{pid}/stat").read_bytes().rsplit(b")", 1)[1].split()
    except (OSError, IndexError):
        return None
    return None if after_name[0] in (b"Z", b"X") else int(after_name[19])


def _process_lives(pid: int, started: int | None) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return started is None or started_at(pid) == started
