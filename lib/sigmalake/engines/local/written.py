"""Rows written to files where they are computed: another process sends back what it wrote, and no row."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
from deltalake import DeltaTable

from sigmalake.engines.local.pieces import Piece, StoredGroups
from sigmalake.engines.local.rows import LocalRows
from sigmalake.engines.local.workers import read_or_send
from sigmalake.lake.data_files import Filed, FileWriter, remove_files
from sigmalake.lake.log import arrow_dataset, file_system
from sigmalake.lake.progress import Progress
from sigmalake.lake.row_filter import AllBut, RowFilter
from sigmalake.tables.checksums.contents import together, total
from sigmalake.tables.declaration import Table

SENT_BYTES = 32 << 20  # that the pieces read whose rows another process puts into the same files
SHARES = 4  # for each process at the least, so that none waits long for the last


@dataclass(frozen=True)
class Written:
    """Rows as files of a table; read where they are written."""

    rows: LocalRows
    location: str
    table: Table
    replaced: RowFilter | None

    @property
    def n_bytes(self) -> int:
        """As `Piece`."""
        return sum(piece.n_bytes for piece in self.rows.pieces)

    def read(self) -> Filed:
        """The files."""
        writer = FileWriter(self.location, self.table, self.replaced)
        try:
            for piece in self.rows.pieces:
                writer.add(self.rows.promised(piece.read()))
            return writer.close()
        except BaseException:
            writer.remove()
            raise


def write_files(
    location: str, table: Table, rows: LocalRows, workers: int, replaced: RowFilter | None, kept: Sequence[StoredGroups],
    progress: Progress,
) -> Filed:  # fmt: skip
    """The files that hold rows and, before them, stored rows that are kept; none that is known stays where this fails."""
    here, elsewhere = FileWriter(location, table, replaced), list[Filed]()

    def send(left: Sequence[Piece]) -> list[Written]:
        return [Written(LocalRows(rows.schema, some), location, table, replaced) for some in _shares(left, workers)]

    try:
        for piece in kept:
            here.keep(piece.read())
        for found in read_or_send(rows.pieces, workers, send):
            if isinstance(found, pa.Table):
                here.add(rows.promised(found))
            else:
                elsewhere.append(found)
            progress.add(table.name, found.num_rows if isinstance(found, pa.Table) else total(found.contents).rows)
        every = [here.close(), *elsewhere]
        return Filed([file for filed in every for file in filed.files], together(filed.contents for filed in every))
    except BaseException:
        here.remove()
        remove_files(file_system(location), [file.path for filed in elsewhere for file in filed.files])
        raise


def touched(log: DeltaTable, table: Table, replaced: RowFilter) -> tuple[list[str], list[StoredGroups]]:
    """The files that may hold rows to be replaced, and of them the rows that stay."""
    dataset, schema = arrow_dataset(log), table.arrow_schema()
    files = list(dataset.get_fragments(filter=replaced.expression()))
    stays = (AllBut(replaced),)
    return [file.path for file in files], [StoredGroups(file, dataset.schema, schema, stays, 0, table) for file in files]


def _shares(pieces: Sequence[Piece], workers: int) -> Iterator[list[Piece]]:
    """Pieces in runs that are worth sending."""
    enough = min(SENT_BYTES, sum(piece.n_bytes for piece in pieces) // (SHARES * workers))
    some: list[Piece] = []
    size = 0
    for piece in pieces:
        some.append(piece)
        size += piece.n_bytes
        if size >= enough:
            yield some
            some, size = [], 0
    if some:
        yield some
