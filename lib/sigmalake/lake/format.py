"""The version of a lake's layout: what every reader and writer checks first."""

from sigmalake.errors import ConfigError

FORMAT = 1
"""Version of the lake's layout: tables, columns and what they mean."""

FORMAT_PROPERTY = "sigmalake.format"


def check_format(found: str | None, where: str) -> None:
    """Refuse a table whose layout this version does not know."""
    if found != str(FORMAT):
        said = f"has lake format {found}" if found and found.isdigit() else "was not made by sigmalake"
        raise ConfigError(
            f"{where} {said}; this version reads and writes format {FORMAT}. Use the version that made it, or another folder."
        )
