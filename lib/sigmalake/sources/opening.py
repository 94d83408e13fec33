"""A file of this machine or behind a URI, opened and listed; in a path of this machine every character is plain."""

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote, unquote

import obstore
import pyarrow as pa
from obstore.exceptions import BaseError, NotFoundError

from sigmalake.config.stores.opening import arrow_place, open_store, store_error
from sigmalake.config.stores.uri import is_uri

HERE = "file://"  # before a path of this machine, whose characters it encodes

if TYPE_CHECKING:
    from obstore import ObjectMeta


class ListedFile(NamedTuple):
    """A file behind a URI."""

    uri: str
    relative: str  # to the place that was listed; empty for that place itself
    size: int
    state: str  # its size and e-tag, or its time: the same, and its content is the same


def open_file(path: str) -> pa.NativeFile:
    """A file at random access.

    Raises:
        ConfigError: the URI is none of a store's, or the environment does not say how to reach it.
    """
    if path.startswith(HERE):
        path = unquote(path.removeprefix(HERE))
    if not is_uri(path):
        return pa.OSFile(path)
    files, inner = arrow_place(path)
    return files.open_input_file(inner)


def list_uri(uri: str) -> list[ListedFile]:
    """Every file at a URI or in the folder that it names, sub-folders included; none where there is nothing.

    Raises:
        InfrastructureError: the store is missing, refuses or cannot be reached.
    """
    base = uri.rstrip("/")
    try:
        inside = [found for batch in obstore.list(open_store(base)) for found in batch]
        if not inside:
            folder, _, name = base.rpartition("/")
            return [] if folder.endswith("/") else [_listed(base, "", obstore.head(open_store(folder), unquote(name)))]
    except (NotFoundError, FileNotFoundError):
        return []
    except BaseError as error:
        raise store_error(uri, error) from None
    above = {parent for found in inside for parent in _parents(found["path"])}
    files = [found for found in inside if found["size"] or found["path"] not in above]  # some tools put an object for a folder
    return [_listed(f"{base}/{quote(found['path'], safe='/=')}", found["path"], found) for found in files]


def _listed(uri: str, relative: str, found: "ObjectMeta") -> ListedFile:
    return ListedFile(uri, relative, found["size"], f"{found['size']}:{found['e_tag'] or found['last_modified'].isoformat()}")


def _parents(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:length]) for length in range(1, len(parts))]
