"""Claims to write to a lake, and where they are kept: what decides which of two claimants wins.

The claim with the highest fencing number holds the lake. A place has to give one thing, that of two writers who add the same number
one fails: O_EXCL in a folder, a conditional put in an object store, a serialisable MERGE in a catalog.
"""

import json
import os
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar

from sigmalake.errors import InfrastructureError

KEPT = 20  # claims kept for the record
FOLDER = "_lease"  # in the lake

Place = TypeVar("Place", Path, str)


@dataclass(frozen=True)
class Claim:
    """Who holds, or held, a lake."""

    fence: int
    owner: str
    host: str  # with the process namespace, where there is one
    pid: int
    expires_at: float  # seconds since 1970, by the claimant's clock
    released: bool

    @property
    def file_name(self) -> str:
        """Of the file or object that holds it; names sort as the numbers do."""
        return f"{self.fence:09d}.json"

    def as_json(self) -> str:
        """What the file holds."""
        return json.dumps(asdict(self))

    def alive(self, now: float) -> bool:
        """Whether the holder may still be writing."""
        return now < self.expires_at and not self.over

    @property
    def over(self) -> bool:
        """Whether the holder will never write again: it gave the lake back, or is known to have died. Else it may be asleep."""
        return self.released or (self.host == this_host() and not _process_lives(self.pid))


def this_host() -> str:
    """This machine, and the namespace of its process ids: containers may share a name, and see each other's processes as dead."""
    try:
        return f"{socket.gethostname()} {Path('/proc/self/ns/pid').readlink()}"  # e.g. "node pid:[4026531836]"
    except OSError:  # not Linux, or /proc is closed
        return socket.gethostname()


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
        """The claim that holds the lake, or held it last."""

    def add(self, claim: Claim) -> bool:
        """Put down a new claim; False where its number is taken."""

    def renew(self, claim: Claim) -> None:
        """Put down what became of one's own claim."""


class FolderClaims:
    """Files `_lease/<fence>.json` of a folder, made with O_EXCL."""

    def __init__(self, lake: Path, pace: Pace = LOCAL) -> None:
        self.lake, self.pace = str(lake), pace
        self._folder = lake / FOLDER

    def newest(self) -> Claim | None:
        """As `Claims`; one claimed this instant and not yet written counts as alive."""
        with self._explained():
            for path in sorted(self._folder.glob("*.json"), reverse=True):
                try:
                    return Claim(**json.loads(path.read_text()))
                except (ValueError, TypeError):
                    made = path.stat().st_mtime
                    return Claim(int(path.stem), "a run that is starting", "?", 0, made + self.pace.lifetime, released=False)
                except FileNotFoundError:
                    continue
        return None

    def add(self, claim: Claim) -> bool:
        """As `Claims`."""
        with self._explained():
            self._folder.mkdir(parents=True, exist_ok=True)
            try:
                handle = os.open(self._folder / claim.file_name, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
            except FileExistsError:
                return False
            with os.fdopen(handle, "w") as file:
                file.write(claim.as_json())
            for old in superseded(self._folder.glob("*.json")):
                old.unlink(missing_ok=True)
        return True

    def renew(self, claim: Claim) -> None:
        """As `Claims`; the file is replaced whole."""
        path = self._folder / claim.file_name
        partial = path.with_suffix(".partial")
        with self._explained():
            partial.write_text(claim.as_json())
            partial.replace(path)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise InfrastructureError(
                f"the lake {self.lake} cannot be written: {error.strerror} ({error.filename}); "
                "make it writable for this user, or name another folder as `lake:`"
            ) from error


def superseded(places: Iterable[Place]) -> list[Place]:
    """The claims that are no longer kept, of all that there are."""
    return sorted(places)[:-KEPT]


def _process_lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
