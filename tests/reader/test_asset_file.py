"""Ids in files: lists of assets, holdings and portfolios are read alike."""

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sigmalake.errors import ConfigError, DataError
from sigmalake.reader.files.asset_file import read_asset_file
from sigmalake.reader.files.holdings_file import read_holdings
from sigmalake.reader.files.rows_with_ids import read_rows_with_ids
from sigmalake.stages.sources.own_portfolios import read_own_portfolios
from sigmalake.tasks.evaluation import holdings_of

ODD = ["NA", "NULL", "nan", "NaN", "None", "N/A", "#N/A", "", "TRUE", "1E5", "007", "INF"]
NAMES = [name for name in ODD if name]


def write(tmp_path, content, name="ids.csv"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def as_parquet(tmp_path, values, kind=None):
    path = tmp_path / "ids.parquet"
    pq.write_table(pa.table({"asset_id": pa.array(values, kind), "weight": [1.0] * len(values)}), path)
    return path


@pytest.mark.parametrize("name", ["ids.csv", "ids.txt", "ids.parquet"])
def test_words_for_nothing_are_names(tmp_path, name):
    if name.endswith("parquet"):
        path = as_parquet(tmp_path, NAMES)
    else:
        lines = NAMES if name.endswith("txt") else ["asset_id", *NAMES]
        path = write(tmp_path, "\n".join(lines), name)
    assert read_asset_file(path) == NAMES


@pytest.mark.parametrize("read", ["assets", "holdings", "portfolios"])
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_ids_are_stripped_and_words_are_names_in_every_reader(tmp_path, read, kind):
    frame = pd.DataFrame({"portfolio": [" P "] * 3, "asset_id": [" NA", "nan  ", "\tB"], "weight": [0.5, 0.25, 0.25]})
    path = tmp_path / f"own.{kind}"
    frame.to_csv(path, index=False) if kind == "csv" else frame.to_parquet(path)
    if read == "assets":
        found = read_asset_file(path)
    elif read == "holdings":
        found = list(read_holdings(path).weights.index)
    else:
        (portfolio,) = holdings_of(read_own_portfolios(str(path)), pd.Timestamp("2024-01-01").date())
        assert portfolio.name == "P"
        found = portfolio.asset_ids
    assert sorted(found) == ["B", "NA", "nan"]


def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path):
    for name, content in (("a.csv", "asset_id\nON\n"), ("a.txt", "ON\n"), ("q.csv", '"asset_id"\n"ON"\n')):
        assert read_asset_file(write(tmp_path, b"\xef\xbb\xbf" + content.encode(), name)) == ["ON"]
    held = read_holdings(write(tmp_path, b"\xef\xbb\xbfasset_id,weight\nON,1\n"))
    assert held.weights.to_dict() == {"ON": 1.0}


def test_each_asset_is_listed_once_in_the_order_of_the_file(tmp_path):
    assert read_asset_file(write(tmp_path, "asset_id,name\nB,x\nA,y\n B ,z\n")) == ["B", "A"]
    assert read_asset_file(write(tmp_path, "B\n\n A\r\nB\n", "a.txt")) == ["B", "A"]


@pytest.mark.parametrize("kind", [pa.int32(), pa.int64(), pa.uint64()])
def test_whole_numbers_in_parquet_are_their_digits(tmp_path, kind):
    assert read_asset_file(as_parquet(tmp_path, [10001, 10002], kind)) == ["10001", "10002"]


@pytest.mark.parametrize("kind", [pa.dictionary(pa.int32(), pa.string()), pa.large_string(), pa.string_view()])
def test_every_kind_of_text_in_parquet_is_text(tmp_path, kind):
    values = (
        pa.array([" A", "B", "A"]).cast(kind)
        if not pa.types.is_dictionary(kind)
        else pa.array([" A", "B", "A"]).dictionary_encode()
    )
    assert read_asset_file(as_parquet(tmp_path, values)) == ["A", "B"]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([10001.0, 10002.0], r"ids.parquet: asset_id of row 1 is 10001.0; give text or a whole number"),
        (["A", None], r"ids.parquet: asset_id of row 2 is None; give text or a whole number"),
        (["A", "  "], r"ids.parquet: asset_id of row 2 is empty"),
        ([True, False], r"ids.parquet: asset_id of row 1 is True"),
    ],
)
def test_what_is_no_id_is_refused_with_its_row_in_every_reader(tmp_path, values, said):
    path = as_parquet(tmp_path, values)
    for read in (read_asset_file, read_holdings):
        with pytest.raises(DataError, match=said):
            read(path)


def test_quotes_and_line_breaks_in_quotes_are_read_by_rfc_4180(tmp_path):
    path = write(tmp_path, 'name,asset_id\n"Ab ""Duo"" Foods, Inc",A\n"two\nlines","B ""b"""\nends in \\,C\n')
    rows = read_rows_with_ids(path)
    assert rows.to_pydict() == {
        "name": ['Ab "Duo" Foods, Inc', "two\nlines", "ends in \\"], "asset_id": ["A", 'B "b"', "C"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", "id\nA\n", "it has no column asset_id; it has id"),
        ("a.csv", "asset_id\n", "a.csv lists no assets"),
        ("a.txt", "\n\n", "a.txt lists no assets"),
        ("a.csv", "asset_id,asset_id\nA,B\n", "a.csv has two columns 'asset_id'; keep one"),
        ("a.csv", "asset_id,x\nA,B,C\n", "a.csv cannot be read: .*Expected 2 columns, got 3"),
        ("a.csv", "asset_id\nNestlé\n".encode("latin-1"), r"a.csv is not UTF-8 text \(byte 0xe9\); save it as UTF-8"),
        ("a.txt", "Nestlé\n".encode("latin-1"), r"a.txt is not UTF-8 text \(byte 0xe9\); save it as UTF-8"),
        ("a.csv", "asset_id\nA\n".encode("utf-16"), "a.csv is UTF-16; save it as UTF-8"),
        ("a.csv", "asset_id;weight\nA;0,5\n", "a.csv separates its columns by ';'; save it with commas"),
        ("a.csv", "", "a.csv cannot be read: it has no columns"),
        ("a.parquet", "no Parquet", "a.parquet cannot be read"),
    ],
)
def test_a_file_that_lists_no_assets_is_refused_by_name(tmp_path, name, content, said):
    with pytest.raises(ConfigError, match=said):
        read_asset_file(write(tmp_path, content, name))


def test_a_file_that_is_not_there_is_named(tmp_path):
    for name in ("a.csv", "a.txt", "a.parquet"):
        with pytest.raises(ConfigError, match=rf"{tmp_path}/{name}"):
            read_asset_file(tmp_path / name)
