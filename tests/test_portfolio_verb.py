"""`sigmalake portfolio`: what it prints is what the reader says, and every mistake has its message and exit code."""

import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

import sigmalake
from plain_market import write_market_lake
from portfolio_runs import BENCHMARK, WEIGHTS, answer, row, verb_on, write
from sigmalake.cli import app as cli
from sigmalake.demo.market import generate_market
from sigmalake.demo.run import configuration
from sigmalake.errors import ConfigError
from sigmalake.numerics.regression.rules import RegressionRules
from sigmalake.numerics.windows.calendar import periods_per_year
from sigmalake.reader.open_release import open_release


@pytest.fixture
def file(tmp_path) -> Path:
    return write(tmp_path / "h.csv", WEIGHTS)


@pytest.fixture
def benchmark(tmp_path) -> Path:
    return write(tmp_path / "b.csv", BENCHMARK)


@pytest.fixture(scope="module")
def risk(plain_market_lake):
    return open_release(plain_market_lake).risk(variant="ewma")


@pytest.fixture
def run(plain_market_lake, capsys, monkeypatch):
    return verb_on(plain_market_lake, capsys, monkeypatch)


def test_a_program_reads_what_the_reader_says_in_fractions(run, file, risk):
    found, report = answer(run, file), risk.risk_of(WEIGHTS)
    assert found["portfolio"]["vol"] == pytest.approx(report.vol, rel=1e-14)
    assert found["portfolio"]["by_factor"]["contribution"] == pytest.approx(report.by_factor.to_dict(), rel=1e-12)
    assert found["portfolio"]["by_asset"]["contribution"] == pytest.approx(report.by_asset.to_dict(), rel=1e-12)
    assert sum(found["portfolio"]["by_group"].values()) + found["portfolio"]["specific"] == pytest.approx(report.vol, rel=1e-12)
    assert (found["variant"], found["date"], found["horizon"], found["periods_per_year"]) == ("ewma", str(risk.date), 1.0, 252.0)
    assert "tracking_error" not in found


def test_a_benchmark_adds_tracking_error_and_beta(run, file, benchmark, risk):
    found, report = answer(run, file, "--benchmark", benchmark), risk.risk_against(WEIGHTS, BENCHMARK)
    assert found["tracking_error"] == found["active"]["vol"] == pytest.approx(report.active.vol, rel=1e-13)
    assert found["beta"] == pytest.approx(report.beta, rel=1e-13)
    assert found["benchmark"]["vol"] == pytest.approx(report.benchmark.vol, rel=1e-13)
    assert sum(WEIGHTS[asset] * beta for asset, beta in found["asset_betas"].items()) == pytest.approx(report.beta, rel=1e-12)


def test_a_horizon_scales_variances_and_not_what_is_annualised(run, file):
    one, month = answer(run, file), answer(run, file, "--horizon", 21)
    assert month["portfolio"]["variance"] == pytest.approx(21 * one["portfolio"]["variance"], rel=1e-12)
    text, monthly = run(file)[1], run(file, "--horizon", 21)[1]
    assert row(text, "portfolio")[1:] == row(monthly, "portfolio")[1:]
    assert "over 21 periods" in monthly


def test_a_variant_by_month_counts_months(capsys, monkeypatch, tmp_path, file):
    root = tmp_path / "lake"
    write_market_lake(root, generate_market(n_assets=100, n_dates=64), ["monthly"], RegressionRules(min_assets=30), by_month=True)
    monkeypatch.setattr(sys, "argv", ["sigmalake", "portfolio", str(file), "--lake", str(root), "--horizon", "3"])
    cli.main()
    text = capsys.readouterr().out
    told = " ".join(text.split())
    assert "A forecast for 3 months from" in told
    assert "12 months a year" in told
    report = open_release(root).risk(horizon=3).risk_of(WEIGHTS)
    assert row(text, "portfolio")[:2] == [f"{100 * report.vol:.3f}", f"{100 * 2 * report.vol:.2f}"]


