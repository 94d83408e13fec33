"""`sigmalake portfolio --to`: each file has the numbers of the answer, and no name of the data does any harm."""

import csv
import json
import re
import sys
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path

import openpyxl
import pandas as pd
import pyarrow.parquet as pq
import pytest

from portfolio_runs import BENCHMARK, WEIGHTS, answer, verb_on, write
from sigmalake.cli import app as cli
from sigmalake.reader.open_release import open_release

NAMES = {"A001": "=1+1", "A002": '<script>alert("x")</script>', "A003": "@SUM(A1)", "A004": "Smith & Sons", "A005": "-2+3"}


@pytest.fixture
def run(plain_market_lake, capsys, monkeypatch):
    return verb_on(plain_market_lake, capsys, monkeypatch)


@pytest.fixture(scope="module")
def days(plain_market_lake):
    return [day.date() for day in open_release(plain_market_lake).calendar()]


@pytest.fixture(scope="module")
def files(plain_market_lake, tmp_path_factory, days):
    """All four, of one answer with everything that can be asked for, and the answer for a program."""
    folder = tmp_path_factory.mktemp("sheet")
    held = write(folder / "<b>h&.csv", WEIGHTS)
    benchmark = write(folder / "b.csv", BENCHMARK)
    for file in (held, benchmark):
        pd.read_csv(file).assign(name=lambda rows: rows["asset_id"].map(NAMES)).to_csv(file, index=False)
    arguments = [
        held, "--benchmark", benchmark, "--lake", plain_market_lake, "--variant", "ewma",
        "--shock", "market=-0.1", "--replay", f"<i>bad week={days[3]}:{days[9]}", "--replay", f"{days[10]}:{days[20]}",
        "--reverse-stress", "0.05", "--since", days[-20], "--versus-date", days[-2], "--level", "0.9", "--level", "0.99",
        *(part for ending in ("html", "xlsx", "csv", "parquet") for part in ("--to", folder / f"out.{ending}")),
    ]  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        said: list[str] = []
        patch.setattr("sigmalake.cli.verbs.portfolio.say", said.append)
        patch.setattr("sigmalake.cli.terminal.typer.echo", lambda text, **_: said.append(text))
        patch.setattr(sys, "argv", ["sigmalake", "portfolio", *map(str, arguments), "--output", "json"])
        cli.main()
    assert [line.split()[0] for line in said[:-1]] == ["wrote"] * 4
    return folder, json.loads(said[-1])


def rows_of(folder: Path) -> pd.DataFrame:
    return pd.read_csv(
        folder / "out.csv", keep_default_na=False, na_values={"value": [""]}, dtype={"name": str}, float_precision="round_trip"
    )


def value(rows: pd.DataFrame, section: str, name: str, column: str) -> float:
    (found,) = rows.loc[(rows["section"] == section) & (rows["name"] == name) & (rows["column"] == column), "value"]
    return found


def test_the_rows_are_the_numbers_of_the_answer(files):
    folder, found = files
    rows = rows_of(folder)
    root = 252**0.5
    for side in ("portfolio", "benchmark", "active"):
        assert value(rows, "risk", side, "vol") == pytest.approx(found[side]["vol"], rel=1e-14)
        assert value(rows, "risk", side, "vol_annual") == pytest.approx(found[side]["vol"] * root, rel=1e-13)
        assert value(rows, "realised", side, "linked") == pytest.approx(sum(found["realised"][side]["linked"].values()), rel=1e-9)
        assert value(rows, "scenario", side, "return") == pytest.approx(found["scenario"][side]["return"], rel=1e-12)
    assert value(rows, "risk", "portfolio", "beta") == found["beta"]
    assert value(rows, "risk", "active", "beta") == pytest.approx(found["beta"] - 1)
    for name, part in found["active"]["by_factor"]["contribution"].items():
        assert value(rows, "by_factor", name, "active_contribution") == pytest.approx(part * root, rel=1e-12, abs=1e-17)
        assert value(rows, "by_factor", name, "portfolio_exposure") == found["portfolio"]["by_factor"]["exposure"][name]
    for asset, part in found["active"]["by_asset"]["contribution"].items():
        assert value(rows, "by_asset", asset, "contribution") == pytest.approx(part * root, rel=1e-12, abs=1e-17)
        assert value(rows, "by_asset", asset, "active_weight") == pytest.approx(WEIGHTS.get(asset, 0) - BENCHMARK.get(asset, 0))
    assert value(rows, "tail_risk", "90 % normal", "portfolio_var") == found["tails"]["portfolio"][0]["normal"]["var"]
    tail = found["tails"]["active"][0]["history"]["expected_shortfall"]
    assert value(rows, "tail_risk", "90 % history", "active_expected_shortfall") == tail
    assert value(rows, "replays", "<i>bad week", "active_summed") == found["replays"][0]["active"]["summed"]
    assert value(rows, "reverse_stress", "active", "distance") == found["reverse_stress"]["active"]["distance"]
    assert value(rows, "change", "sum", "change") == pytest.approx(
        (found["change"]["second"]["vol"] - found["change"]["first"]["vol"]) * root, rel=1e-9
    )


