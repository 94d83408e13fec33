"""`sigmalake sql`: forms of output, files, what there is to ask, and mistakes."""

import csv
import io
import json
from pathlib import Path

import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from plain_lake import append
from sigmalake.cli import app as cli
from sigmalake.tables.catalogue import ALL_TABLES
from sigmalake.tables.long import FACTOR_COVARIANCE, SPECIFIC_RISK
from sigmalake.tables.records import RELEASES
from sigmalake.tables.views import VIEWS
from two_releases import LAST, SIGMA, release_row, write_two_releases

EDGE = """
select 'a,"b"' as t, null as n, 'nan'::double as x, [1.5, null] as l, date '2024-03-04' as d, 2::hugeint as h, {'k': 1} as s
"""


@pytest.fixture(scope="module")
def lake(tmp_path_factory) -> Path:
    """Two releases, and a third with Sigma in rows."""
    root = write_two_releases(tmp_path_factory.mktemp("verb") / "lake")
    versions = {name: DeltaTable(str(root / name)).version() for name in ("factors", "panel", "cross_sections", "risk_models")}
    pairs = [(one, other) for n, one in enumerate(SIGMA) for other in SIGMA[n:]]
    cells = [
        {"variant": "short", "date": LAST, "factor_1": one, "factor_2": other, "covariance": 4e-4 if one == other else 1e-4}
        for one, other in pairs
    ]
    versions[FACTOR_COVARIANCE.name] = append(root, FACTOR_COVARIANCE, cells)
    versions[SPECIFIC_RISK.name] = append(root, SPECIFIC_RISK, [])
    append(root, RELEASES, [release_row(3, ["short"], versions)])
    return root


@pytest.fixture
def ask(lake, capsys, monkeypatch):
    def asked(*arguments, config=False):
        monkeypatch.setattr("sys.argv", ["sigmalake", "sql", *arguments, *([] if config else ["--lake", str(lake)])])
        try:
            cli.main()
        except SystemExit as ended:
            code = ended.code
        else:
            code = 0
        out, err = capsys.readouterr()
        return code or 0, out, err

    return asked


def test_a_table_has_columns_under_their_names_and_numbers_to_six_digits(ask):
    code, out, err = ask("select * exclude (variant, date) from factor_correlation where factor_1 <> factor_2 order by all limit 2")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "factor_1  factor_2  correlation",
        "auto      bank             0.25",
        "auto      cap              0.25",
    ]


def test_csv_and_json_say_every_value_and_read_back(ask):
    code, out, _ = ask(EDGE, "--output", "json")
    assert code == 0
    row = {"t": 'a,"b"', "n": None, "x": None, "l": [1.5, None], "d": "2024-03-04", "h": 2, "s": {"k": 1}}
    assert json.loads(out) == [row]
    _, out, _ = ask(EDGE, "--output", "csv")
    (read,) = csv.DictReader(io.StringIO(out))
    assert read == {"t": 'a,"b"', "n": "", "x": "nan", "l": "[1.5, null]", "d": "2024-03-04", "h": "2", "s": '{"k": 1}'}
    assert ask("select 1 as a where false", "--output", "csv")[1] == '"a"\n'
    assert json.loads(ask("select 1 as a where false", "--output", "json")[1]) == []


def test_files_have_all_rows_and_take_their_form_from_their_name(ask, tmp_path):
    query = "select n, n / 7 as x from range(250000) as t(n)"
    for ending, read in ((".parquet", pq.read_table), (".csv", pa_csv.read_csv)):
        file = tmp_path / f"rows{ending}"
        code, out, err = ask(query, "--to", str(file))
        assert (code, out, err) == (0, "", f"250,000 rows are in {file}\n")
        rows = read(file)
        assert rows.column("n").to_pylist() == list(range(250000))
        assert rows.column("x").to_pylist() == [n / 7 for n in range(250000)]
    ask("select 1 as a union all select 2 order by a", "--to", str(tmp_path / "rows.json"))
    assert json.loads((tmp_path / "rows.json").read_text()) == [{"a": 1}, {"a": 2}]
    assert {path.name for path in tmp_path.iterdir()} == {"rows.parquet", "rows.csv", "rows.json"}


