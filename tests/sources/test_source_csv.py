"""CSV by RFC 4180 in strict UTF-8, with the rows that have too few or too many values."""

import csv
import gzip
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from places import place, put, read, schema_of

from sigmalake.errors import ConfigError, DataError
from sigmalake.sources.csv_rows import csv_batches
from sigmalake.sources.schema import NAMES

VALUES = [
    'say ""hi""',
    "Foo, Bar",
    "back\\slash\\",
    "two\nlines",
    "two\r\nlines",
    "",
    "NA",
    "NULL",
    "nan",
    " padded ",
    "Ørsted",
    "'x'",
]


def rows_of(path, columns, encoding=None):
    return [row for batch in csv_batches("panel", str(path), encoding, columns) for row in batch.to_pylist()]


def written(rows, end="\r\n"):
    text = io.StringIO(newline="")
    quoting = csv.QUOTE_ALL if end == "\r" else csv.QUOTE_MINIMAL  # Python's writer quotes no line break but its own
    csv.writer(text, lineterminator=end, quoting=quoting).writerows(rows)
    return text.getvalue()


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_quotes_line_breaks_backslashes_and_blanks_are_kept_as_they_stand(tmp_path, end, mark):
    path = put(tmp_path / "a.csv", mark + written([["id", "name"], *([str(n), v] for n, v in enumerate(VALUES))], end))
    assert [(row["id"], row["name"]) for row in rows_of(path, ["id", "name"])] == [(str(n), v) for n, v in enumerate(VALUES)]
    assert all(row["_ragged_line"] is None for row in rows_of(path, ["id"]))


CELL = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0\x1e"), max_size=6)


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.tuples(st.text("abc", min_size=1), CELL, CELL), max_size=8), last=st.booleans())
def test_any_table_that_is_written_by_the_rules_reads_back(tmp_path_factory, rows, last):
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows([("a", "b", "c"), *rows])
    path = put(tmp_path_factory.mktemp("csv") / "a.csv", text.getvalue() if last else text.getvalue().rstrip("\r\n"))
    assert [(row["a"], row["b"], row["c"]) for row in rows_of(path, ["a", "b", "c"])] == rows


def test_rows_of_too_few_or_too_many_values_keep_their_line_and_what_they_have(tmp_path):
    path = put(tmp_path / "a.csv", 'date,id,x\n2023-01-02,A,1\n2023-01-02,"B, ""b"""\n2023-01-02,C,3,4\nTotal: 3\n')
    rows = rows_of(path, ["x", "date", "id"])
    assert [row for row in rows if row["_ragged_line"] is None] == [
        {"x": "1", "date": "2023-01-02", "id": "A", "_ragged_line": None}
    ]
    assert [tuple(row.values()) for row in rows if row["_ragged_line"] is not None] == [
        (None, "2023-01-02", 'B, "b"', '2023-01-02,"B, ""b"""'),
        ("3", "2023-01-02", "C", "2023-01-02,C,3,4"),
        (None, "Total: 3", None, "Total: 3"),
    ]


def test_each_line_within_a_ragged_row_is_a_row(tmp_path):
    path = put(tmp_path / "a.csv", 'id,x\nA,1\n"B,2\nC,3\nD,4"\nE,5\n')
    assert [row["_ragged_line"] for row in rows_of(path, ["id"]) if row["_ragged_line"]] == ['"B,2', "C,3", 'D,4"']


def test_many_ragged_rows_over_several_blocks_are_all_kept(tmp_path, monkeypatch):
    monkeypatch.setattr("sigmalake.sources.csv_rows.BLOCK_BYTES", 4096)
    lines = [f"A{n},{n}" + (",x" if n % 3 == 0 else "") for n in range(5000)]
    path = put(tmp_path / "a.csv", "\n".join(["id,x", *lines]))
    rows = rows_of(path, ["id"])
    assert sorted(row["id"] for row in rows) == sorted(f"A{n}" for n in range(5000))
    assert sorted(row["_ragged_line"] for row in rows if row["_ragged_line"]) == sorted(lines[::3])


def test_every_row_is_ragged_where_each_ends_in_a_comma(tmp_path):
    path = put(tmp_path / "a.csv", "id,x\nA,1,\nB,2,\n")
    assert [(row["id"], row["x"], row["_ragged_line"]) for row in rows_of(path, ["id", "x"])] == [
        ("A", "1", "A,1,"),
        ("B", "2", "B,2,"),
    ]


@pytest.mark.parametrize("text", ['id,x\nA,1\nB,"2\nC,3\n', 'id,x\nA,"', 'id,x\n5" A,1\nB,"2\n'])
def test_a_quote_that_is_never_closed_is_refused(tmp_path, text):
    with pytest.raises(DataError, match=r"a.csv has a quote that is never closed"):
        rows_of(put(tmp_path / "a.csv", text), ["id"])


def test_a_quote_within_a_value_is_a_character(tmp_path):
    path = put(tmp_path / "a.csv", 'id,x\n5" pipe,1\n')
    assert rows_of(path, ["id"]) == [{"id": '5" pipe', "_ragged_line": None}]


def test_blank_lines_are_no_rows_and_a_last_line_needs_no_end(tmp_path):
    assert [row["id"] for row in rows_of(put(tmp_path / "a.csv", "\n\nid,x\n\nA,1\n   \n\nB,2"), ["id"])] == ["A", "B"]


@pytest.mark.parametrize("text", ["id,x", "id,x\n", "\ufeffid,x\r\n"])
def test_a_header_alone_is_a_file_without_rows(tmp_path, text):
    assert rows_of(put(tmp_path / "a.csv", text), ["id"]) == []


