"""Small files by a path or a URI: what is behind a URI is copied to a private folder and read there, or written there and put."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from sigmalake.config.stores.opening import open_store, store_error
from sigmalake.config.stores.uri import is_uri, parse_uri
from sigmalake.errors import ConfigError, SigmalakeError


@contextmanager
def readable(place: str) -> Iterator[Path]:
    """A file to read: that of this machine, or a copy of what a URI names, which is removed after.

    Raises:
        ConfigError: there is nothing at the URI.
        InfrastructureError: its store is missing, refuses or cannot be reached.
    """
    if not is_uri(place):
        yield Path(place)
        return
    with tempfile.TemporaryDirectory(prefix="sigmalake-") as folder:
        copy = fetch(place, Path(folder))
        try:
            yield copy
        except SigmalakeError as error:
            error.args = tuple(str(told).replace(str(copy), place) for told in error.args)
            raise


def fetch(uri: str, folder: Path) -> Path:
    """Copy what a URI names to a file of the same name in a folder of this machine.

    Raises:
        ConfigError: there is nothing at the URI.
        InfrastructureError: its store is missing, refuses or cannot be reached.
    """
    copy = folder / (PurePosixPath(parse_uri(uri).path).name or "file")
    copy.write_bytes(read_bytes(uri))
    return copy


def read_bytes(uri: str) -> bytes:
    """What a URI names.

    Raises:
        ConfigError: there is nothing.
        InfrastructureError: its store is missing, refuses or cannot be reached.
    """
    import obstore  # noqa: PLC0415 - most commands meet no URI
    from obstore.exceptions import BaseError, NotFoundError  # noqa: PLC0415

    root, key = _root_and_key(uri)
    try:
        return bytes(obstore.get(open_store(root), key).bytes())
    except (NotFoundError, FileNotFoundError) as error:
        if "NoSuchBucket" in str(error):
            raise store_error(uri, error) from None
        raise ConfigError(f"there is no file {uri}") from None
    except BaseError as error:
        raise store_error(uri, error) from None


def is_stored(uri: str) -> bool:
    """Whether there is a file at a URI.

    Raises:
        InfrastructureError: its store is missing, refuses or cannot be reached.
    """
    import obstore  # noqa: PLC0415
    from obstore.exceptions import BaseError, NotFoundError  # noqa: PLC0415

    root, key = _root_and_key(uri)
    try:
        obstore.head(open_store(root), key)
    except (NotFoundError, FileNotFoundError):
        return False
    except BaseError as error:
        raise store_error(uri, error) from None
    return True


def put(path: Path, uri: str) -> None:
    """Put a file of this machine, or all files of a folder, to a URI.

    Raises:
        InfrastructureError: its store is missing, refuses or cannot be reached.
    """
    import obstore  # noqa: PLC0415
    from obstore.exceptions import BaseError  # noqa: PLC0415

    root, key = _root_and_key(uri)
    inside = {file: f"{key}/{file.relative_to(path).as_posix()}" for file in path.rglob("*") if file.is_file()}
    try:
        store = open_store(root)
        for file, name in (inside if path.is_dir() else {path: key}).items():
            obstore.put(store, name, file)
    except BaseError as error:
        raise store_error(uri, error) from None


def _root_and_key(uri: str) -> tuple[str, str]:
    """The URI of a bucket, and what names a file in it."""
    if not (key := parse_uri(uri).path):
        raise ConfigError(f"{uri} names a bucket; name a file in it")
    return "/".join(uri.split("/")[:3]), key
