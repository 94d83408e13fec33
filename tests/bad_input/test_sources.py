"""Sources that cannot be used at all: what is wrong with which file or column, before anything is written."""

import datetime as dt
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import write_deltalake
from small_panel import CONFIG, small_panel, swapped, written

CSV = swapped("panel.parquet", "panel.csv")
PATH = "path: panel.parquet"
FOLDER = swapped(PATH, "path: panel.csv\n    format: csv")


def parquet() -> bytes:
    buffer = io.BytesIO()
    small_panel().to_parquet(buffer)
    return buffer.getvalue()


def csv(**changed: str) -> bytes:
    return small_panel().to_csv(index=False, **changed).encode()


def empty(folder: Path) -> None:
    pq.write_table(pa.Table.from_pandas(small_panel(), preserve_index=False).slice(0, 0), folder / "panel.parquet")


def damaged(folder: Path) -> None:
    content = bytearray(parquet())
    content[200:2000] = b"x" * 1800
    (folder / "panel.parquet").write_bytes(content)


def headers_that_differ(folder: Path) -> None:
    (folder / "panel.csv").mkdir()
    small_panel().iloc[: N // 2].to_csv(folder / "panel.csv" / "a.csv", index=False)
    small_panel().iloc[N // 2 :, ::-1].to_csv(folder / "panel.csv" / "b.csv", index=False)


def with_column(column: str, values: object) -> pd.DataFrame:
    return small_panel().assign(**{column: values})


def dates_as(written_as: str) -> pd.DataFrame:
    panel = small_panel()
    return panel.assign(date=[day.strftime(written_as) for day in panel["date"]])


def within_the_day() -> pd.DataFrame:
    panel = small_panel()
    return panel.assign(date=pd.to_datetime(panel["date"]) + pd.Timedelta(hours=16))


def of_new_york() -> pd.DataFrame:
    panel = small_panel()
    return panel.assign(date=pd.to_datetime(panel["date"]).dt.tz_localize("America/New_York"))


def delta_table(folder: Path) -> None:
    write_deltalake(f"{folder}/panel.parquet", small_panel())


def apart(folder: Path) -> None:
    panel = small_panel()
    panel[["date", "symbol", "ret"]].to_parquet(folder / "returns.parquet")
    panel.assign(date=[day - dt.timedelta(days=366) for day in panel["date"]]).to_parquet(folder / "panel.parquet")


def never_meeting() -> str:
    returns = "returns: {path: returns.parquet, columns: {asset_id: symbol}}"
    return swapped("panel:", f"{returns}\n  exposures:", swapped(", ret: ret", ""))


N = len(small_panel())
UNUSABLE = [
    # files
    ("a Parquet file of 0 bytes", b"", CONFIG, 1, "panel.parquet is empty (0 bytes)", "write it again"),
    ("a file that is not Parquet", b"symbol;date\n" * 9, CONFIG, 1, "panel.parquet is not a Parquet file", "`format:`"),
    ("a Parquet file cut short", parquet()[:-200], CONFIG, 1, "panel.parquet is not a Parquet file, or was cut short"),
    ("a damaged Parquet file", damaged, CONFIG, 1, "panel.parquet is damaged", "write it again"),
    ("a Parquet file without rows", empty, CONFIG, 1, "panel.parquet has no rows"),
    ("a Parquet file without rows and types", small_panel().iloc[:0], CONFIG, 1, "panel.parquet has no rows"),
    ("a CSV file of 0 bytes", b"", CSV, 1, "panel.csv is empty (0 bytes)"),
    ("a CSV file of a header", csv()[:40].splitlines()[0], CSV, 1, "panel.csv has no rows"),
    ("a CSV file without a header", csv(header=False), CSV, 2, "no column date, symbol", "2024-01-02", "first line"),
    ("a CSV file with semicolons", csv(sep=";"), CSV, 2, "it has date;symbol;ret", "between commas"),
    ("a folder without files", lambda folder: (folder / "panel.parquet").mkdir(), CONFIG, 1, "holds no parquet files"),
    ("Parquet that is said to be Delta", parquet(), swapped(PATH, f"{PATH}\n    format: delta"), 2, "no delta table", "`format:`"),
    ("Parquet that is said to be CSV", parquet(), swapped(PATH, f"{PATH}\n    format: csv"), 2, "not CSV; say `format: parquet`"),
    ("a Delta table that is said to be Parquet", delta_table, CONFIG, 2, "is or holds a Delta table", "`format: delta`"),
    # columns
    ("a missing column", small_panel().drop(columns="beta"), CONFIG, 2, "no column beta; it has date, symbol, ret", "factors"),
    ("a column in other case", small_panel().rename(columns={"ret": "Ret"}), CONFIG, 2, "no column ret (is it Ret?)"),
    ("a column misspelt", small_panel().rename(columns={"beta": "betta"}), CONFIG, 2, "no column beta (is it betta?)"),
    ("a boolean style", with_column("beta", True), CONFIG, 2, "column beta", "holds bool, not numbers or text"),
    ("a style of arrays", with_column("beta", pd.Series([[1.0, 2.0]] * N)), CONFIG, 2, "column beta", "holds list<element"),
    ("ids that are fractions", with_column("symbol", np.arange(N) + 0.5), CONFIG, 2, "column symbol", "holds double, not text"),
    ("a sector that is a fraction", with_column("sector", 1.5), CONFIG, 2, "column sector", "holds double, not text or whole"),
    ("dates as fractions", with_column("date", 20240102.0), CONFIG, 2, "column date", "holds double, not dates"),
    ("days since 1970 for dates", with_column("date", 19724), CONFIG, 1, f"none of its {N} rows", "'19724'", "YYYY-MM-DD"),
    # every row
    ("dates with the day first", dates_as("%d/%m/%Y"), CONFIG, 1, f"none of its {N} rows", "'02/01/2024'", "YYYY-MM-DD"),
    ("dates of six digits", dates_as("%y%m%d"), CONFIG, 1, f"none of its {N} rows", "'240102'", "YYYY-MM-DD"),
    ("months for dates", dates_as("%Y-%m"), CONFIG, 1, "date not a date (e.g. '2024-01')"),
    ("timestamps within the day", within_the_day(), CONFIG, 1, "2024-01-02 16:00:00", "no zone"),
    ("returns that are not finite", with_column("ret", "inf"), CONFIG, 1, f"{N} with ret not finite", "'inf'"),
    ("caps of zero", with_column("mcap", 0.0), CONFIG, 1, f"{N} with mcap not positive", "'0.0'"),
    ("returns and exposures that never meet", apart, never_meeting(), 1, "dated 2023-01-01 to", "returns 2024-01-02 to"),
]  # fmt: skip


def put(folder: Path, source: object, name: str) -> None:
    if callable(source):
        source(folder)
    elif isinstance(source, bytes):
        (folder / name).write_bytes(source)
    else:
        source.to_parquet(folder / name)


@pytest.mark.parametrize(
    ("source", "text", "code", "words"),
    [pytest.param(source, text, code, words, id=name) for name, source, text, code, *words in UNUSABLE],
)
def test_a_source_that_cannot_be_used_is_told_with_its_file_and_column(asked, tmp_path, source, text, code, words):
    put(tmp_path, source, "panel.csv" if "panel.csv" in text else "panel.parquet")
    seen = asked("validate", "--config", written(tmp_path, text))
    assert seen.says("error: ", *words)
    assert (seen.exit_code, seen.out) == (code, "")
    assert seen.err.count("\n") == 1


def midnights() -> pd.DataFrame:
    panel = small_panel()
    return panel.assign(date=pd.to_datetime(panel["date"]).astype("datetime64[ns]"))


def awkward() -> pd.DataFrame:
    return small_panel().rename(columns={"size": "si.ze", "beta": "be`ta", "mcap": "m cap"})


AWKWARD = swapped("cap: mcap", "cap: m cap", swapped("[size, beta]", "[si.ze, 'be`ta']"))
FINE = [
    ("a folder of CSV files whose columns stand in another order", headers_that_differ, FOLDER),
    ("dates as text", dates_as("%Y-%m-%d"), CONFIG),
    ("dates as text at midnight", dates_as("%Y-%m-%d 00:00:00"), CONFIG),
    ("timestamps of pandas at midnight", midnights(), CONFIG),
    ("whole numbers as ids", with_column("symbol", np.tile(np.arange(12), 6)), CONFIG),
    ("numbers as text", small_panel().astype({"ret": str, "mcap": str, "beta": str}), CONFIG),
    ("column names with dots, backticks and blanks", awkward(), AWKWARD),
    ("a factor with a quote", small_panel(), swapped("market: market", 'market: "world\'s"')),
    ("a CSV file with the index of pandas", small_panel().to_csv().encode(), CSV),
    ("two columns but for their case", with_column("Beta", 1.0), CONFIG),
    ("midnights of New York", of_new_york(), CONFIG),
    ("a Delta table", delta_table, swapped(PATH, f"{PATH}\n    format: delta")),
]


@pytest.mark.parametrize(("source", "text"), [pytest.param(source, text, id=name) for name, source, text in FINE])
def test_a_source_that_is_unusual_but_clear_is_taken(asked, tmp_path, source, text):
    put(tmp_path, source, "panel.csv" if "panel.csv" in text else "panel.parquet")
    seen = asked("validate", "--config", written(tmp_path, text))
    unlike_a_market = "warning: data quality of "  # caps and returns of a few assets are drawn apart
    assert (seen.exit_code, [line for line in seen.err.splitlines() if not line.startswith(unlike_a_market)]) == (0, [])
    assert f"{N} rows, 2024-01-02 to 2024-01-09; 0 would be rejected" in seen.out
    assert "panel: 6 dates, 5 factors" in seen.out
