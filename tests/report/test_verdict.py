"""The verdict: every threshold is what its documentation says, and each finding follows its numbers."""

import re
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sigmalake.reader.open_release import open_release
from sigmalake.reader.storage.delta_tables import DeltaTables
from sigmalake.reader.storage.model_tables import ModelTables
from sigmalake.report.verdict import thresholds as at
from sigmalake.report.verdict.data import judge_data
from sigmalake.report.verdict.evidence import Evidence, gather
from sigmalake.report.verdict.finding import Finding, Level, worst_first
from sigmalake.report.verdict.judge import judge
from sigmalake.report.verdict.regression import judge_regressions, large_shares
from sigmalake.report.verdict.risk import judge_risk

DOCS = Path(__file__).parents[2] / "docs/report.md"


@pytest.fixture(scope="module")
def found(reported) -> Evidence:
    model = open_release(reported.lake)
    tables = ModelTables(DeltaTables(str(reported.lake), str(model.release_id), model.tables))
    return gather(model, tables, [], None, None, None)


def of(findings: list[Finding], subject: str) -> Finding:
    (one,) = [finding for finding in findings if finding.subject == subject]
    return one


def test_the_page_of_documentation_lists_every_threshold_with_its_value():
    lines = [line for line in DOCS.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    cells = [[cell.strip(" `") for cell in re.split(r"(?<!\\)\|", line.strip("|"))] for line in lines]
    rows = {row[0]: float(row[1]) for row in cells if len(row) == 5}
    assert rows == {name.lower(): threshold.value for name, threshold in at.THRESHOLDS.items()}


def test_the_last_year_ends_at_the_last_return(found, reported):
    days = reported.model.factor_returns().index
    assert (found.scope.first, found.scope.last) == (days[0].date(), days[-1].date())
    assert found.scope.a_year == 252.0
    assert found.scope.variant == "short"


def test_shares_of_large_t_are_counted_from_the_regressions(found, reported):
    t = reported.model.t_stats()
    by_hand = {name: sum(abs(value) > 2 for value in t[name].dropna()) / t[name].notna().sum() for name in t}
    assert large_shares(found).to_dict() == pytest.approx(by_hand)


def test_a_date_without_a_regression_is_watched_and_the_newest_one_is_to_be_mended(found):
    rows = found.regressions.copy()
    assert of(judge_regressions(found), "Regressions").level is Level.GOOD
    many = pd.concat([rows] * 3).set_index(pd.bdate_range("2020-01-01", periods=3 * len(rows)))
    for place, level in ((5, Level.WATCH), (-1, Level.ACT)):
        failed = many.copy()
        failed.iloc[place, failed.columns.get_loc("status")] = "too_few"
        failed.iloc[place, failed.columns.get_loc("detail")] = "4 assets"
        finding = of(judge_regressions(found._replace(regressions=failed)), "Regressions")
        assert (finding.level, "4 assets" in finding.text) == (level, True)


def test_r2_is_watched_where_it_is_low_or_has_fallen(found):
    days = pd.bdate_range("2020-01-01", periods=600)

    def judged(values):
        frame = pd.DataFrame({"status": "ok", "adj_r2": values, "condition_number": 3.0, "n_estimation": 50, "detail": ""}, days)
        scope = found.scope._replace(last=days[-1].date())
        return of(judge_regressions(found._replace(regressions=frame, scope=scope)), "R2").level

    assert judged(np.full(600, 0.3)) is Level.GOOD
    assert judged(np.full(600, 0.04)) is Level.WATCH
    assert judged(np.where(np.arange(600) < 300, 0.3, 0.17)) is Level.WATCH
    assert judged(np.where(np.arange(600) < 300, 0.3, 0.19)) is Level.GOOD


def test_weak_factors_are_named_and_watched_where_they_are_many(found):
    def judged(shares):
        rows = [
            {"date": day, "factor": name, "factor_group": "style", "t_stat": 3.0 if n < share * 100 else 1.0,
             "vif": 12.0 if name == "a" else 1.0, "n_members": 9, "status": "ok"}
            for name, share in shares.items() for n, day in enumerate(pd.bdate_range("2020-01-01", periods=100))
        ]  # fmt: skip
        return judge_regressions(found._replace(factors=pd.DataFrame(rows)))

    few = judged({"a": 0.5, "b": 0.5, "c": 0.5, "d": 0.05})
    assert of(few, "Factors").level is Level.GOOD
    assert "weak, the weakest first: d" in of(few, "Factors").text
    assert of(judged({"a": 0.5, "b": 0.09, "c": 0.05}), "Factors").level is Level.WATCH
    assert of(few, "Overlap of styles").level is Level.WATCH
    assert "12, of a" in of(few, "Overlap of styles").text


def test_a_thin_factor_of_the_newest_date_is_named(found):
    rows = found.factors.copy()
    newest = rows["date"] == rows["date"].max()
    assert of(judge_regressions(found), "Thin factors").level is Level.GOOD
    rows.loc[rows.index[newest][0], "status"] = "thin"
    finding = of(judge_regressions(found._replace(factors=rows)), "Thin factors")
    assert finding.level is Level.WATCH
    assert f"{rows.loc[rows.index[newest][0], 'factor']} (thin" in finding.text


def test_calibration_is_held_against_its_band_and_its_thresholds(found):
    (market,) = [kind for kind in found.kinds if kind.kind == "market"]

    def judged(bias, n_dates=1000):
        return [
            f.level
            for f in judge_risk(found._replace(kinds=[market._replace(bias=bias, n_dates=n_dates)]))
            if f.subject == "Calibration"
        ]

    assert judged(1.04) == [Level.GOOD]
    assert judged(1.06) == [Level.WATCH]
    assert judged(0.7) == [Level.ACT]
    assert judged(1.1, n_dates=100) == [Level.GOOD]  # within its band, 1 +- .14
    assert judged(1.3, n_dates=40) == [Level.NOTE]  # too few
    (missing,) = [f for f in judge_risk(found._replace(kinds=[])) if f.subject == "Calibration"]
    assert (missing.level, "sigmalake evaluate" in missing.action) == (Level.WATCH, True)


def test_sigma_needs_periods_and_every_date_after_its_first(found):
    assert of(judge_risk(found), "Sigma").level is Level.GOOD
    for place, level in ((-2, Level.WATCH), (-1, Level.ACT)):
        rows = found.risk.copy()
        rows.iloc[place, rows.columns.get_loc("status")] = "no_sigma"
        rows.iloc[place, rows.columns.get_loc("detail")] = "3 of 10 periods"
        assert of(judge_risk(found._replace(risk=rows)), "Sigma").level is level
    rows = found.risk.assign(effective_periods=2.0 * len(found.newest.factors))
    assert of(judge_risk(found._replace(risk=rows)), "Noise in Sigma").level is Level.GOOD
    rows = found.risk.assign(effective_periods=2.0 * len(found.newest.factors) - 1)
    assert of(judge_risk(found._replace(risk=rows)), "Noise in Sigma").level is Level.WATCH


def test_the_specific_share_is_that_of_the_median_asset(found):
    V = found.newest.asset_cov().to_numpy().diagonal()
    var = pd.Series(found.newest.specific_var, list(found.newest.assets))[list(found.newest.usable)].to_numpy()
    assert f"{np.median(var / V):.0%}".replace("%", " %") in of(judge_risk(found), "Where risk lies").text


def test_specific_risk_without_history_is_watched(found):
    rows = found.specific.copy()
    rows.iloc[: len(rows) // 10, rows.columns.get_loc("source")] = "none"
    finding = of(judge_risk(found._replace(specific=rows)), "Specific risk")
    assert (finding.level, "refused by name" in finding.action) == (Level.WATCH, True)


def test_rejected_rows_are_judged_by_the_source_that_has_most(found):
    def judged(bad):
        rows = pd.DataFrame(
            {"date": date(2021, 3, 1), "source": ["good", "bad"], "measure": "rejected", "severity": "ok", "value": 0.0,
             "n_checked": 1000, "n_found": [0, bad]}
        )  # fmt: skip
        return of(judge_data(found._replace(quality=rows)), "Rejected rows")

    assert [judged(n).level for n in (0, 20, 21, 101)] == [Level.GOOD, Level.GOOD, Level.WATCH, Level.ACT]
    assert "21 of 1,000 rows of bad" in judged(21).text


def test_a_warning_of_the_last_year_is_watched_an_older_one_noted_and_a_stop_mended(found):
    def judged(severity, day):
        rows = pd.DataFrame(
            [{"date": day, "source": "s", "measure": "jumps", "severity": severity, "value": 1.0, "n_checked": 1, "n_found": 1}]
        )
        return of(judge_data(found._replace(quality=rows)), "Data quality").level

    last = found.scope.last
    assert judged("note", last) is Level.GOOD
    assert judged("warn", last) is Level.WATCH
    assert judged("warn", date(last.year - 2, 1, 4)) is Level.NOTE
    assert judged("stop", last) is Level.ACT


def test_coverage_that_fell_and_returns_that_miss_are_watched(found):
    rows = found.panel.copy()
    assert of(judge_data(found), "Coverage").level is Level.GOOD
    assert of(judge_data(found), "Missing returns").level is Level.GOOD
    rows.iloc[-1, rows.columns.get_loc("n_assets")] = int(0.8 * rows["n_assets"].iloc[0])
    rows["n_returns"] = (0.9 * rows["n_returns"]).astype(int)
    fallen = judge_data(found._replace(panel=rows))
    assert of(fallen, "Coverage").level is of(fallen, "Missing returns").level is Level.WATCH


def test_styles_below_eight_tenths_are_doubtful(found):
    rows = pd.DataFrame({"exposure_date": found.scope.last, "style": ["a", "b"], "correlation": [0.95, 0.81]})
    assert of(judge_data(found._replace(stability=rows)), "Exposure stability").level is Level.GOOD
    finding = of(judge_data(found._replace(stability=rows.assign(correlation=[0.95, 0.79]))), "Exposure stability")
    assert (finding.level, "b (0.79)" in finding.text) == (Level.WATCH, True)


def test_residuals_that_share_a_factor_are_watched_with_the_assets_that_carry_it(found):
    row = found.residuals.iloc[-1:].assign(
        largest=6.6, edge=6.0, n_above=2, n_assets=200, mean_squared=0.006, expected_squared=0.004
    )
    row["leading"] = pd.Series([{"XOM": 0.61, "CVX": 0.58, "DAL": -0.4}], row.index)
    within = pd.DataFrame({"factor": ["oil", "air"], "mean_squared": [0.03, 0.004], "expected_squared": [0.005, 0.004]})

    def judged(largest):
        return of(judge_risk(found._replace(residuals=row.assign(largest=largest), within=within)), "Residual correlation")

    assert of(judge_risk(found), "Residual correlation").level in (Level.GOOD, Level.WATCH)
    assert (judged(6.6).level, judged(6.61).level) == (Level.GOOD, Level.WATCH)
    text = judged(12.0).text
    assert "still share 2 factors" in text
    assert "the largest is 2.0 times the edge of noise and holds 6.0 % of what is specific: XOM, CVX against DAL." in text
    assert "1.50 times those of independent returns, most of all within oil (6.0)." in text
    assert not [one for one in judge_risk(found._replace(residuals=row.iloc[:0])) if one.subject == "Residual correlation"]


def test_a_release_is_late_after_a_week_and_a_study_after_a_year(found):
    def judged(days):
        scope = found.scope._replace(created=date.fromordinal(found.scope.as_of.toordinal() + days))
        return of(judge_data(found._replace(scope=scope)), "Newest date").level

    assert [judged(days) for days in (0, 7, 8, 366, 367)] == [Level.GOOD, Level.GOOD, Level.WATCH, Level.WATCH, Level.NOTE]


def test_the_headline_says_the_worst_and_names_the_subjects(found):
    good = Finding(Level.GOOD, "R2", "", "", "", "", "")
    assert worst_first([good]).headline == "This model can be used: no check found anything to watch."
    watch = good._replace(level=Level.WATCH)
    assert worst_first([good, watch]).headline == "This model can be used, with 1 point to watch: R2."
    act = good._replace(level=Level.ACT, subject="Data quality")
    expected = "Do not rely on this model before 1 point is mended: data quality. 1 more point is to be watched."
    assert worst_first([good, watch, act]).headline == expected
    levels = [finding.level for finding in judge(found).findings]
    assert levels == sorted(levels, key=lambda level: -list(Level).index(level))
