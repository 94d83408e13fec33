"""The files of `--to`: what they are by the ending of their names, and how they are written, whole or not at all."""

import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from sigmalake.errors import ConfigError, InfrastructureError
from sigmalake.reader.answer import Answer
from sigmalake.reader.exports.tools import tool
from sigmalake.report.sheet.blocks import Sheet
from sigmalake.report.sheet.content import sheet_of
from sigmalake.report.sheet.page import write_page
from sigmalake.report.sheet.rows import write_csv, write_parquet
from sigmalake.report.sheet.workbook import write_workbook

WRITERS: dict[str, Callable[[Sheet, Path], None]] = {
    ".html": write_page,
    ".xlsx": write_workbook,
    ".csv": write_csv,
    ".parquet": write_parquet,
}


def check_files(paths: Sequence[Path]) -> list[Path]:
    """The files, each of which can be written, before anything is computed.

    Raises:
        ConfigError: an ending that is none of the four, a file that comes twice, or no folder.
        InfrastructureError: xlsxwriter is not installed, which a workbook needs.
    """
    for path in paths:
        if path.suffix.lower() not in WRITERS:
            raise ConfigError(f"--to {path}: the ending says what is written: {', '.join(WRITERS)}")
        if not path.parent.is_dir():
            raise ConfigError(f"--to {path}: there is no folder {path.parent}; make it first")
        if path.is_dir():
            raise ConfigError(f"--to {path} is a folder; name a file")
        if path.suffix.lower() == ".xlsx":
            tool("xlsxwriter", "sigmalake[excel]", f"--to {path}: a workbook")
    resolved = [path.resolve() for path in paths]
    if twice := [path for path in resolved if resolved.count(path) > 1]:
        raise ConfigError(f"--to names {twice[0]} twice; name each file once")
    return list(paths)


def write_files(answer: Answer, paths: Sequence[Path]) -> list[str]:
    """Write each file, and say so in a line.

    Raises:
        InfrastructureError: a file cannot be written.
    """
    if not paths:
        return []
    sheet = sheet_of(answer)
    return [_write(sheet, path) for path in paths]


def _write(sheet: Sheet, path: Path) -> str:
    """Beside its place first: a reader sees the old file or the new one."""
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent)
        os.close(handle)
        beside = Path(name)
        try:
            WRITERS[path.suffix.lower()](sheet, beside)
            beside.chmod(0o666 & ~_umask())
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise InfrastructureError(f"--to {path} cannot be written: {error}") from None
    return f"wrote {path} ({path.stat().st_size / 1000:,.0f} kB)"


def _umask() -> int:
    """What a new file of this process may not be; reading it needs setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
