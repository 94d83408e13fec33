"""Rows of splits: the same table in every form reads to equal values, in parts as in one, on this machine as on an executor."""

import datetime as dt
import pickle
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from deltalake import write_deltalake
from places import place, read

from sigmalake.errors import DataError
from sigmalake.sources.dates import date_of
from sigmalake.sources.files import list_files
from sigmalake.sources.reading import DateFilter, read_schema, read_split, splits
from sigmalake.sources.schema import find_schema
from sigmalake.sources.values import number_of, text_of

N_DATES, N_IDS = 20, 5
START = dt.date(2023, 3, 20)


def market() -> pa.Table:
    days = [START + dt.timedelta(days=n) for n in range(N_DATES) for _ in range(N_IDS)]
    return pa.table({
        "date": pa.array(days, pa.date32()),
        "id": [f"00{n % N_IDS}" for n in range(N_DATES * N_IDS)],
        "ret": [None if n == 7 else (n - 50) / 997 for n in range(N_DATES * N_IDS)],
    })  # fmt: skip


def with_dates(kind: pa.DataType) -> pa.Table:
    """The market with its dates as midnights, in the zone of the type where it has one."""
    wall = market()["date"].cast(pa.timestamp("us"))
    zone = getattr(kind, "tz", None)
    days = wall if zone is None else pc.assume_timezone(wall, zone)
    return market().set_column(0, "date", days.cast(kind))


def parquet(kind):
    return lambda folder: pq.write_table(with_dates(kind), folder / "p.parquet") or folder


def as_text(folder: Path) -> Path:
    text = market().set_column(0, "date", market()["date"].cast(pa.string()))
    pq.write_table(text, folder / "p.parquet")
    return folder


def int96(folder: Path) -> Path:
    pq.write_table(with_dates(pa.timestamp("us")), folder / "p.parquet", use_deprecated_int96_timestamps=True)
    return folder


def as_csv(folder: Path) -> Path:
    pa.csv.write_csv(market(), folder / "p.csv")
    return folder / "p.csv"


def hive(folder: Path) -> Path:
    for day in pc.unique(market()["date"]).to_pylist():
        inner = folder / f"date={day}"
        inner.mkdir()
        pq.write_table(market().filter(pc.equal(market()["date"], day)).drop(["date"]), inner / "p.parquet")
    return folder


def delta(folder: Path) -> Path:
    write_deltalake(str(folder / "t"), market(), partition_by=["id"])
    return folder / "t"


FORMS = {
    "date32": parquet(pa.date32()),
    "date64": parquet(pa.date64()),
    **{str(kind): parquet(kind) for unit in ("s", "ms", "us", "ns") for kind in (pa.timestamp(unit), pa.timestamp(unit, "UTC"))},
    "London": parquet(pa.timestamp("ns", "Europe/London")),
    "New York": parquet(pa.timestamp("us", "America/New_York")),
    "text": as_text,
    "int96": int96,
    "csv": as_csv,
    "hive": hive,
    "delta": delta,
}


def values_of(table: pa.Table) -> list[tuple[object, ...]]:
    rets = number_of(table["ret"]).values.to_pylist()
    return sorted(zip(date_of(table["date"]).dates.to_pylist(), text_of(table["id"]).to_pylist(), rets, strict=True), key=str)


@pytest.mark.parametrize("form", FORMS)
def test_the_same_table_in_every_form_reads_to_equal_values(tmp_path, form):
    path = FORMS[form](tmp_path)
    where = place(path, "delta" if form == "delta" else None)
    got = read(where, ["date", "id", "ret"])
    assert values_of(got) == values_of(market())
    assert set(got["_source_file"].to_pylist()) == {file.path for file in list_files("panel", where)}


@pytest.mark.parametrize("one", ["date32", "timestamp[ns]", "timestamp[us, tz=UTC]", "London", "New York", "int96"])
@pytest.mark.parametrize("other", ["date64", "timestamp[ms]", "timestamp[ns, tz=UTC]", "London"])
def test_two_files_of_any_two_forms_read_to_equal_values(tmp_path, one, other):
    for at, form in enumerate((one, other)):
        (tmp_path / str(at)).mkdir()
        FORMS[form](tmp_path / str(at))
    found = date_of(read(place(tmp_path), ["date"])["date"])
    assert Counter(found.dates.to_pylist()) == Counter(market()["date"].to_pylist() * 2)
    found.times.refuse("panel", "p", "date")


def many_groups(folder: Path, **options: object) -> Path:
    pq.write_table(market(), folder / "p.parquet", row_group_size=N_IDS, **options)
    return folder / "p.parquet"