def test_a_file_of_one_column_is_read(tmp_path):
    rows = rows_of(put(tmp_path / "a.csv", "date\n2023-01-02\n2023-01-03\n1,2\n"), ["date"])
    assert [row["date"] for row in rows if not row["_ragged_line"]] == ["2023-01-02", "2023-01-03"]
    assert [row["_ragged_line"] for row in rows if row["_ragged_line"]] == ["1,2"]


def test_a_first_line_without_end_is_no_header(tmp_path):
    with pytest.raises(DataError, match=r"a\.csv has no header that can be read"):
        schema_of(place(put(tmp_path / "a.csv", '"' + "x" * 200_000)))


def test_only_line_breaks_divide_a_ragged_row(tmp_path):
    path = put(tmp_path / "a.csv", 'id,x\n"A\u2028\x0cB",2,3\n')
    assert rows_of(path, ["id"]) == [{"id": "A\u2028\x0cB", "_ragged_line": '"A\u2028\x0cB",2,3'}]


def test_a_ragged_line_of_any_length_is_a_row(tmp_path):
    line = "A," + "x" * 200_000 + ",3"
    assert rows_of(put(tmp_path / "a.csv", f"id,x\n{line}\n"), ["id"]) == [{"id": None, "_ragged_line": line}]


def test_a_file_of_blank_lines_has_no_header(tmp_path):
    with pytest.raises(DataError, match=r"a.csv has no header; the first line of a CSV file names its columns"):
        schema_of(place(put(tmp_path / "a.csv", "\n\n")))


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16", "utf-16-le", "utf-8-sig", "shift_jis"])
def test_a_file_in_the_encoding_that_is_said_reads_the_same(tmp_path, encoding):
    name = "東京" if encoding == "shift_jis" else "Nestlé"
    text = 'id,name\nA,"' + name + '"\nB,"x\ny"\nC,1,2\n'
    where = place(put(tmp_path / "a.csv", text.encode(encoding)), encoding=encoding)
    got = read(where, ["name"])
    assert set(zip(got["name"].to_pylist(), got["_ragged_line"].to_pylist(), strict=True)) == {
        (name, None), ("x\ny", None), ("1", "C,1,2"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("id,x\nA,é\n".encode("utf-16"), "is UTF-16; save it as UTF-8, or say `encoding: utf-16`"),
        ("id,x\nA,1\n".encode("utf-16-le"), "is UTF-16; save it as UTF-8, or say `encoding: utf-16-le`"),
        ("id,x\nA,1\n".encode("utf-16-be"), "is UTF-16; save it as UTF-8, or say `encoding: utf-16-be`"),
        ("id,x\nA,1\n".encode("utf-32"), "is UTF-32; save it as UTF-8, or say `encoding: utf-32`"),
        ("id,x\nA,é\n".encode("latin-1"), r"is not UTF-8 \(first bad byte at 7\); save it as UTF-8, or say `encoding: latin-1`"),
        ("id,é\nA,1\n".encode("latin-1"), r"is not UTF-8 \(first bad byte at 3\)"),
        (b"id,x\nA,1\nB,\x00\n", r"is not text \(byte 11 is 0\)"),
    ],
)
def test_another_encoding_is_refused_by_name(tmp_path, content, words):
    path = put(tmp_path / "a.csv", content)
    with pytest.raises(DataError, match=f"a.csv {words}"):
        read(place(path), ["id"])


def test_a_bad_byte_far_behind_the_first_block_is_named_by_its_place(tmp_path):
    content = ("id,x\n" + "é,1\n" * 200_000).encode() + b"B\xe9,2\n"
    path = put(tmp_path / "a.csv", content)
    with pytest.raises(DataError, match=rf"first bad byte at {len(content) - 4:,}"):
        read(place(path), ["x"])


def test_a_bad_byte_of_a_column_that_is_not_used_is_refused_too(tmp_path):
    path = put(tmp_path / "a.csv", b"id,x\nA,1\n" + b"B,2\n" * 40_000 + b"C,\xff\n")
    with pytest.raises(DataError, match=r"is not UTF-8"):
        read(place(path), ["id"])


def test_an_encoding_that_does_not_exist_is_a_mistake_of_the_configuration(tmp_path):
    with pytest.raises(ValueError, match="'utf-88' is not the name of an encoding"):
        schema_of(place(put(tmp_path / "a.csv", "id\n"), encoding="utf-88"))


def test_headers_of_a_folder_may_stand_in_any_order(tmp_path):
    put(tmp_path / "a.csv", "id,x,y\nA,1,2\n")
    put(tmp_path / "b.csv", "\ufeffy,id,x\n4,B,3\n")
    got = read(place(tmp_path, "csv"), ["x", "y", "id"])
    assert got.select(["id", "x", "y"]).to_pylist() == [{"id": "A", "x": "1", "y": "2"}, {"id": "B", "x": "3", "y": "4"}]


def test_a_csv_file_that_lacks_a_column_is_named(tmp_path):
    put(tmp_path / "a.csv", "id,x\nA,1\n")
    put(tmp_path / "b.csv", "id\nB\n")
    with pytest.raises(ConfigError, match=r"\S+b.csv has no column x, which \S+a.csv has"):
        schema_of(place(tmp_path, "csv"), {"x": NAMES})


def test_a_compressed_file_is_read_by_its_suffix_and_a_damaged_one_refused(tmp_path):
    content = gzip.compress(("id,x\n" + "".join(f"A{n},{n}\n" for n in range(9000))).encode())
    assert read(place(put(tmp_path / "a.csv.gz", content)), ["id"]).num_rows == 9000
    with pytest.raises(DataError, match=r"b.csv.gz is damaged"):
        read(place(put(tmp_path / "b.csv.gz", content[: len(content) // 2])), ["id"])
