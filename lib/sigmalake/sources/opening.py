"""A file of this machine or behind a URI, opened and listed; in a path of this machine every character is plain."""

from functools import cache
from typing import NamedTuple
from urllib.parse import quote, unquote, urlsplit

import pyarrow as pa
from pyarrow import fs

from sigmalake.errors import InfrastructureError


class Place(NamedTuple):
    """A file system and a path in it."""

    files: fs.FileSystem
    path: str


class ListedFile(NamedTuple):
    """A file behind a URI."""

    uri: str
    relative: str  # to the place that was listed; empty for that place itself
    size: int
    state: str  # its size and time: the same, and its content is the same


def is_uri(path: str) -> bool:
    """Whether a path names a store rather than a file of this machine."""
    return "://" in path


def open_file(path: str) -> pa.NativeFile:
    """A file at random access.

    Raises:
        InfrastructureError: the store cannot be reached.
    """
    if not is_uri(path):
        return pa.OSFile(path)
    files, inner = locate(path)
    return files.open_input_file(inner)


def locate(uri: str) -> Place:
    """The file system of a URI, opened once a store, and the path in it.

    Raises:
        InfrastructureError: there is no file system for it.
    """
    parts = urlsplit(uri)
    try:
        files, root = _file_system(parts.scheme, parts.netloc, parts.query)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
        raise InfrastructureError(f"{uri}: no file system can be opened for it ({error}); `engine: spark` may have one") from error
    return Place(files, f"{root.rstrip('/')}/{unquote(parts.path).lstrip('/')}")


@cache
def _file_system(scheme: str, authority: str, query: str) -> tuple[fs.FileSystem, str]:
    opened: tuple[fs.FileSystem, str] = fs.FileSystem.from_uri(f"{scheme}://{authority}/{'?' + query if query else ''}")
    return opened


def list_uri(uri: str) -> list[ListedFile]:
    """Every file at a URI or in the folder that it names, sub-folders included; none where there is nothing.

    Raises:
        InfrastructureError: the store cannot be reached.
    """
    files, path = locate(uri)
    try:
        info = files.get_file_info(path)
        if info.type == fs.FileType.File:
            return [_listed(uri, "", info)]
        inside = files.get_file_info(fs.FileSelector(path, recursive=True, allow_not_found=True))
    except OSError as error:
        raise InfrastructureError(f"{uri} cannot be listed: {error}") from error
    base, _, query = uri.partition("?")
    listed = []
    for item in inside:
        if item.type == fs.FileType.File:
            relative = item.path[len(path) :].strip("/")
            listed.append(_listed(f"{base.rstrip('/')}/{quote(relative)}{'?' + query if query else ''}", relative, item))
    return listed


def _listed(uri: str, relative: str, info: fs.FileInfo) -> ListedFile:
    return ListedFile(uri, relative, info.size, f"{info.size}:{info.mtime_ns}")
