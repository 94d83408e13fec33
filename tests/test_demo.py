"""The demo on a small market: what it recovers, judged by sampling errors that are derived here a second time."""

import io
import re
import shutil
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from deltalake import DeltaTable

from sigmalake.cli.verbs import demo as verb
from sigmalake.demo import run as stage
from sigmalake.demo.first_report import compared, estimation_seconds
from sigmalake.demo.history import snapshots
from sigmalake.demo.market import Defect
from sigmalake.demo.page import page_of
from sigmalake.demo.recovery import holdings, portfolio_bias
from sigmalake.demo.run import Demo, prepare_demo
from sigmalake.errors import ConfigError, DataError, InfrastructureError
from sigmalake.lake.log import read_columns
from sigmalake.reader.factor_model import FactorModel
from sigmalake.reader.open_release import open_release
from sigmalake.tasks.sources.checking import Reason

N_ASSETS, N_DATES, N_INDUSTRIES = 150, 300, 11
TOO_FAR = 3.5  # standard errors: one in 2,000


class Run(NamedTuple):
    demo: Demo
    model: FactorModel
    printed: str
    progress: str


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """Runs the command on a small market by the local engine; again, it runs on the same folder."""
    folder, small = tmp_path_factory.mktemp("demo"), partial(prepare_demo, n_assets=N_ASSETS, n_dates=N_DATES)

    def run() -> Run:
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
            patch.setattr(stage, "prepare_demo", small)
            verb.demo(folder, detail=True)
        return Run(small(folder, print), open_release(folder / "lake"), out.getvalue(), err.getvalue())

    return run


@pytest.fixture(scope="module")
def first(demo) -> Run:
    return demo()


class Fit(NamedTuple):
    """One date's regression as a linear map, by its KKT system: f = P r."""

    assets: list[str]
    P: np.ndarray  # (K, N)
    residual_of: np.ndarray  # (N, N) I - X P
    cap_shares: np.ndarray  # (industries,)


def fit_of(run: Run, day) -> Fit:
    panel = run.model.panel(exposure_date=day)
    X = panel[list(run.demo.market.truth.factors)].to_numpy()
    inside = panel["in_estimation"].to_numpy(bool)
    w, caps = np.sqrt(panel["cap"].to_numpy()) * inside, panel["cap"].to_numpy() * inside
    C = np.zeros((1, X.shape[1]))
    C[0, 1 : 1 + N_INDUSTRIES] = caps @ X[:, 1 : 1 + N_INDUSTRIES] / caps.sum()
    system = np.block([[X.T @ (w[:, None] * X), C.T], [C, np.zeros((1, 1))]])
    P = np.linalg.solve(system, np.vstack([X.T * w, np.zeros((1, len(w)))]))[: X.shape[1]]
    return Fit(list(panel.index), P, np.eye(len(w)) - X @ P, C[0, 1 : 1 + N_INDUSTRIES])


def specific_var(run: Run, assets) -> np.ndarray:
    truth = run.demo.market.truth
    return pd.Series(truth.specific_vol**2, list(truth.asset_ids))[list(assets)].to_numpy()


def true_plus_noise_var(run: Run) -> np.ndarray:
    """Variances of estimated factor returns: A Sigma A' + P Delta P', mean over every tenth date, and the planted outliers."""
    truth, variances = run.demo.market.truth, []
    for day in truth.dates[:-1:10]:
        fit = fit_of(run, day)
        A = np.eye(len(truth.factors))
        A[0, 1 : 1 + N_INDUSTRIES] += fit.cap_shares
        A[1 : 1 + N_INDUSTRIES, 1 : 1 + N_INDUSTRIES] -= fit.cap_shares
        variances.append(np.diag(A @ truth.factor_cov @ A.T) + fit.P**2 @ specific_var(run, fit.assets))
    jumps = np.zeros(len(truth.factors))
    for planted in run.demo.panel.planted:
        if planted.defect is Defect.OUTLIER:
            fit = fit_of(run, truth.dates[truth.dates.index(planted.date) - 1])
            jumps += (0.5 * fit.P[:, fit.assets.index(planted.asset_id)]) ** 2
    return np.mean(variances, axis=0) + jumps / (N_DATES - 1)


def test_factor_volatilities_are_recovered_within_their_sampling_error(first):
    found = np.sqrt(np.diag(first.model.risk(variant="sample").factor_cov))
    expected = np.sqrt(true_plus_noise_var(first))
    z = (found / expected - 1) * np.sqrt(2 * (N_DATES - 1))
    assert np.abs(z).max() < TOO_FAR
    assert np.sum(z**2) < len(z) + 4 * np.sqrt(2 * len(z))


