"""docs/exports.md on a lake written without Spark: its commands run, its Python gives what it says, its tables are complete."""

import re
import shlex

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from readme import ROOT
from sigmalake.cli import app as cli
from sigmalake.reader.exports.flat_tables import FLAT_TABLES
from sigmalake.reader.open_release import open_release

TEXT = (ROOT / "docs/exports.md").read_text(encoding="utf-8")
DAY = "2023-11-17"  # the demo's last


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def last(plain_market_lake):
    """The last date of the lake that stands for the demo's."""
    return str(open_release(plain_market_lake).as_of)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, plain_market_lake, last):
    """A folder in which the page's commands ran."""
    folder = tmp_path_factory.mktemp("exports")
    (folder / "lakes/demo").mkdir(parents=True)
    (folder / "lakes/demo/lake").symlink_to(plain_market_lake)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for line in blocks("bash")[0].splitlines():
            line = line.replace(DAY, last).replace("2023-11-13", "2021-01-01")  # noqa: PLW2901 - the demo's dates
            cli.app(shlex.split(line)[1:], standalone_mode=False)
    return folder


@pytest.fixture(scope="module")
def names(folder, last):
    """What the Python blocks leave, run from top to bottom."""
    for tool in ("cvxpy", "skfolio", "pypfopt", "cvx.risk.factor"):
        pytest.importorskip(tool)
    found = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for block in blocks("python"):
            exec(block.replace(DAY, last).replace("2023-08-01", "2021-02-01"), found)
    return found


@pytest.fixture(scope="module")
def V(plain_market_lake):  # noqa: N802 - the model's symbol
    return open_release(plain_market_lake).risk(horizon=252).asset_cov()


def test_the_parts_give_v_over_a_year(names, V):
    parts = names["parts"]
    assert_allclose(names["L"] @ names["L"].T, names["F"], atol=1e-16)
    found = parts.exposures @ names["F"] @ parts.exposures.T + np.diag(names["R"] ** 2)
    assert_allclose(found, V, rtol=1e-9, atol=1e-15)
    assert_allclose(names["a_year"].factor_cov, names["F"], rtol=1e-14)


def test_the_optimisers_agree_on_the_least_variance(names, V):
    least = np.sqrt(names["least"].value)
    assert pd.Series(names["least_volatile"]).pipe(lambda w: np.sqrt(w @ V @ w)) == pytest.approx(least, rel=1e-4)
    assert names["near"].value >= names["least"].value * (1 - 1e-6)
    assert names["tracking_error"].value <= 0.05 + 1e-6
    held = names["held"].value
    assert held @ names["size"] <= 0.5 + 1e-6
    assert held.max() <= 0.1 + 1e-6
    assert np.sqrt(held @ V.to_numpy() @ held) == pytest.approx(names["problem"].value, rel=1e-6)


def test_skfolio_keeps_the_constraint_on_a_factor(names):
    exposures = names["model"].risk().parts(names["daily"].usable).exposures[:, names["daily"].factors.index("size")]
    assert names["weights"] @ exposures <= 0.1 + 1e-6
    assert names["weights"].sum() == pytest.approx(1.0)


def test_the_files_give_v_back(names, V):
    found = names["V_again"].loc[V.index, V.index]
    assert_allclose(found, V / 252, rtol=1e-9, atol=1e-16)


def test_the_commands_wrote_what_the_page_says(folder, last):
    written = {str(path.relative_to(folder / "out")) for path in (folder / "out").rglob("*") if path.is_file()}
    assert {"model.xlsx", f"gs/{last}.json", f"csv/{last}/about.json"} <= written
    assert len([name for name in written if name.startswith("parquet/")]) == 2 * 8
    about = [row.split(", ") for row in re.findall(r"Sheets: ([^.]*?), in the units", TEXT.replace("\n", " "))]
    import openpyxl

    sheets = openpyxl.load_workbook(folder / "out/model.xlsx", read_only=True).sheetnames
    assert [name.split(",")[0] for name in sheets] == about[0]


def flat_tables_page():
    """The tables of the page from the declarations."""
    lines = ["| table | column | unit | what it holds |", "|---|---|---|---|"]
    for table, columns in FLAT_TABLES.items():
        for position, column in enumerate(columns[1:]):
            named = f"`{table}`" if position == 0 else ""
            lines.append(f"| {named} | `{column.name}` | {column.unit} | {column.description} |")
    return "\n".join(lines)


def test_the_page_has_every_table_and_column_with_its_unit():
    assert flat_tables_page() in TEXT


def test_its_links_verbs_and_options_are_there():
    parameters = cli.typer.main.get_command(cli.app).commands["export"].params
    options = {option for parameter in parameters for option in parameter.opts}
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", TEXT)) <= options
    for target in re.findall(r"\]\(([^)#]+)", TEXT):
        assert (ROOT / "docs" / target).is_file(), target
    assert not re.search(r"(?<![\w.])/(work|tmp|home|root|Users|mnt)/", TEXT)
