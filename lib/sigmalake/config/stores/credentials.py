"""Keys and endpoints of stores, once for every client: from the variables that the stores' own tools take, or a profile of AWS.

What is not said here, such as the role of a machine, each client finds by itself.
"""

import configparser
import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from sigmalake.errors import ConfigError

SECRET = (
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
    *("AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_KEY", "AZURE_STORAGE_SAS_TOKEN", "AZURE_CLIENT_SECRET"),
)


class S3Access(NamedTuple):
    """How S3 is reached."""

    region: str | None
    endpoint: str | None = None  # None: of AWS
    key_id: str | None = None  # None: each client looks for a role
    secret: str | None = None
    token: str | None = None


class AzureAccess(NamedTuple):
    """How Azure is reached."""

    account: str | None
    endpoint: str | None = None  # URL of the account's blobs
    key: str | None = None
    sas: str | None = None


class GoogleAccess(NamedTuple):
    """How Google Cloud Storage is reached; its clients look for keys in GOOGLE_APPLICATION_CREDENTIALS."""

    endpoint: str | None = None


def s3_access(environment: Mapping[str, str] | None = None) -> S3Access:
    """From variables, and what these lack from the profile that AWS_PROFILE names.

    Raises:
        ConfigError: the profile is not there, or has no keys of its own.
    """
    given = os.environ if environment is None else environment
    named = given.get("AWS_PROFILE")
    key_id, secret = given.get("AWS_ACCESS_KEY_ID"), given.get("AWS_SECRET_ACCESS_KEY")
    profile = _profile(given, named or "default")
    if named and not key_id:
        if not profile:
            raise ConfigError(f"AWS_PROFILE is {named!r}, and no profile of that name is in {' or '.join(map(str, _files(given)))}")
        if "aws_access_key_id" not in profile:
            raise ConfigError(
                f"AWS_PROFILE: the profile {named!r} has no keys of its own ({', '.join(sorted(profile))}); put keys into the "
                f'environment: eval "$(aws configure export-credentials --profile {named} --format env)"'
            )
    from_profile = not key_id
    return S3Access(
        region=given.get("AWS_REGION") or given.get("AWS_DEFAULT_REGION") or profile.get("region"),
        endpoint=next(
            filter(None, map(given.get, ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"))), profile.get("endpoint_url")
        ),
        key_id=profile.get("aws_access_key_id") if from_profile else key_id,
        secret=profile.get("aws_secret_access_key") if from_profile else secret,
        token=profile.get("aws_session_token") if from_profile else given.get("AWS_SESSION_TOKEN"),
    )


def azure_access(account: str | None, environment: Mapping[str, str] | None = None) -> AzureAccess:
    """From variables; an account that a URI names wins."""
    given = os.environ if environment is None else environment
    return AzureAccess(
        account or given.get("AZURE_STORAGE_ACCOUNT_NAME") or given.get("AZURE_STORAGE_ACCOUNT"),
        given.get("AZURE_STORAGE_ENDPOINT"),
        given.get("AZURE_STORAGE_ACCOUNT_KEY") or given.get("AZURE_STORAGE_KEY"),
        given.get("AZURE_STORAGE_SAS_TOKEN"),
    )


def google_access(environment: Mapping[str, str] | None = None) -> GoogleAccess:
    """From variables; STORAGE_EMULATOR_HOST is the address of a server without keys."""
    given = os.environ if environment is None else environment
    return GoogleAccess(given.get("STORAGE_EMULATOR_HOST"))


def store_secrets() -> frozenset[str]:
    """The keys of stores in the environment and in its profile, which are not shown."""
    found = {os.environ[name] for name in SECRET if os.environ.get(name)}
    try:
        access = s3_access()
    except ConfigError:  # told where a store is opened
        return frozenset(found)
    return frozenset(found | {key for key in (access.key_id, access.secret, access.token) if key})


def _profile(given: Mapping[str, str], name: str) -> dict[str, str]:
    """What the two files of AWS say of a profile."""
    found: dict[str, str] = {}
    for file, section in zip(_files(given), (name if name == "default" else f"profile {name}", name), strict=True):
        read = configparser.RawConfigParser()
        try:
            read.read(file, encoding="utf-8")
        except (configparser.Error, UnicodeError) as error:
            raise ConfigError(f"{file} cannot be read as a file of profiles: {str(error).splitlines()[0]}") from None
        found |= dict(read[section]) if read.has_section(section) else {}
    return found


def _files(given: Mapping[str, str]) -> tuple[Path, Path]:
    """The configuration and the credentials of AWS."""
    named = (given.get("AWS_CONFIG_FILE", "~/.aws/config"), given.get("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials"))
    config, credentials = (Path(path).expanduser() for path in named)
    return config, credentials