def test_parts_in_the_rows_sum_to_what_they_are_parts_of(files):
    rows = rows_of(files[0])
    for section, column in [
        ("by_factor", "active_contribution"), ("by_group", "portfolio_contribution"), ("by_asset", "contribution"),
        ("scenario_by_factor", "contribution"), ("replays_by_factor", "<i>bad week"), ("reverse_stress_by_factor", "contribution"),
        ("realised_by_part", "summed"), ("realised_by_part", "linked"), ("change", "change"),
    ]:  # fmt: skip
        of = rows[(rows["section"] == section) & (rows["column"] == column)].set_index("name")["value"]
        assert of.drop("sum").sum() == pytest.approx(of["sum"], rel=1e-9, abs=1e-12), (section, column)


def test_every_number_has_a_unit_and_no_row_is_empty(files):
    rows = rows_of(files[0])
    assert ((rows["value"].notna() & (rows["unit"] != "")) ^ (rows["text"] != "")).all()
    assert not rows.duplicated(["section", "name", "column"]).any() or (
        set(rows[rows.duplicated(["section", "name", "column"])]["section"]) <= {"realised_gaps"}
    )


def test_the_parquet_file_has_the_rows_of_the_csv_file(files):
    folder = files[0]
    with (folder / "out.csv").open(encoding="utf-8", newline="") as opened:
        expected = list(csv.DictReader(opened))
    found = pq.read_table(folder / "out.parquet").to_pylist()
    as_text = [{name: "" if cell is None else str(cell) for name, cell in row.items()} for row in found]
    assert as_text == expected


def test_a_workbook_has_the_numbers_with_formats_and_no_formula(files):
    folder = files[0]
    book, rows = openpyxl.load_workbook(folder / "out.xlsx"), rows_of(folder)
    assert {"about", "risk", "tail_risk", "by_factor", "by_asset", "replays", "reverse_stress"} <= set(book.sheetnames)
    assert not [cell for page in book for line in page.iter_rows() for cell in line if cell.data_type == "f"]
    page = book["by_asset"]
    head = [str(cell.value).split("\n")[0] for cell in page[4]]
    assert head[:2] == ["asset", "name"]
    by_asset = {line[0].value: line for line in page.iter_rows(min_row=5)}
    assert {asset: by_asset[asset][1].value for asset in NAMES} == NAMES
    cell = by_asset["A001"][head.index("to the tracking error")]
    assert cell.value == pytest.approx(value(rows, "by_asset", "A001", "contribution"), rel=1e-14)
    assert cell.number_format == "0.00%"
    assert page.freeze_panes == "B5"
    n_rows = {page.title: sum(isinstance(line[0].value, str) for line in page.iter_rows(min_row=5)) for page in book}
    assert n_rows["past_losses"] == (rows[rows["section"] == "past_losses"]["name"].nunique())