def test_estimated_factor_returns_differ_from_the_true_ones_by_the_noise_of_the_regression(first):
    truth, fit = first.demo.market.truth, fit_of(first, first.demo.market.truth.dates[N_DATES // 2])
    errors = first.model.factor_returns().to_numpy() - truth.factor_returns[1:]
    quiet = np.median(errors**2, axis=0) / 0.4549  # the median of a chi-square with 1 degree: no outlier moves it
    noise = fit.P**2 @ specific_var(first, fit.assets)
    assert np.abs(np.log(quiet / noise)).max() < TOO_FAR * 2.4 / np.sqrt(N_DATES) + 0.1  # the exposures drift by some percent


def test_specific_volatilities_are_recovered_within_their_sampling_error(first):
    risk = first.model.risk(variant="sample")
    found = pd.Series(risk.specific_var, list(risk.assets))
    fits = [fit_of(first, day) for day in first.demo.market.truth.dates[::30]]
    residual_var = [pd.Series(fit.residual_of**2 @ specific_var(first, fit.assets), fit.assets) for fit in fits]
    outliers = [p.asset_id for p in first.demo.panel.planted if p.defect is Defect.OUTLIER]
    quiet = pd.concat(residual_var, axis=1, join="inner").mean(axis=1).drop(outliers, errors="ignore")  # listed on all dates
    ratio = np.sqrt(found[quiet.index] / quiet).to_numpy()
    z = (ratio - 1) * np.sqrt(2 * (N_DATES - 1))
    assert z.size > 0.7 * N_ASSETS
    assert abs(np.median(z)) < TOO_FAR * 1.253 / np.sqrt(z.size)
    assert abs(np.mean(np.abs(z) < 2) - 0.954) < TOO_FAR * np.sqrt(0.954 * 0.046 / z.size)
    attainable = np.sqrt(np.var(np.sqrt(quiet)) / (np.var(np.sqrt(quiet)) + np.mean(quiet) / (2 * (N_DATES - 1))))
    assert np.corrcoef(np.sqrt(found[quiet.index]), np.sqrt(quiet))[0, 1] > attainable - 0.02


def test_the_cap_weighted_volatility_is_recovered_within_its_sampling_error(first):
    truth, panel = first.demo.market.truth, first.model.panel()
    h = panel["cap"] * panel["in_estimation"]
    h = h[h.index.isin(first.model.risk(variant="ewma").usable)] / h.sum()
    x = panel.loc[h.index, list(truth.factors)].T @ h
    true = np.sqrt(x @ truth.factor_cov @ x + h**2 @ specific_var(first, h.index))
    age = np.arange(252)
    a = 0.5 ** (age / 84) / np.sum(0.5 ** (age / 84))
    found = first.model.risk(variant="ewma").risk_of(h).vol
    assert abs(found / true - 1) < TOO_FAR * np.sqrt(a @ a / 2)


def test_the_bias_statistic_uses_the_forecast_of_the_reader_and_the_return_of_the_next_date(first):
    truth = first.demo.market.truth
    history = snapshots(first.demo.lake, first.model, "ewma", truth.factors)
    chosen = history[40:-1:60]
    b = []
    for day in (close.date for close in chosen):
        panel, risk = first.model.panel(exposure_date=day), first.model.risk(day, "ewma")
        held = panel[panel["in_estimation"] & panel["ret"].notna() & panel.index.isin(risk.usable)]
        b.append(held["ret"].mean() / risk.risk_of(pd.Series(1 / len(held), held.index)).vol)
    assert portfolio_bias(chosen, truth)[1].value == pytest.approx(np.std(b, ddof=1), rel=1e-10)
    for bias in portfolio_bias(history, truth):
        assert abs(bias.value - 1) < (0.25 if "long-short" in bias.name else 1.5 * np.sqrt(2 / bias.n_dates))


def test_no_portfolio_needs_the_future(first):
    truth = first.demo.market.truth
    close = snapshots(first.demo.lake, first.model, "ewma", truth.factors)[-1]
    assert close.date == first.model.as_of == truth.dates[-1]
    assert close.next_date is None
    assert np.isnan(close.next_returns).all()
    for name, h in holdings(close, np.isfinite(close.specific_var), truth.factors, []).items():
        assert h.sum() == pytest.approx(0 if "long-short" in name else 1)


REASON = {
    Defect.CONFLICT: Reason.CONFLICTING_COPIES, Defect.COPY: Reason.IDENTICAL_COPY, Defect.CAP: Reason.NOT_POSITIVE,
    Defect.NAN_EXPOSURE: Reason.MISSING, Defect.INFINITE_EXPOSURE: Reason.NOT_FINITE, Defect.SHARE: Reason.OUTSIDE_0_1,
    Defect.SHARE_SUM: Reason.SHARES_DO_NOT_SUM, Defect.NULL_DATE: Reason.MISSING, Defect.NULL_ASSET: Reason.MISSING,
}  # fmt: skip


def test_what_is_rejected_is_what_was_planted(first):
    rejected = read_columns(
        DeltaTable(str(first.demo.lake / "rejected_rows")), ["source", "row_hash", "copy", "reason"]
    ).to_pandas()
    planted = pd.DataFrame([p for p in first.demo.panel.planted if p.defect in REASON])
    expected = planted.groupby(planted["defect"].map(lambda defect: REASON[Defect(defect)].value))["n_unusable"].sum()
    exposures = rejected[rejected["source"] == "panel.exposures"].drop_duplicates(["row_hash", "copy", "reason"])
    assert exposures["reason"].value_counts().to_dict() == expected.to_dict()
    returns = rejected[rejected["source"] == "panel.returns"]["reason"].value_counts()
    keys = [Defect.CONFLICT, Defect.COPY, Defect.NULL_DATE, Defect.NULL_ASSET]
    planted = planted[planted["defect"].isin(keys)]
    expected = planted.groupby(planted["defect"].map(lambda defect: REASON[Defect(defect)].value))["n_unusable"].sum()
    assert returns.to_dict() == expected.to_dict()
    assert "10 of 10 as planted" in first.printed
    assert first.printed.count("adds up") == 2


def test_returns_without_exposures_are_those_of_names_without_a_usable_row_the_day_before(first):
    panel, dates = first.demo.panel.panel, list(first.demo.market.truth.dates)
    bad = {(p.date, p.asset_id) for p in first.demo.panel.planted if p.defect not in (Defect.OUTLIER, Defect.COPY)}
    of_return = {(p.date, p.asset_id) for p in first.demo.panel.planted if p.defect is Defect.CONFLICT}
    keys = panel.dropna(subset=["date", "asset_id"]).drop_duplicates(["date", "asset_id"])[["date", "asset_id"]]
    keys = set(zip(keys["date"], keys["asset_id"], strict=True))
    before = dict(zip(dates[1:], dates, strict=False))
    usable = keys - bad
    without = [(day, asset) for day, asset in keys - of_return if (before.get(day), asset) not in usable]
    assert f"+ {len(without)} without" in re.sub(r"\s+", " ", first.printed)


def test_a_second_demo_computes_nothing_and_prints_the_same(demo, first):
    again = demo()
    assert again.printed == first.printed
    assert again.progress.count("nothing to do") == 6
    assert "generated" in first.progress
    assert "generated" not in again.progress
    assert (again.model.release_id, again.model.tables) == (first.model.release_id, first.model.tables)


def test_the_report_has_its_sections_at_100_columns_and_its_first_line_to_paste_works(first):
    opening, _, detail = first.printed.partition("A model of a generated market, beside")
    text, _, commands = detail.partition("To paste\n")
    commands = commands.partition("A picture of it")[0]
    assert [line for line in opening.splitlines() if line.startswith(("It works", "Volatility of the", "To try next"))] == [
        "It works", "Volatility of the market, cap-weighted portfolio, % a year", "To try next"
    ]  # fmt: skip
    assert f"\n{first.demo.lake}\n" in opening
    for title in ("Factor vol", "Specific vol", "Portfolio vol", "Bias statistic", "Rows rejected", "Tables"):
        assert re.search(rf"^{title}.*\n-+$", text, re.MULTILINE), title
    assert max(map(len, text.splitlines())) <= 100
    assert "100% of its elements are X Sigma X' + Delta" in re.sub(r"\s+", " ", text)
    assert "\x1b" not in first.printed
    python, sql, submit = (line for line in commands.splitlines() if line.startswith(("/", "SPARK_LOCAL_IP")))
    said = subprocess.run(["bash", "-c", python], capture_output=True, text=True, check=True)
    shown = pd.read_csv(io.StringIO(said.stdout), sep=r"\s+")
    assert shown.shape == (4, 4)
    assert subprocess.run(["bash", "-nc", f"{sql}\n{submit}"], capture_output=True, check=True).stderr == b""
    assert f"delta.`{first.demo.lake}/factor_returns`" in sql
    assert submit.endswith(f"jobs/run_model.py --config {first.demo.config_file}")


def test_the_demo_ends_with_the_path_of_a_report_of_its_model(first):
    file = first.demo.folder / "report.html"
    assert first.printed.splitlines()[-1] == str(file)
    assert f"release {first.model.release_id}" in file.read_text(encoding="utf-8")


def test_without_plotly_the_demo_says_how_to_get_a_picture(first, monkeypatch):
    monkeypatch.setitem(sys.modules, "plotly", None)
    assert "pip install 'sigmalake[report]'" in page_of(first.demo).replace("\n", " ")


def test_the_newcomers_lines_to_try_work(first):
    tried = first.printed.partition("To try next\n")[2].partition("\nA model of")[0].splitlines()
    lines = [line for line in tried if line.startswith("/")]
    assert len(lines) == 3
    shown = pd.read_csv(
        io.StringIO(subprocess.run(["bash", "-c", lines[0]], capture_output=True, text=True, check=True).stdout), sep=r"\s+"
    )
    assert shown.shape == (4, 4)
    assert lines[1].endswith(f"status --config {first.demo.config_file}")
    assert lines[2].endswith(f"demo {first.demo.folder} --detail")


def test_the_markets_volatility_stands_beside_the_truth(first):
    of = {row[0]: float(row[1]) for row in re.findall(r"^(true|found by \w+) +([\d.]+)", first.printed, re.MULTILINE)}
    truth, panel = first.demo.market.truth, first.model.panel()
    h = panel["cap"] * panel["in_estimation"]
    h = h[h.index.isin(first.model.risk(variant="ewma").usable) & h.index.isin(first.model.risk(variant="sample").usable)] / h.sum()
    x = panel.loc[h.index, list(truth.factors)].T @ h
    true = np.sqrt((x @ truth.factor_cov @ x + h**2 @ specific_var(first, h.index)) * 252) * 100
    assert of["true"] == pytest.approx(true, abs=0.02)
    assert set(of) == {"true", "found by ewma", "found by sample"}
    assert of["found by ewma"] == pytest.approx(first.model.risk(variant="ewma").risk_of(h).vol * 252**0.5 * 100, abs=0.02)


def test_equal_lakes_are_told_with_their_times_and_a_changed_one_is_an_error(first, tmp_path):
    other = Demo(tmp_path, first.demo.market, first.demo.panel, "spark")
    shutil.copytree(first.demo.lake, other.lake)
    said = re.sub(r"\s+", " ", compared(first.demo, other))
    assert re.search(r"All \d\d tables of the model are equal, element by element to the last bit", said)
    assert said.count(f"{estimation_seconds(first.demo.lake):.1f} s") == 2
    table = DeltaTable(str(other.lake / "factor_returns"))
    table.delete("factor = 'market'")
    with pytest.raises(DataError, match=r"factor_returns has [\d,]+ rows in one lake and"):
        compared(first.demo, other)


def test_without_a_java_the_demo_of_both_engines_says_so_and_ends_well(demo, first, monkeypatch, capsys):
    def none():
        raise InfrastructureError("no Java that Spark runs on")

    monkeypatch.setattr(verb, "check_spark_packages", lambda _: None)
    monkeypatch.setattr(verb, "find_java", none)
    monkeypatch.setattr(stage, "prepare_demo", partial(prepare_demo, n_assets=N_ASSETS, n_dates=N_DATES))
    verb.demo(first.demo.folder, engine=verb.DemoEngine.BOTH)
    assert capsys.readouterr().out.endswith("Spark was left out: no Java that Spark runs on.\n")


def test_a_file_in_the_place_of_the_demos_folder_is_refused_before_anything_is_made(tmp_path):
    file = tmp_path / "panel.csv"
    file.write_text("mine")
    with pytest.raises(ConfigError, match=r"the demo writes into a folder, and .*panel\.csv is a file"):
        prepare_demo(file, print)
    assert file.read_text() == "mine"


def test_two_demos_at_once_in_one_folder_leave_one_panel(tmp_path, monkeypatch):
    write, small = stage.write_panel, {"n_assets": N_ASSETS, "n_dates": N_DATES}

    def write_while_another_process_does(panel, path):
        write(panel, path)
        monkeypatch.setattr(stage, "write_panel", write)
        with monkeypatch.context() as other:
            other.setattr(stage.os, "getpid", lambda: 0)
            prepare_demo(tmp_path, print, **small)

    monkeypatch.setattr(stage, "write_panel", write_while_another_process_does)
    prepare_demo(tmp_path, print, **small)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["demo.yaml", "panel.parquet"]