def test_a_person_reads_annualised_percent_that_says_so(run, file, risk):
    report = risk.risk_of(WEIGHTS)
    _, text, _ = run(file)
    yearly = 100 * np.sqrt(252)
    told = " ".join(text.split())
    assert "4 assets, net 80.00% = long 100.00% + short -20.00%" in told
    assert "Annualised: 252 periods a year." in told
    factor_vol = np.sqrt(report.variance - report.specific_vol**2)
    expected = [f"{100 * report.vol:.3f}", *(f"{yearly * vol:.2f}" for vol in (report.vol, factor_vol, report.specific_vol))]
    assert row(text, "portfolio") == expected
    cells = [float(cell) for cell in row(text, "market")[1:]]
    assert_allclose(cells[1], yearly * report.factor_vols["market"], atol=0.006)
    assert_allclose(cells[3], yearly * report.by_factor["market"], atol=0.006)
    assert_allclose(cells[4], 100 * report.by_factor["market"] / report.vol, atol=0.06)
    assert float(row(text, "sum")[0]) == pytest.approx(yearly * report.vol, abs=0.006)


def test_with_a_benchmark_the_parts_are_of_the_tracking_error(run, file, benchmark, risk):
    _, text, _ = run(file, "--benchmark", benchmark)
    active = risk.risk_against(WEIGHTS, BENCHMARK).active
    assert "By asset: weight x marginal contribution = contribution to the tracking error, annualised %" in " ".join(text.split())
    assert float(row(text, "A005")[0]) == -75.0
    assert float(row(text, "A005")[2]) == pytest.approx(100 * np.sqrt(252) * active.by_asset["A005"], abs=0.006)


def test_the_smaller_contributions_share_a_row_and_the_sum_stays(run, tmp_path, risk):
    many = write(tmp_path / "many.csv", dict.fromkeys(risk.usable, 1 / len(risk.usable)))
    _, text, _ = run(many)
    assets = text[text.index("By asset") :]
    shown = [line.split() for line in assets.partition("share %\n")[2].splitlines()[:-2]]
    assert len(shown) == 10
    others = row(assets, f"{len(risk.usable) - 10} others")
    total = float(row(assets, "sum")[0])
    assert sum(float(cells[3]) for cells in shown) + float(others[0]) == pytest.approx(total, abs=0.06)


def test_the_periods_of_a_year_may_be_named(run, file):
    assert answer(run, file, "--periods-per-year", 260)["periods_per_year"] == 260.0


@pytest.mark.parametrize(("apart", "expected"), [(1, 252), (7, 52), (30, 12), (91, 4)])
def test_the_calendar_tells_the_periods_of_a_year(apart, expected):
    days = [date(2020, 1, 1) + timedelta(days=apart * n) for n in range(20)]
    assert periods_per_year(days) == expected


@pytest.mark.parametrize("days", [[], [date(2024, 1, 1)], [date(2024, 1, 1), date(2024, 1, 20)]])
def test_a_calendar_that_tells_nothing_asks_for_the_periods_of_a_year(days):
    with pytest.raises(ConfigError, match=r"number of periods in a year does not follow from dates .*; give --periods-per-year"):
        periods_per_year(days)


def test_positions_cash_and_a_named_value(run, tmp_path):
    (tmp_path / "p.csv").write_text("asset_id,quantity,price\nA001,10,50\nA002,-10,20\nUSD,700,\n")
    found = answer(run, tmp_path / "p.csv", "--cash", "USD")
    assert (found["value"], found["cash"]) == (1000.0, 0.7)
    whole = answer(run, tmp_path / "p.csv", "--cash", "USD", "--value", 2000)
    assert whole["portfolio"]["vol"] == pytest.approx(found["portfolio"]["vol"] / 2, rel=1e-12)


