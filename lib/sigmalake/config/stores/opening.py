"""Stores opened by each client with the same keys: obstore for leases and lists, delta-rs for logs, Arrow for files, Spark."""

import json
from collections.abc import Iterable, Mapping
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from sigmalake.config.stores.credentials import (
    AzureAccess,
    GoogleAccess,
    S3Access,
    azure_access,
    google_access,
    s3_access,
)
from sigmalake.config.stores.uri import Kind, StoreUri, is_uri, parse_uri
from sigmalake.errors import ConfigError, InfrastructureError, telling_line

if TYPE_CHECKING:
    from obstore.store import ClientConfig, ObjectStore, RetryConfig
    from pyarrow import fs

CONNECT_SECONDS, REQUEST_SECONDS = 5, 60
RETRIES, RETRY_SECONDS = 4, 20  # so that a store that is down ends a run within half a minute
MISSING = ("NoSuchBucket", "ContainerNotFound", "bucket does not exist", "404 Not Found")  # in what clients say
REFUSED = ("AccessDenied", "403", "401", "Forbidden", "Unauthorized", "SignatureDoesNotMatch", "InvalidAccessKeyId")
UNREACHED = ("error sending request", "onnection refused", "timed out", "dns error", "COULDNT_CONNECT")
DEFAULT_REGION = "us-east-1"  # of servers that have none


class ArrowPlace(NamedTuple):
    """A file system of Arrow's, and a path in it."""

    files: "fs.FileSystem"
    path: str


def open_store(uri: str) -> "ObjectStore":
    """The store of a URI by obstore, opened once, with paths below the URI.

    Raises:
        ConfigError: the URI is none of a store's, or the environment does not say how to reach it.
    """
    return _opened(uri, tuple(object_store_options(uri).items()))


@cache
def _opened(uri: str, given: tuple[tuple[str, str], ...]) -> "ObjectStore":
    from obstore.exceptions import BaseError  # noqa: PLC0415 - most commands meet no URI
    from obstore.store import from_url  # noqa: PLC0415

    options = dict(given)
    client: ClientConfig = {
        "connect_timeout": f"{CONNECT_SECONDS}s",
        "timeout": f"{REQUEST_SECONDS}s",
        "allow_http": _is_plain(options),
    }
    retry: RetryConfig = {"max_retries": RETRIES, "retry_timeout": timedelta(seconds=RETRY_SECONDS)}
    try:
        return from_url(uri, config=options, client_options=client, retry_config=retry)  # type: ignore[call-overload,no-any-return]
    except (BaseError, ValueError) as error:
        raise ConfigError(f"{uri} is no place of an object store: {telling_line(error)}") from None


def delta_options(location: str) -> dict[str, str] | None:
    """What delta-rs is given for a table; None for a folder of this machine."""
    if not is_uri(location):
        return None
    options = object_store_options(location)
    seconds = {"connect_timeout": f"{CONNECT_SECONDS}s", "timeout": f"{REQUEST_SECONDS}s", "retry_timeout": f"{RETRY_SECONDS}s"}
    return {**options, **seconds, "max_retries": str(RETRIES), "allow_http": str(_is_plain(options)).lower()}


def object_store_options(uri: str) -> dict[str, str]:
    """What the Rust clients, obstore and delta-rs, are told of a store."""
    place = parse_uri(uri)
    if place.kind is Kind.S3:
        s3 = s3_access()
        given = {
            "aws_region": _region(s3), "aws_endpoint": s3.endpoint, "aws_access_key_id": s3.key_id,
            "aws_secret_access_key": s3.secret, "aws_session_token": s3.token,
        }  # fmt: skip
    elif place.kind is Kind.AZURE:
        azure = azure_access(place.account)
        given = {
            "azure_storage_account_name": azure.account, "azure_storage_endpoint": azure.endpoint,
            "azure_storage_account_key": azure.key, "azure_storage_sas_key": azure.sas,
        }  # fmt: skip
    else:
        endpoint = google_access().endpoint
        free = {"gcs_base_url": endpoint, "disable_oauth": True, "client_email": "", "private_key": "", "private_key_id": ""}
        given = {"google_service_account_key": json.dumps(free) if endpoint else None}
    return {name: value for name, value in given.items() if value}


def arrow_place(uri: str) -> ArrowPlace:
    """The file system of a URI by Arrow, opened once a store and its keys, and the path in it.

    Raises:
        ConfigError: the URI is none of a store's, or the environment does not say how to reach it.
    """
    place = parse_uri(uri)
    return ArrowPlace(_arrow_files(_access(place)), f"{place.bucket}/{place.path}".rstrip("/"))


