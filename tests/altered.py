"""Ways to alter a table of a lake behind its runs' back."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable, write_deltalake

Alteration = Callable[[Path], None]  # of the table's folder


def rows_of(folder: Path) -> pa.Table:
    return DeltaTable(str(folder)).to_pyarrow_table()


def drop(folder: Path) -> None:
    shutil.rmtree(folder)


def drop_the_log(folder: Path) -> None:
    shutil.rmtree(folder / "_delta_log")


def empty(folder: Path) -> None:
    DeltaTable(str(folder)).delete()


def delete_half(folder: Path) -> None:
    """The rows whose first column of the key lies above the middle."""
    rows = rows_of(folder)
    name = next(name for name in ("date", "exposure_date", "position", "sequence", "file", "run_id") if name in rows.column_names)
    values = sorted(set(rows.column(name).to_pylist()))
    DeltaTable(str(folder)).delete(f"{name} >= '{values[len(values) // 2]}'")


def append_a_row_again(folder: Path) -> None:
    write_deltalake(str(folder), rows_of(folder).slice(0, 1), mode="append")


def multiply_by_four(folder: Path) -> None:
    """Every column of numbers, and of arrays of numbers."""
    rows = rows_of(folder)
    columns = [_times_four(rows.column(field.name), field.type) for field in rows.schema]
    write_deltalake(str(folder), pa.table(columns, names=rows.column_names), mode="overwrite")


def put_another_table_in_its_place(folder: Path) -> None:
    rows = rows_of(folder)
    shutil.rmtree(folder)
    write_deltalake(str(folder), rows)


def put_a_table_of_other_columns_in_its_place(folder: Path) -> None:
    shutil.rmtree(folder)
    shutil.copytree(folder.with_name("data_quality"), folder)


def put_a_file_in_its_place(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.write_text("")


def put_a_file_in_the_place_of_its_log(folder: Path) -> None:
    drop_the_log(folder)
    (folder / "_delta_log").write_text("")


def put_a_dangling_link_in_its_place(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.symlink_to(folder / "nowhere")


def restore_an_older_version(folder: Path) -> None:
    DeltaTable(str(folder)).restore(0)


def lose_a_file(folder: Path) -> None:
    next(iter(sorted(folder.glob("*.parquet")))).unlink()


def flip_a_byte(file: Path, column: str) -> None:
    """Change a byte in the middle of a column's first page of rows; the file stays as long as it was."""
    group = pq.read_metadata(file).row_group(0)
    chunk = next(c for c in map(group.column, range(group.num_columns)) if c.path_in_schema == column)
    changed = bytearray(file.read_bytes())
    changed[chunk.data_page_offset + chunk.total_compressed_size // 2] ^= 0x55
    file.write_bytes(changed)


def cut_a_file(folder: Path) -> None:
    file = next(iter(sorted(folder.glob("*.parquet"))))
    file.write_bytes(file.read_bytes()[:100])


def lose_the_newest_commit(folder: Path) -> None:
    sorted((folder / "_delta_log").glob("*.json"))[-1].unlink()


def lose_an_older_commit(folder: Path) -> None:
    sorted((folder / "_delta_log").glob("*.json"))[0].unlink()


def compact(folder: Path) -> None:
    """OPTIMIZE, with a file to merge: the rows are rewritten in two files first, as a stranger would not, and without a trace."""
    DeltaTable(str(folder)).optimize.z_order([_first_plain(folder)])


def _first_plain(folder: Path) -> str:
    return next(field.name for field in DeltaTable(str(folder)).to_pyarrow_dataset().schema if not pa.types.is_nested(field.type))


def _times_four(column: pa.ChunkedArray, kind: pa.DataType) -> pa.Array:
    if pa.types.is_floating(kind):
        return pa.array([None if value is None else 4 * value for value in column.to_pylist()], kind)
    if pa.types.is_list(kind) and pa.types.is_floating(kind.value_type):
        four = [None if row is None else [None if value is None else 4 * value for value in row] for row in column.to_pylist()]
        return pa.array(four, kind)
    return column


ALTERATIONS: dict[str, Alteration] = {
    alter.__name__: alter
    for alter in (
        drop, drop_the_log, empty, delete_half, append_a_row_again, multiply_by_four, put_another_table_in_its_place,
        restore_an_older_version, lose_a_file, cut_a_file, lose_the_newest_commit, lose_an_older_commit, compact,
    )
}  # fmt: skip