def test_holdings_without_risk_are_an_error_or_are_listed(run, tmp_path):
    file = write(tmp_path / "h.csv", WEIGHTS | {"ZZZ": 0.2})
    code, out, err = run(file)
    assert (code, out) == (1, "")
    assert err.startswith("error: no risk for 1 of 5 holdings: ZZZ (no exposures known on ")
    assert "--missing leave_out" in err
    assert list(answer(run, file, "--missing", "leave_out")["portfolio"]["left_out"]) == ["ZZZ"]
    assert "Left out, its risk is in no number here: holding ZZZ: no exposures known on" in run(file, "--missing", "leave_out")[1]


def test_holdings_without_risk_at_all_have_no_ratios(run, tmp_path):
    file = write(tmp_path / "h.csv", {"A001": 0.0})
    found = answer(run, file)
    assert found["portfolio"]["vol"] == 0.0
    assert found["portfolio"]["by_asset"]["marginal"] == {"A001": None}
    assert " nan" not in run(file)[1]


def test_the_lake_may_be_that_of_a_configuration(run, tmp_path, file, plain_market_lake):
    config = tmp_path / "demo.yaml"
    config.write_text(configuration("panel.parquet", "nowhere"))
    options = ["--config", config, "--set", f"lake={plain_market_lake}", "--variant", "sample"]
    code, out, err = run(file, *options, lake=None)
    assert (code, err) == (0, "")
    assert "sample as of" in out


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["none.csv"], 2, "/none.csv; give the path of one that is there"),
        (
            ["{file}", "--benchmark", "b.txt"],
            2,
            "b.txt: the name of a file of holdings, assets or portfolios ends in .csv or .parquet",
        ),
        (["{file}", "--date", "8 March"], 2, "--date '8 March' is not a date; give it as YYYY-MM-DD"),
        (["{file}", "--date", "1999-01-01"], 1, "ewma has no risk model as of 1999-01-01; nearest: "),
        (["{file}", "--release", "no"], 1, "has no release no; it has 2021-04-01.1"),
        (["{file}", "--config", "c.yaml"], 2, "name the lake by --config FILE or by --lake FOLDER, one of the two"),
        (["{file}", "--set", "a=b"], 2, "--set a=b goes over a configuration; give --config FILE"),
        (["{file}", "--horizon", "0"], 1, "the horizon is 0.0; give periods, more than 0"),
        (["{file}", "--periods-per-year", "0"], 2, "--periods-per-year is 0.0; give a number above 0"),
        (["{file}", "--cash", "USD"], 2, "--cash USD: no file has an asset_id USD; leave --cash out"),
    ],
)
def test_a_mistake_has_its_message_and_exit_code(run, file, arguments, code, said):
    found, out, err = run(*(argument.format(file=file) for argument in arguments))
    assert (found, out) == (code, "")
    assert err.startswith("error: ")
    assert said in err


@pytest.mark.parametrize("arguments", [[], ["{file}", "--missing", "ignore"], ["{file}", "--horizon", "long"]])
def test_wrong_usage_is_exit_code_2(run, file, arguments):
    assert run(*(argument.format(file=file) for argument in arguments))[0] == 2


def test_it_starts_no_java_and_loads_no_spark(file, plain_market_lake):
    program = "import sys; from sigmalake.cli import app; app.main()"
    watched = (
        f"import atexit, sys; atexit.register(lambda: print(sorted({{'pyspark', 'py4j', 'delta'}} & set(sys.modules)))); {program}"
    )
    arguments = [sys.executable, "-c", watched, "portfolio", str(file), "--lake", str(plain_market_lake), "--variant", "ewma"]
    arguments += ["--shock", "market=-0.1", "--versus-date", "2021-03-31", "--since", "2021-03-29"]
    folder = Path(sigmalake.__file__).parent.parent
    environment = {"PYTHONPATH": str(folder), "PATH": "/nowhere", "HOME": str(file.parent)}
    done = subprocess.run(arguments, capture_output=True, text=True, env=environment, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "[]"
