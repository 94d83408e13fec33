"""What a URI of an object store says, and which schemes there are."""

from enum import Enum
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from sigmalake.errors import ConfigError


class Kind(Enum):
    """Whose store it is."""

    S3 = "S3"
    GOOGLE = "Google Cloud Storage"
    AZURE = "Azure"


KINDS = {"s3": Kind.S3, "s3a": Kind.S3, "gs": Kind.GOOGLE, "abfs": Kind.AZURE, "abfss": Kind.AZURE, "az": Kind.AZURE}
INSTEAD = {
    "dbfs": "on Databricks give the folder /dbfs/... or /Volumes/..., or `catalog.schema`",
    "adl": "Azure Data Lake Storage Gen1 is no more; give abfss://container@account.dfs.core.windows.net/...",
    "wasb": "give abfss://container@account.dfs.core.windows.net/...",
    "wasbs": "give abfss://container@account.dfs.core.windows.net/...",
    "hdfs": "no reader here has its library; mount it, or name a table of a catalog",
    "viewfs": "no reader here has its library; mount it, or name a table of a catalog",
    "s3n": "give s3://...",
    **dict.fromkeys(("http", "https", "ftp"), "download it and give its path"),
}


class StoreUri(NamedTuple):
    """A place in an object store."""

    kind: Kind
    bucket: str  # or container
    path: str  # in it, without slashes around it
    account: str | None = None  # of Azure, where the URI names it


def is_uri(path: str) -> bool:
    """Whether a path names a store rather than a file of this machine."""
    return "://" in path


def check_scheme(key: str, uri: str, scheme: str) -> None:
    """Refuse a URI that no reader can serve.

    Raises:
        ConfigError: says what to give in its place.
    """
    if scheme not in KINDS:
        served = ", ".join(f"{known}://" for known in KINDS)
        instead = INSTEAD.get(scheme, f"a URI begins with one of {served}")
        raise ConfigError(f"{key}: {uri!r}: {scheme}: cannot be read here; {instead}")


def parse_uri(uri: str) -> StoreUri:
    """The parts of a URI.

    Raises:
        ConfigError: it is none of a store that is read.
    """
    scheme, rest = uri.split("://", 1)
    check_scheme("URI", uri, scheme)
    kind, parts = KINDS[scheme], urlsplit(f"store://{rest}")
    if parts.query:
        raise ConfigError(f"{uri}: a URI here has no question mark; endpoint and keys come from the environment")
    path = unquote(parts.path).strip("/")
    if kind is not Kind.AZURE or parts.username is None:
        return StoreUri(kind, parts.netloc, path)
    return StoreUri(kind, parts.username, path, (parts.hostname or "").split(".")[0])
