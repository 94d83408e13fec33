"""Files that the command line names by a URI: fetched before a verb begins, put where they belong once it is done."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from sigmalake.cli.terminal import show_as
from sigmalake.config.stores.uri import is_uri


class _Files:
    """Copies on this machine of what this command names by URIs."""

    folders: list[tempfile.TemporaryDirectory[str]]
    targets: dict[str, Path]


def fetched(given: str) -> Path:
    """The file that an option names; a copy of it where that is a URI."""
    if not is_uri(given):
        return Path(given)
    from sigmalake.config.stores.files import fetch  # noqa: PLC0415 - most commands meet no URI

    copy = fetch(given, _new_folder())
    show_as(str(copy), given)
    return copy


def written(given: str) -> Path:
    """Where to write what an option names; for a URI a place on this machine, from which it is put there."""
    if not is_uri(given):
        return Path(given)
    copy = _new_folder() / PurePosixPath(given).name
    _Files.targets[given] = copy
    show_as(str(copy), given)
    return copy


@contextmanager
def files_of_stores() -> Iterator[None]:
    """In here a command is read and done; what it wrote for URIs is put there if it did not fail."""
    _Files.folders, _Files.targets = [], {}
    try:
        yield
        for uri, copy in _Files.targets.items():
            if copy.exists():
                from sigmalake.config.stores.files import put  # noqa: PLC0415

                put(copy, uri)
    finally:
        for folder in _Files.folders:
            folder.cleanup()


def _new_folder() -> Path:
    _Files.folders.append(tempfile.TemporaryDirectory(prefix="sigmalake-"))  # of mode 0700
    return Path(_Files.folders[-1].name)