class Parsed(HTMLParser):
    """Tags, attributes and text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data)


def test_a_page_needs_no_network_and_takes_no_markup_from_names(files):
    text = (files[0] / "out.html").read_text(encoding="utf-8")
    page = Parsed(text)
    assert {tag for tag, _ in page.tags}.isdisjoint({"script", "link", "img", "iframe", "i", "b", "object"})
    assert not re.search(r"https?:|url\(|@import|javascript:", text)
    assert not [name for _, attrs in page.tags for name in attrs if name.startswith("on") or name in {"src", "href"}]
    shown = " ".join(page.words)
    for name in (*NAMES.values(), "<i>bad week", "Risk of <b>h&.csv"):
        assert name in shown
    assert len(text) < 200_000


def test_a_page_shows_the_numbers_of_the_answer(files):
    folder, found = files
    shown = " ".join(Parsed((folder / "out.html").read_text(encoding="utf-8")).words)
    assert f"{100 * found['portfolio']['vol'] * 252**0.5:.2f} %" in shown
    assert f"{100 * found['tails']['portfolio'][0]['history_of_factors']['var']:.2f}\u202f%" in shown
    assert f"{found['beta']:.3f}" in shown
    assert f"{found['reverse_stress']['portfolio']['distance']:.2f}" in shown
    assert "the level 0.99 needs at least 100" in shown  # the history has 63 dates


@pytest.mark.run
def test_a_browser_shows_the_page_without_errors_on_a_screen_and_a_phone_and_prints_two_sheets(files, tmp_path, browser):
    wrong: list[str] = []
    for width in (1280, 420):
        page = browser.new_page(viewport={"width": width, "height": 900})
        page.on("console", lambda message: wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto((files[0] / "out.html").as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") == width  # nothing hangs over
        assert page.locator("tfoot tr").count() > 5
    page.pdf(path=tmp_path / "out.pdf", prefer_css_page_size=True)
    assert not wrong
    assert 1 <= len(re.findall(rb"/Type\s*/Page[^s]", (tmp_path / "out.pdf").read_bytes())) <= 2


def test_a_fund_against_its_own_basket_has_no_tracking_error_on_any_page(run, tmp_path, days):
    file = write(tmp_path / "fund.csv", WEIGHTS)
    code, _, err = run(
        file, "--benchmark", file, "--to", tmp_path / "out.csv", "--to", tmp_path / "out.html", "--reverse-stress", 0.1
    )
    assert code == 0, err
    rows = rows_of(tmp_path)
    assert value(rows, "risk", "active", "vol") == 0
    assert value(rows, "risk", "portfolio", "beta") == pytest.approx(1, rel=1e-12)
    assert set(rows[rows["section"] == "reverse_stress"]["name"]) == {"portfolio"}


def test_names_come_from_a_file_of_their_own_too(run, tmp_path):
    file, names = write(tmp_path / "h.csv", WEIGHTS), tmp_path / "names.csv"
    names.write_text("asset_id,name\nA001,First\nA999,Nobody\n")
    assert answer(run, file, "--names", names)["names"]["A001"] == "First"
    names.write_text("asset_id,title\nA001,First\n")
    code, _, err = run(file, "--names", names)
    assert (code, "name is missing" in err) == (2, True)
    names.write_text("asset_id,name\nA001,First\nA001,Again\n")
    assert "name 1 asset more than once (A001)" in run(file, "--names", names)[2]


@pytest.mark.parametrize(
    ("to", "message"),
    [
        (["o.pdf"], "the ending says what is written: .html, .xlsx, .csv, .parquet"),
        (["none/o.csv"], "there is no folder"),
        (["o.csv", "o.csv"], "twice; name each file once"),
    ],
)
def test_a_file_that_cannot_be_written_is_an_error_before_anything_is_computed(run, tmp_path, to, message):
    given = [part for name in to for part in ("--to", tmp_path / name)]
    code, out, err = run(tmp_path / "not read.csv", *given)
    assert (code, out) == (2, "")
    assert message in err


def test_contributions_sum_over_groups_of_the_users_own(run, tmp_path):
    file, groups = write(tmp_path / "h.csv", WEIGHTS), tmp_path / "groups.csv"
    first, second, *others = WEIGHTS
    groups.write_text(f"asset_id,group\n{second},<b>theme</b>\n{first},desk\n")
    to = "--to", tmp_path / "s.csv", "--to", tmp_path / "s.html"
    code, out, _ = run(file, "--groups", groups, *to, "--output", "json")
    assert code == 0
    found = json.loads(out)
    parts = found["portfolio"]["by_asset"]["contribution"]
    expected = {"<b>theme</b>": parts[second], "desk": parts[first], "no group": sum(parts[asset] for asset in others)}
    assert list(found["by_own_group"]) == list(expected)  # in the order of the file
    assert found["by_own_group"] == pytest.approx(expected)
    rows = pd.read_csv(tmp_path / "s.csv")
    root = (found["periods_per_year"] / found["horizon"]) ** 0.5
    assert value(rows, "by_own_group", "desk", "portfolio_contribution") == pytest.approx(parts[first] * root)
    assert value(rows, "by_own_group", "desk", "portfolio_weight") == pytest.approx(WEIGHTS[first])
    assert "&lt;b&gt;theme&lt;/b&gt;" in (tmp_path / "s.html").read_text()
    held = tmp_path / "own.csv"
    held.write_text("asset_id,weight,group\n" + "".join(f"{asset},{w},all\n" for asset, w in WEIGHTS.items()))
    assert answer(run, held)["by_own_group"] == pytest.approx({"all": found["portfolio"]["vol"]})
    groups.write_text("asset_id,desk\nA001,x\n")
    assert "group is missing" in run(file, "--groups", groups)[2]


def test_a_workbook_without_its_library_is_an_error_that_names_the_extra(run, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "xlsxwriter", None)
    code, _, err = run(write(tmp_path / "h.csv", WEIGHTS), "--to", tmp_path / "o.xlsx")
    assert (code, "pip install 'sigmalake[excel]'" in err) == (3, True)


# What the options add to the text and to the JSON


def test_the_text_tells_tails_replays_and_a_reverse_stress(run, tmp_path, days):
    file = write(tmp_path / "h.csv", WEIGHTS)
    options = ["--level", "0.9", "--replay", f"fall={days[3]}:{days[9]}", "--reverse-stress", "0.1", "--history-since", days[5]]
    code, text, _ = run(file, *options)
    found = answer(run, file, *options)
    assert code == 0
    assert all(len(line) <= 100 for line in text[text.index("Value at risk") :].splitlines())
    tail = found["tails"]["portfolio"][0]["history"]
    assert f"0.9  history           {100 * tail['var']:.2f}  {100 * tail['expected_shortfall']:.2f}" in text
    assert found["tails"]["history"]["first_date"] == str(days[5])
    assert re.search(
        rf"^fall +{days[3]} +{days[9]} +6 +{100 * found['replays'][0]['portfolio']['summed']:.2f}$", text, re.MULTILINE
    )
    assert f"{found['reverse_stress']['portfolio']['distance']:.2f}" in text
    assert sum(found["reverse_stress"]["portfolio"]["by_factor"].values()) == pytest.approx(-0.1)


def test_periods_come_from_a_file_and_have_one_name_each(run, tmp_path, days):
    file, periods = write(tmp_path / "h.csv", WEIGHTS), tmp_path / "p.csv"
    periods.write_text(f"name,start,end\nfall,{days[3]},{days[9]}\nrise,{days[9]},{days[12]}\n")
    found = answer(run, file, "--replays", periods)
    assert [replayed["name"] for replayed in found["replays"]] == ["fall", "rise"]
    code, _, err = run(file, "--replays", periods, "--replay", f"fall={days[1]}:{days[2]}")
    assert (code, "names fall twice" in err) == (2, True)


def test_a_period_that_the_lake_does_not_have_is_an_error(run, tmp_path, days):
    code, _, err = run(write(tmp_path / "h.csv", WEIGHTS), "--replay", f"{days[0] - timedelta(400)}:{days[3]}")
    assert (code, "is not in the stored factor returns" in err) == (1, True)


# Units


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"A001": 60, "A002": 40}, r"sum to 100, .*as fractions, that is 10,000% .*percentages, 100\.00 %.*--weights-in percent"),
        ({"A001": 100, "A002": -100}, r"sum to 0, and to 200 without signs.*--weights-in fraction"),
        ({"A001": 12, "A002": 15}, r"sum to 27, .*2,700% .*Say which: --weights-in percent"),
        ({"A001": 0.6, "A002": 250_000}, r"mix amounts with weights: A002 has 250,000, and 1 of 2 are at most 1, such as A001"),
        ({"A001": 600_000, "A002": 400_000}, r"look like amounts: A001 has 600,000.*quantity with a price of 1"),
    ],
)
def test_weights_of_a_doubtful_unit_are_questioned_and_not_computed(run, tmp_path, weights, message):
    file = write(tmp_path / "h.csv", weights)
    code, out, err = run(file)
    assert (code, out) == (1, "")
    assert re.search(message, err)
    as_given = answer(run, file, "--weights-in", "fraction")["portfolio"]["vol"]
    assert as_given == pytest.approx(100 * answer(run, file, "--weights-in", "percent")["portfolio"]["vol"], rel=1e-12)


def test_a_benchmark_in_percent_is_questioned_too(run, tmp_path):
    file, benchmark = write(tmp_path / "h.csv", WEIGHTS), write(tmp_path / "b.csv", {"A001": 25, "A005": 75})
    assert "the weights of" in run(file, "--benchmark", benchmark)[2]


def test_positions_that_nearly_cancel_are_questioned_unless_the_value_is_named(run, tmp_path):
    file = tmp_path / "h.csv"
    file.write_text("asset_id,quantity,price\nA001,100,10\nA002,-99,10\n")
    code, _, err = run(file)
    assert (code, "Name the portfolio's value with --value" in err) == (1, True)
    assert answer(run, file, "--value", 1000)["value"] == 1000


def test_shocks_losses_and_levels_of_a_doubtful_unit_are_questioned(run, tmp_path):
    file = write(tmp_path / "h.csv", WEIGHTS)
    assert "--shocks-in fraction" in run(file, "--shock", "market=-10")[2]
    assert "--shocks-in fraction" in run(file, "--reverse-stress", 10)[2]
    assert "give 0.95" in run(file, "--level", 95)[2]
    both = [
        answer(run, file, "--shock", given, *unit)["scenario"]["portfolio"]["return"]
        for given, unit in (("market=-0.1", ()), ("market=-10", ("--shocks-in", "percent")))
    ]
    assert both[0] == both[1]
    assert answer(run, file, "--reverse-stress", 10, "--shocks-in", "percent")["reverse_stress"]["portfolio"]["loss"] == 0.1
