"""`sigmalake export`: dates, places, mistakes."""

import json
import sys

import pandas as pd
import pytest

from sigmalake.cli import app as cli
from sigmalake.reader.open_release import open_release
from two_releases import write_two_releases


@pytest.fixture
def run(exported_lake, capsys, monkeypatch):
    """Runs the verb on the lake; gives exit code, stdout and stderr."""

    def call(*arguments, lake=exported_lake):
        named = [] if lake is None else ["--lake", str(lake)]
        monkeypatch.setattr(sys, "argv", ["sigmalake", "export", *map(str, arguments), *named])
        try:
            cli.main()
            code = 0
        except SystemExit as end:
            code = end.code or 0
        return code, *capsys.readouterr()

    return call


@pytest.mark.parametrize(("form", "files"), [("gs-quant", 1), ("excel", 1), ("csv", 8), ("parquet", 8)])
def test_the_newest_date_is_written_in_each_form(run, tmp_path, form, files):
    code, out, err = run("--as", form, "--to", tmp_path / "out")
    assert (code, err) == (0, "")
    counted = f"{files} file{'' if files == 1 else 's'}"
    assert out == f"release 2021-04-09.1, short as of 2021-04-09: {counted} for {form} in {tmp_path / 'out'}\n"
    assert len([path for path in (tmp_path / "out").rglob("*.*") if path.is_file()]) == files


def test_a_range_takes_its_dates_and_a_program_reads_which(run, tmp_path):
    code, out, _ = run("--as", "parquet", "--to", tmp_path, "--start", "2021-04-04", "--end", "2021-04-07", "--output", "json")
    assert code == 0
    found = json.loads(out)
    assert found == {
        "release": "2021-04-09.1", "variant": "short", "as": "parquet", "to": str(tmp_path), "files": 24, "skipped": {},
        "dates": ["2021-04-05", "2021-04-06", "2021-04-07"],
    }  # fmt: skip
    frames = [pd.read_parquet(tmp_path / day / "asset_data.parquet") for day in found["dates"]]
    assert [str(frame["date"][0]) for frame in frames] == found["dates"]


def test_a_range_of_one_variant_reads_in_one_piece(run, tmp_path, exported_lake):
    run("--as", "csv", "--to", tmp_path, "--start", "2021-04-07", "--variant", "short", "--release", "2021-04-09.1")
    files = sorted(tmp_path.glob("*/factor_returns.csv"))
    returns = pd.concat(map(pd.read_csv, files)).pivot(index="date", columns="factor", values="factor_return") / 100
    expected = open_release(exported_lake).factor_returns().loc["2021-04-07":, returns.columns]
    pd.testing.assert_frame_equal(
        returns.set_index(pd.DatetimeIndex(returns.index)), expected, check_freq=False, check_names=False, rtol=1e-13
    )


def test_one_date_may_be_a_file(run, tmp_path):
    file = tmp_path / "model.json"
    code, _, _ = run("--as", "gs-quant", "--to", file, "--date", "2021-04-08")
    assert code == 0
    assert json.loads(file.read_text())["date"] == "2021-04-08"


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--date", "2021-04-09", "--start", "2021-04-01"], 2, "--date names one date, --start and --end a range; give one"),
        (["--start", "2021-04-08", "--end", "2021-04-01"], 2, "--start 2021-04-08 is after --end 2021-04-01"),
        (["--start", "2022-01-01"], 1, "no risk model from 2022-01-01 to 2021-04-09; there are those from "),
        (["--date", "2021-04-04"], 1, "short has no risk model as of 2021-04-04; nearest: 2021-04-02, 2021-04-05"),
        (["--date", "yesterday"], 2, "--date 'yesterday' is not a date"),
        (["--variant", "long"], 1, "has no variant long; it has short"),
        (["--periods-per-year", "0"], 2, "--periods-per-year is 0.0; give a number above 0"),
        (["--as", "barra"], 2, "error: --as: 'barra' is not one of 'gs-quant', 'csv', 'excel', 'parquet'"),
    ],
)
def test_a_mistake_is_one_message(run, tmp_path, options, code, message):
    given = [] if "--as" in options else ["--as", "csv"]
    ended, out, err = run(*given, "--to", tmp_path / "out", *options)
    assert (ended, out) == (code, "")
    assert message in " ".join(err.replace("│", " ").split())
    assert not (tmp_path / "out").exists()


def test_several_variants_must_be_told_apart(run, tmp_path):
    code, _, err = run("--as", "csv", "--to", tmp_path, lake=write_two_releases(tmp_path / "lake"))
    assert (code, err) == (1, "error: release 2024-03-08.2 has several variants; name one of long, short\n")
