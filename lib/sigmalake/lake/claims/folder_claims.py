"""Claims to a lake that lies in a folder."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sigmalake.errors import InfrastructureError
from sigmalake.lake.claims.claim import FOLDER, KEPT, LOCAL, Claim, Pace, UnreadableClaimError, numbers_of, read_claim

PARTIAL = ".partial"  # a claim on its way to its name


class FolderClaims:
    """Files `_lease/<fence>.json` of a folder, each written beside and then linked to its name, which only one can do."""

    def __init__(self, lake: Path, pace: Pace = LOCAL) -> None:
        self.lake, self.pace = str(lake), pace
        self._folder = lake / FOLDER

    def newest(self) -> Claim | None:
        """As `Claims`.

        A file without content, which a power failure or an older version may leave, counts as that of a run that is starting
        until its age says otherwise.
        """
        with self._explained():
            for fence in self._numbers():
                path = self._folder / _name(fence)
                try:
                    content = path.read_bytes()
                    made = path.stat().st_mtime
                except FileNotFoundError:
                    if path.is_symlink():
                        raise UnreadableClaimError(fence, str(path), "is a link that leads nowhere") from None
                    continue
                if not content:
                    return Claim(fence, "a run that is starting", "?", 0, made + self.pace.lifetime, released=False)
                return read_claim(content, fence, str(path))
        return None

    def add(self, claim: Claim) -> bool:
        """As `Claims`."""
        with self._explained():
            self._folder.mkdir(parents=True, exist_ok=True)
            partial = self._written(claim)
            now = partial.stat().st_mtime  # by the clock of the folder's host, as those of other files are
            try:
                _link(partial, self._folder / claim.file_name)
            except FileExistsError:
                return False
            finally:
                partial.unlink(missing_ok=True)
            self._clear(now)
        return True

    def renew(self, claim: Claim) -> None:
        """As `Claims`; the file is replaced whole."""
        with self._explained():
            self._written(claim).replace(self._folder / claim.file_name)

    def place(self, fence: int) -> str:
        """As `Claims`."""
        return str(self._folder / _name(fence))

    def _numbers(self) -> list[int]:
        return numbers_of(path.name for path in self._folder.glob("*.json"))

    def _written(self, claim: Claim) -> Path:
        """A file beside that holds the whole claim, also after a power failure."""
        partial = self._folder / f"{claim.file_name}.{uuid.uuid4().hex[:8]}{PARTIAL}"
        with partial.open("w", encoding="utf-8") as file:
            file.write(claim.as_json())
            file.flush()
            os.fsync(file.fileno())
        return partial

    def _clear(self, now: float) -> None:
        """Take away claims beyond those kept for the record, and what killed writers left beside."""
        for fence in self._numbers()[KEPT:]:
            (self._folder / _name(fence)).unlink(missing_ok=True)
        for path in self._folder.glob(f"*{PARTIAL}"):
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < now - self.pace.lifetime:
                    path.unlink()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise InfrastructureError(
                f"the lake {self.lake} cannot be written: {error.strerror} ({error.filename}); "
                "make it writable for this user, or name another folder as `lake:`"
            ) from error


def _name(fence: int) -> str:
    return f"{fence:09d}.json"


def _link(partial: Path, path: Path) -> None:
    """Give a file a second name that nothing else has.

    Raises:
        FileExistsError: something has it.
    """
    try:
        os.link(partial, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links: the name is taken first, and the content follows at once
        with path.open("x", encoding="utf-8") as file:
            file.write(partial.read_text(encoding="utf-8"))
