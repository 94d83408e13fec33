"""A file that lists assets."""

from pathlib import Path

from sigmalake.errors import ConfigError
from sigmalake.reader.files.rows_with_ids import read_rows_with_ids, utf8_text


def read_asset_file(path: Path) -> list[str]:
    """Assets from a text file, one a line, or from the column `asset_id` of a .csv or .parquet file; each once.

    Raises:
        ConfigError: the file cannot be read, has no such column, or lists nothing.
        DataError: an id is missing, empty, or neither text nor a whole number.
    """
    listed = _column(path) if path.suffix in {".csv", ".parquet"} else _lines(path)
    if not listed:
        raise ConfigError(f"{path} lists no assets")
    return list(dict.fromkeys(listed))


def _column(path: Path) -> list[str]:
    rows = read_rows_with_ids(path)
    if "asset_id" not in rows.column_names:
        raise ConfigError(f"assets cannot be read from {path}: it has no column asset_id; it has {', '.join(rows.column_names)}")
    found: list[str] = rows.column("asset_id").to_pylist()
    return found


def _lines(path: Path) -> list[str]:
    try:
        text = utf8_text(path)
    except OSError as error:
        raise ConfigError(f"assets cannot be read from {path}: {error}") from None
    return [line.strip() for line in text.splitlines() if line.strip()]
