"""`sigmalake report`: what it writes and says, what changed since the release before, and every mistake has its message."""

import builtins
import json
import sys

import pytest

from sigmalake.cli import app as cli
from sigmalake.lake.log import open_table, read_columns
from sigmalake.reader.open_release import open_release
from sigmalake.reader.storage.delta_tables import DeltaTables, ledger_of
from sigmalake.reader.storage.model_tables import ModelTables
from sigmalake.report.page import build
from sigmalake.report.page.comparison import since_before
from sigmalake.tables.packed import CROSS_SECTIONS


@pytest.fixture
def verb(reported, capsys, monkeypatch, tmp_path):
    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["sigmalake", "report", "--lake", str(reported.lake), *map(str, arguments)])
        try:
            cli.main()
            code = 0
        except SystemExit as end:
            code = end.code or 0
        return code, *capsys.readouterr()

    return run


def test_a_range_and_an_earlier_release_are_written_and_told_to_a_program(verb, reported, tmp_path):
    days = reported.model.factor_returns().index
    start, end = days[20].date(), days[40].date()
    file = tmp_path / "r.html"
    code, out, _ = verb(
        "--to", file, "--release", reported.first, "--start", start, "--end", end, "--variant", "monthly", "--date", end,
        "--factor", "market", "--output", "json",
    )  # fmt: skip
    assert code == 0
    said = json.loads(out)
    assert (said["to"], said["release"], said["size"]) == (str(file), reported.first, file.stat().st_size)
    text = file.read_text(encoding="utf-8")
    assert f"Variant monthly (the model also has short). Returns from {start} to {end}." in text
    assert "This is the first release that the lake keeps" in text
    assert f'<option value="0">{end}</option>' in text
    assert [path.name for path in tmp_path.iterdir()] == ["r.html"]


def test_what_changed_is_counted_from_both_releases(reported):
    model = reported.model
    tables = ModelTables(DeltaTables(str(reported.lake), model.release_id, model.tables))
    release = ledger_of(str(reported.lake)).releases[-1]
    since = since_before(tables, release)
    rows = {}
    for its in (open_release(reported.lake, reported.first), model):
        table = open_table(str(reported.lake / CROSS_SECTIONS.name), its.tables[CROSS_SECTIONS.name])
        rows[its.release_id] = {row["date"]: row["inputs_hash"] for row in read_columns(table, ["date", "inputs_hash"]).to_pylist()}
    old, new = rows[reported.first], rows[model.release_id]
    (regressions,) = [change for change in since.tables if change.called == "regressions"]
    assert since.before == reported.first
    assert (regressions.new, regressions.gone) == (10, 0)
    assert regressions.again == sum(new[day] != old[day] for day in old) == 1
    assert regressions.kept == len(old) - 1
    assert any("panel" in why for why in since.why)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--to", "x.pdf"], 2, "does not end in .html"),
        (["--to", "/no/such/folder/x.html"], 2, "there is no folder /no/such/folder"),
        (["--to", "x.html", "--start", "2021-03-02", "--end", "2021-03-01"], 2, "would start on 2021-03-02, after it ends"),
        (["--to", "x.html", "--start", "2031-01-01"], 1, "no regression from 2031-01-01 to the last; they go from 2021-01-05"),
        (["--to", "x.html", "--factor", "marekt"], 1, "the regressions have no factor marekt"),
        (["--to", "x.html", "--date", "2021-01-09"], 1, "the date 2021-01-09 has no regression in the range; 2021-01-11 has one"),
        (["--to", "x.html", "--variant", "long"], 1, "has no variant long; it has short, monthly"),
        (["--to", "x.html", "--release", "1999-01-01.1"], 1, "1999-01-01.1"),
        (["--to", "x.html", "--date", "soon"], 2, "--date 'soon' is not a date"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_message_and_leaves_no_file(verb, tmp_path, monkeypatch, arguments, code, message):
    monkeypatch.chdir(tmp_path)
    found, out, said = verb(*arguments)
    assert (found, out) == (code, "")
    assert message in said
    assert list(tmp_path.iterdir()) == []


def test_without_plotly_a_sentence_names_the_extra(verb, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "plotly", None)
    code, _, said = verb("--to", tmp_path / "x.html")
    assert code == 3
    assert "pip install 'sigmalake[report]'" in said


def test_nothing_of_plotly_is_loaded_before_a_report_is_made(monkeypatch):
    imported = builtins.__import__
    monkeypatch.setattr(
        builtins, "__import__", lambda name, *rest: pytest.fail(name) if name.startswith("plotly") else imported(name, *rest)
    )
    monkeypatch.setattr(sys, "argv", ["sigmalake", "report", "--help"])
    cli.main()


def test_a_file_that_cannot_be_put_in_its_place_leaves_the_old_one(reported, tmp_path, monkeypatch):
    file = tmp_path / "r.html"
    file.write_text("old")
    monkeypatch.setattr(build.Path, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(build.ConfigError, match="cannot be written: No space left on device"):
        build._replace(file, "new")
    assert file.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["r.html"]
