"""The version of a lake's layout: what every reader and writer checks first."""

import re
from pathlib import Path

from sigmalake.errors import ConfigError

FORMAT = 2
"""Version of the lake's layout: tables, columns and what they mean."""

OLDER_FORMATS = (1,)
"""Formats that are read as they are, and that `sigmalake upgrade` brings to this one."""

FORMAT_PROPERTY = "sigmalake.format"

UNREADABLE_PATH = re.compile(r"%[0-9A-Fa-f]{2}|\\|[\x00-\x1f\x7f]")
"""In a path: a code that delta-rs decodes, a backslash that it drops, or a control character that it refuses."""


def check_root(root: str) -> None:
    """Refuse a lake where no lake can be: a path that Delta reads as another, a file, or a folder that is one Delta table."""
    if "://" not in root and (found := UNREADABLE_PATH.search(root)):
        raise ConfigError(
            f"lake: {root!r} has {found[0]!r} in its path, which Delta takes for something else; name a folder without "
            "backslashes, control characters and percent codes"
        )
    if "://" in root:
        return
    if Path(root).is_file():
        raise ConfigError(f"lake: {root} is a file; a lake is a folder of tables: name a folder, which need not exist yet")
    if Path(root, "_delta_log").is_dir():
        raise ConfigError(f"lake: {root} is itself a Delta table; a lake is a folder of tables: name another folder")


def check_readable(found: str | None, where: str) -> None:
    """Refuse a table whose layout this version cannot read; releases of older formats are read as they are."""
    if found in {str(older) for older in OLDER_FORMATS}:
        return
    if found != str(FORMAT):
        said = f"has lake format {found}" if found and found.isdigit() else "was not made by sigmalake"
        raise ConfigError(
            f"{where} {said}; this version reads and writes format {FORMAT}. Use the version that made it, or another folder."
        )


def check_format(found: str | None, where: str) -> None:
    """Refuse a table whose layout this version does not write."""
    if found in {str(older) for older in OLDER_FORMATS}:
        raise ConfigError(
            f"{where} has lake format {found}, and this version writes format {FORMAT}; use `sigmalake upgrade` once, which "
            "changes no row. Its releases can be read as they are"
        )
    check_readable(found, where)
