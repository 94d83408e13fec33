"""Errors for files of a table that cannot be read, with what to do about them.

Every page of a Parquet file carries a checksum, which is compared whenever the page is read: a byte that a disk has changed is an
error, and never a number. Files that earlier versions wrote have none.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import PurePosixPath

import pyarrow as pa
import pyarrow.dataset as ds

from sigmalake.errors import InfrastructureError, telling_line
from sigmalake.tables.records import IRREPLACEABLE

SCAN = ds.ParquetFragmentScanOptions(pre_buffer=True, page_checksum_verification=True)


@contextmanager
def explained_file(file: ds.ParquetFileFragment) -> Iterator[None]:
    """Turn the failure to read a file of a table into what its reader can act on."""
    folder = getattr(file.filesystem, "base_path", "")
    try:
        yield
    except FileNotFoundError as error:
        again = "" if _is_irreplaceable(folder) else ", or run: what the newest version lacks is made again"
        raise InfrastructureError(f"{folder}{file.path} is missing; restore it from a copy{again}") from error
    except (OSError, pa.ArrowInvalid) as error:
        message = f"{folder}{file.path} is damaged ({telling_line(error)}); {way_out(folder)}"
        raise InfrastructureError(message) from error


def way_out(folder: str, what: str = "it") -> str:
    """What to do with a damaged file of a table's folder: a run computes rows of the model again, and none of the ledger."""
    restore = f"restore {what} from a copy"
    if _is_irreplaceable(folder):
        return restore
    return f"{restore}, or remove {what}: the next run makes the rows again, and releases of before lack them"


def filtered_rows(dataset: ds.FileSystemDataset, columns: Sequence[str], rows: ds.Expression | None) -> pa.Table:
    """Some columns of some rows of a table's files."""
    try:
        return dataset.to_table(columns=list(columns), filter=rows)
    except FileNotFoundError:
        raise
    except pa.ArrowNotImplementedError:  # another writer's type of strings, say of an UPDATE: Arrow reads it, and cannot filter it
        files = (ds.dataset(file.to_table(schema=dataset.schema)) for file in dataset.get_fragments(filter=rows))
        return pa.concat_tables([file.to_table(columns=list(columns), filter=rows) for file in files])
    except (OSError, pa.ArrowInvalid):
        for file in dataset.get_fragments(filter=rows):  # the error does not say which file
            with explained_file(file):
                file.to_table(schema=dataset.schema, columns=list(columns), filter=rows)
        raise


def _is_irreplaceable(folder: str) -> bool:
    return PurePosixPath(folder).name in {table.name for table in IRREPLACEABLE}