@pytest.mark.parametrize("target", [1, 700, 1 << 30])
def test_a_file_in_parts_is_the_file(tmp_path, target):
    where = place(many_groups(tmp_path))
    files = list_files("panel", where)
    parts = splits(find_schema("panel", where, files), files, target)
    assert (len(parts) == 1) == (target == 1 << 30)
    groups = [group for part in parts for group in part.row_groups or range(N_DATES)]
    assert groups == list(range(N_DATES))
    assert read(where, ["date", "id", "ret"], target).select(["date", "id", "ret"]) == market()


def test_row_groups_outside_the_dates_are_passed_over_and_none_inside(tmp_path):
    where = place(many_groups(tmp_path))
    files = list_files("panel", where)
    schema = find_schema("panel", where, files)
    day = START + dt.timedelta(days=9)
    batches = list(read_split(splits(schema, files, 1 << 30)[0], schema, ["date"], dates=DateFilter("date", day, day)))
    days = set(pa.Table.from_batches(batches)["date"].to_pylist())
    assert day in days
    assert len(days) <= 3  # a day on each side, which a zone may move


@pytest.mark.parametrize("day", [dt.date.min, dt.date.max])
def test_a_row_group_may_hold_the_first_or_the_last_day_of_all(tmp_path, day):
    pq.write_table(pa.table({"date": pa.array([day], pa.date32())}), tmp_path / "p.parquet")
    where = place(tmp_path)
    files = list_files("panel", where)
    schema = find_schema("panel", where, files)
    assert (
        sum(
            batch.num_rows
            for batch in read_split(splits(schema, files, 1)[0], schema, ["date"], dates=DateFilter("date", day, day))
        )
        == 1
    )


def test_a_row_without_a_date_keeps_its_row_group(tmp_path):
    rows = pa.table({"date": pa.array([None, START], pa.date32())})
    pq.write_table(rows, tmp_path / "p.parquet")
    where = place(tmp_path)
    files = list_files("panel", where)
    schema = find_schema("panel", where, files)
    far = DateFilter("date", dt.date(2030, 1, 1), dt.date(2030, 1, 2))
    assert sum(batch.num_rows for batch in read_split(splits(schema, files, 1)[0], schema, ["date"], dates=far)) == 2


def test_every_batch_has_the_schema_that_is_promised_also_where_a_file_lacks_a_column(tmp_path):
    pq.write_table(pa.table({"x": [1]}), tmp_path / "1.parquet")
    pq.write_table(pa.table({"x": [0.5], "y": ["a"]}), tmp_path / "2.parquet")
    where = place(tmp_path)
    files = list_files("panel", where)
    schema = find_schema("panel", where, files)
    for split in splits(schema, files, 1):
        for batch in read_split(split, schema, ["y", "x"]):
            assert batch.schema == read_schema(schema, ["y", "x"])


def test_splits_and_schema_travel_to_another_process(tmp_path):
    where = place(many_groups(tmp_path))
    files = list_files("panel", where)
    schema = find_schema("panel", where, files)
    sent = pickle.loads(pickle.dumps((splits(schema, files, 1), schema)))
    batches = [batch for split in sent[0] for batch in read_split(split, sent[1], ["ret"])]
    assert pa.Table.from_batches(batches)["ret"] == market()["ret"]


def test_a_column_of_folders_alone_has_a_row_for_each_row_of_the_file(tmp_path):
    hive(tmp_path)
    got = read(place(tmp_path), ["date"])
    assert Counter(got["date"].to_pylist()) == Counter(map(str, market()["date"].to_pylist()))


def test_a_folder_of_csv_files_gives_the_dates_of_its_names_alone(tmp_path):
    (tmp_path / "date=2023-03-20").mkdir()
    (tmp_path / "date=2023-03-20" / "p.csv").write_text("x\n1\n2\n")
    assert read(place(tmp_path, "csv"), ["date"])["date"].to_pylist() == ["2023-03-20"] * 2


def test_a_timestamp_that_no_calendar_holds_is_refused_with_its_column_and_file(tmp_path):
    pq.write_table(pa.table({"date": pa.array([2**62], pa.timestamp("ms"))}), tmp_path / "p.parquet")
    with pytest.raises(DataError, match=r"column date of .*p.parquet cannot be read as timestamp\[us\]"):
        read(place(tmp_path), ["date"])


def test_column_names_with_dots_stand_for_themselves(tmp_path):
    pq.write_table(pa.table({"a": [1], "a.b": [2], "c": [{"b": 3}]}), tmp_path / "p.parquet")
    got = read(place(tmp_path), ["a.b", "a"])
    assert (got["a"].to_pylist(), got["a.b"].to_pylist()) == ([1], [2])


def test_a_file_that_is_gone_is_named(tmp_path):
    where = place(many_groups(tmp_path))
    files = list_files("panel", where)
    schema = find_schema("panel", where, files)
    (tmp_path / "p.parquet").unlink()
    with pytest.raises(DataError, match=r"p.parquet has gone since its folder was listed; run again"):
        list(read_split(splits(schema, files, 1 << 30)[0], schema, ["ret"]))