def test_a_query_that_fails_while_it_is_read_leaves_no_file(ask, tmp_path):
    query = "select case when n = 200000 then error('too far') else n end as n from range(250000) as t(n)"
    code, _, err = ask(query, "--to", str(tmp_path / "rows.csv"))
    assert code == 2
    assert "error: SQL: " in err
    assert "too far" in err
    assert not list(tmp_path.iterdir())


def test_a_long_table_ends_on_the_terminal_and_says_so(ask):
    _, out, err = ask("select n from range(1000) as t(n)")
    assert len(out.splitlines()) == 101
    assert err == "there are more rows: --output csv, or --to FILE, gives all of them\n"
    assert ask("select n from range(100) as t(n)")[2] == ""


def test_cells_that_are_long_are_shortened_and_control_characters_are_shown(ask):
    _, out, _ = ask("select styles, chr(27) || '[2J' as name from panel where exposure_date = '2024-03-08'")
    assert "... 24]" in out
    assert "\\x1b[2J" in out


def test_a_statement_comes_from_a_file_or_from_standard_input(ask, tmp_path, monkeypatch):
    (tmp_path / "query.sql").write_text("select 41 + 1 as answer")
    assert ask(f"@{tmp_path / 'query.sql'}")[1].split() == ["answer", "42"]
    monkeypatch.setattr("sys.stdin", io.StringIO("select 7 as seven"))
    assert ask("-")[1].split() == ["seven", "7"]
    assert "cannot be read" in ask("@nowhere.sql")[2]


def test_an_old_release_is_asked_by_its_id(ask):
    query = "select (select count(*) from risk_models) as own, (select count(*) from current_risk_models) as last"
    assert ask(query, "--release", f"{LAST}.1", "--output", "json")[1] == '[{"own": 4, "last": 5}\n]\n'
    assert ask(query, "--output", "json")[1] == '[{"own": 5, "last": 5}\n]\n'


def test_an_explanation_is_shown_as_it_is(ask):
    assert "factor_covariance" not in ask("explain select 1")[2]
    assert len(ask("explain select * from factor_vol where date = '2024-03-08'")[1].splitlines()) > 5


def test_the_list_has_every_table_and_view_with_columns_and_units(ask):
    code, out, _ = ask("--tables", config=True)
    assert code == 0
    for relation in (*ALL_TABLES, *VIEWS):
        assert f"\n{relation.name} (" in f"\n{out}"
        for column in relation.columns:
            assert column.comment in out
    listed = {row["table"] for row in json.loads(ask("--tables", "--output", "json")[1])}
    assert {"panel", "factor_covariance", "factor_vol", "releases"} <= listed
    assert not {"prices", "exposures"} & listed


MISTAKES = {
    "both": (["select 1", "--tables"], "--tables lists what there is, and a query asks it"),
    "none": ([], "a query is missing: sigmalake sql"),
    "an ending": (["select 1", "--to", "rows.xlsx"], "ends in none of .csv, .json and .parquet"),
    "two forms": (["select 1", "--to", "rows.csv", "--output", "json"], "do not agree; leave --output out"),
    "no file": (["select 1", "--output", "parquet"], "give --to FILE.parquet"),
    "a folder": (["select 1", "--to", "/nowhere/rows.csv"], "--to /nowhere/rows.csv cannot be written"),
    "a table": (["select * from panl"], "there is no table or view panl; did you mean panel?"),
    "a release": (["select 1", "--release", "2020-01-01.1"], "has no release 2020-01-01.1"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_line_and_an_exit_code(ask, mistake):
    arguments, message = MISTAKES[mistake]
    code, out, err = ask(*arguments)
    assert code == (1 if mistake == "a release" else 2)
    assert out == ""
    assert message in err
    assert len(err.splitlines()) == 1
