"""Files of a folder, on this machine or behind a URI: listed, read, copied, deleted."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from pyarrow import fs

from sigmalake.errors import InfrastructureError, telling_line
from sigmalake.lake.log import file_system


class StoredFile(NamedTuple):
    """A file as it is stored."""

    path: str  # relative to the folder
    size: int  # bytes
    written: datetime  # UTC


class Place:
    """A folder, on this machine or in an object store."""

    def __init__(self, location: str) -> None:
        """The files under a folder or URI, which need not exist.

        Raises:
            ConfigError: the URI is of no store that can be read.
        """
        self.location = location
        self._storage = file_system(location)

    def files(self) -> list[StoredFile]:
        """All files, those of sub-folders and hidden ones, too; none where there is no folder."""
        with self._explained("read"):
            found = self._storage.get_file_info(fs.FileSelector("", recursive=True, allow_not_found=True))
        return [StoredFile(info.path, info.size, info.mtime) for info in found if info.type == fs.FileType.File]

    def read(self, path: str) -> bytes:
        """What a file holds."""
        with self._explained("read"), self._storage.open_input_stream(path) as file:
            return bytes(file.read())

    def delete(self, path: str) -> None:
        """Remove a file."""
        with self._explained("deleted"):
            self._storage.delete_file(path)

    def copy_from(self, other: "Place", path: str) -> int:
        """Copy a file of another place to the same path here; gives its bytes."""
        with self._explained("copied"):
            self._make_parents(path)
            with (
                other._storage.open_input_stream(path) as source,
                self._storage.open_output_stream(path) as target,
            ):
                shutil.copyfileobj(source, target, 8 << 20)
                return int(target.tell())

    def _make_parents(self, path: str) -> None:
        if isinstance(self._storage.base_fs, fs.LocalFileSystem):  # an object store has no folders
            self._storage.base_fs.create_dir(str(Path(self._storage.base_path, path).parent), recursive=True)

    @contextmanager
    def _explained(self, done: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise InfrastructureError(
                f"a file of {self.location} cannot be {done}: {telling_line(error)}; see that it is there, that this user may, and "
                "that the disk has room, then run again"
            ) from error