def spark_settings(places: Iterable[str]) -> dict[str, str]:
    """Settings of a session that S3A needs for the places among these that are in S3; its keys go to Spark by a private file.

    Raises:
        ConfigError: Spark knows no such URI.
    """
    uris = [place for place in places if is_uri(place)]
    if unknown := next((uri for uri in uris if uri.startswith("az://")), None):
        raise ConfigError(f"Spark knows no az://, as in {unknown}; write abfss://container@account.dfs.core.windows.net/...")
    if not any(parse_uri(uri).kind is Kind.S3 for uri in uris):
        return {}
    s3 = s3_access()
    found = {
        "access.key": s3.key_id, "secret.key": s3.secret, "session.token": s3.token, "endpoint": s3.endpoint,
        "endpoint.region": _region(s3), "path.style.access": "true" if s3.endpoint else None,
        "connection.ssl.enabled": "false" if (s3.endpoint or "").startswith("http://") else None,
        "attempts.maximum": str(RETRIES), "retry.limit": str(RETRIES),
    }  # fmt: skip
    named = {f"spark.hadoop.fs.s3a.{name}": value for name, value in found.items() if value}
    return {"spark.hadoop.fs.s3.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem", **named}


def check_stores(places: Iterable[str]) -> None:
    """Ask each bucket among these places once, before anything else does.

    Raises:
        InfrastructureError: it is missing, refuses, or cannot be reached; in one sentence.
    """
    asked = {(place.kind, place.account, place.bucket): uri for uri in places if is_uri(uri) for place in [parse_uri(uri)]}
    if not asked:
        return
    import obstore  # noqa: PLC0415 - most commands meet no URI
    from obstore.exceptions import BaseError  # noqa: PLC0415

    for uri in asked.values():
        try:
            next(iter(obstore.list(open_store(uri), chunk_size=1)), None)
        except BaseError as error:
            raise store_error(uri, error) from None


def store_error(uri: str, error: BaseException) -> InfrastructureError:
    """What a store did, in a sentence that says what to do about it."""
    place, told = parse_uri(uri), " ".join(str(error).split())
    where = f"{place.kind.value} at {_endpoint(place)}"
    if any(word in told for word in MISSING):
        return InfrastructureError(f"{uri}: there is no bucket or container {place.bucket!r} in {where}; make it, or mend the URI")
    if any(word in told for word in REFUSED):
        return InfrastructureError(f"{uri}: {where} refuses these keys; see that they may list, read, write and delete there")
    if any(word in told for word in UNREACHED):
        return InfrastructureError(f"{uri}: {where} cannot be reached; see that its address and the network are right")
    return InfrastructureError(f"{uri}: {where} cannot be used: {telling_line(error)}")


def _endpoint(place: StoreUri) -> str:
    """The address of a store, as messages name it."""
    access = _access(place)
    if access.endpoint:
        return access.endpoint
    if isinstance(access, AzureAccess):
        return f"the account {access.account}"
    return f"the region {access.region or 'of AWS_REGION'}" if isinstance(access, S3Access) else "googleapis.com"


def _access(place: StoreUri) -> S3Access | AzureAccess | GoogleAccess:
    if place.kind is Kind.S3:
        return s3_access()
    return azure_access(place.account) if place.kind is Kind.AZURE else google_access()


def _region(access: S3Access) -> str:
    """The region of S3, which no client guesses as another does.

    Raises:
        ConfigError: it is AWS's own S3, and none is said.
    """
    if access.region is None and access.endpoint is None:
        raise ConfigError("the region of the bucket is not known; set AWS_REGION, e.g. eu-central-1, or AWS_ENDPOINT_URL")
    return access.region or DEFAULT_REGION


def _is_plain(options: Mapping[str, str]) -> bool:
    """Whether a store is reached without encryption."""
    return any("http://" in value for value in options.values())


@cache
def _arrow_files(access: S3Access | AzureAccess | GoogleAccess) -> "fs.FileSystem":
    from pyarrow import fs  # noqa: PLC0415

    server = urlsplit(access.endpoint or "")
    scheme = server.scheme or "https"
    if isinstance(access, S3Access):
        return fs.S3FileSystem(
            access_key=access.key_id, secret_key=access.secret, session_token=access.token, region=_region(access), scheme=scheme,
            endpoint_override=server.netloc or None, connect_timeout=CONNECT_SECONDS, request_timeout=REQUEST_SECONDS,
            retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=RETRIES),
        )  # fmt: skip
    if isinstance(access, GoogleAccess):
        return fs.GcsFileSystem(
            anonymous=bool(server.netloc), scheme=scheme, endpoint_override=server.netloc or None,
            retry_time_limit=timedelta(seconds=RETRY_SECONDS),
        )  # fmt: skip
    if access.account is None:
        raise ConfigError("the account of Azure is not known; set AZURE_STORAGE_ACCOUNT_NAME, or name it in the URI")
    return fs.AzureFileSystem(
        access.account, account_key=access.key, sas_token=access.sas, blob_storage_scheme=scheme, dfs_storage_scheme=scheme,
        blob_storage_authority=server.netloc or None, dfs_storage_authority=server.netloc or None,
    )  # fmt: skip
