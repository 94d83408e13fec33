"""The paths of a configuration: relative ones are meant from a folder, places of other kinds are written as Spark reads them."""

import re
from collections.abc import Sequence
from os import PathLike
from pathlib import Path, PurePosixPath
from typing import Any

from sigmalake.config.environment.variables import Resolved
from sigmalake.config.stores.uri import check_scheme
from sigmalake.config.types import CATALOG_NAME
from sigmalake.errors import ConfigError

PATHS = ("lake", "sources.*.path", "covariance.assets.file", "evaluate.portfolios", "local.scratch")


def resolve_paths(body: dict[str, Any], folder: Path | str) -> None:
    """Make the paths of a configuration absolute, in place.

    Raises:
        ConfigError: a URI is of no kind that can be read.
    """
    for place in PATHS:
        _resolve(body, place.split("."), "", folder)


def _resolve(section: Any, place: Sequence[str], above: str, folder: Path | str) -> None:
    if not isinstance(section, dict):
        return
    name, *below = place
    for key in section if name == "*" else {name} & section.keys():
        value, here = section[key], f"{above}{key}"
        if below:
            _resolve(value, below, f"{here}.", folder)
        elif isinstance(value, str | PathLike) and not (here == "lake" and CATALOG_NAME.fullmatch(str(value))):
            path = _absolute(here, str(value), folder)
            section[key] = Resolved.of(path, path, value.secrets) if isinstance(value, Resolved) else path


def _absolute(key: str, path: str, folder: Path | str) -> str:
    if "\0" in path:
        raise ConfigError(f"{key}: {path!r} is not a path: it holds a character NUL; take it out")
    scheme = re.match(r"([a-z][a-z0-9+.-]+):", path)
    if scheme is None:
        return _relative(path, folder) if path else path
    if scheme[1] == "file":
        if not (local := re.fullmatch(r"file:(//)?(/[^/].*)", path)):
            raise ConfigError(f"{key}: {path!r} is not a path of this machine; give /folder/file or file:///folder/file")
        return local[2]
    check_scheme(key, path, scheme[1])
    if not re.match(r"[a-z0-9+.-]+://[^/]", path):
        raise ConfigError(
            f"{key}: {path!r} is not a path: after {scheme[1]}: a URI goes on as //host/..., e.g. s3a://bucket/folder"
        )
    return path


def _relative(path: str, folder: Path | str) -> str:
    """A path as it is meant from a folder, or from a URI's."""
    if isinstance(folder, Path) or PurePosixPath(path).is_absolute() or path.startswith("~"):
        return str((Path(folder) / Path(path).expanduser()).resolve())
    parts: list[str] = []
    bucket, *above = folder.split("://", 1)[1].split("/")
    for part in (*above, *PurePosixPath(path).parts):
        parts = parts[:-1] if part == ".." else [*parts, part]
    return f"{folder.split('://', 1)[0]}://{'/'.join([bucket, *parts])}"
