"""Pictures of the data hold the numbers of the tables."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from figures.traces import trace_of, traces_of
from sigmalake import fit
from sigmalake.errors import MissingRiskError
from sigmalake.figures.data.data_quality import data_quality_figure
from sigmalake.reader.open_release import open_release
from sigmalake.tables.long import EXPOSURE_STABILITY, RESIDUAL_CORRELATION
from sigmalake.tables.packed import CROSS_SECTIONS, PANEL, RISK_MODELS
from sigmalake.tables.quality import DATA_QUALITY


def by_day(frame, column, values):
    return {pd.Timestamp(day): value for day, value in zip(frame[column], values, strict=True)}


def test_the_lines_of_coverage_are_counts_of_the_packed_rows(full, plots):
    figure = plots.coverage(variant="short")
    sections, panel, risk = full.rows(CROSS_SECTIONS), full.rows(PANEL).dropna(subset=["return_date"]), full.rows(RISK_MODELS)
    risk = risk[risk["variant"] == "short"]
    expected = {
        "n_assets": by_day(sections, "date", [len(row) for row in sections["asset_id"]]),
        "n_returns": by_day(panel, "return_date", [sum(not pd.isna(r) for r in row) for row in panel["ret"]]),
        "n_fitted": by_day(sections, "date", [sum(w > 0 for w in row) for row in sections["weight"]]),
        "n_with_risk": by_day(risk, "date", [sum(not pd.isna(v) for v in row) for row in risk["specific_var"]]),
    }
    for name, counts in expected.items():
        line = trace_of(figure, name)
        found = {pd.Timestamp(day): value for day, value in zip(line.x, line.y, strict=True) if not np.isnan(value)}
        assert found == counts, name


def test_rejected_rows_are_counted_once_each():
    days = pd.bdate_range("2024-01-01", periods=12)
    rng = np.random.default_rng(1)
    panel = pd.DataFrame(
        [
            {"date": day, "asset_id": f"A{n:02d}", "ret": 0.01 * rng.standard_normal(), "cap": 1.0 + n}
            for day in days
            for n in range(20)
        ]
    )
    panel.loc[panel["date"] == days[3], "cap"] = [-1.0, -2.0, *range(1, 19)]
    model = fit(panel, caps="cap", config={"risk": {}, "checks": {"max_rejected": {"date": 0.5, "source": 0.5}}})
    figure = model.plot.coverage()
    bars = trace_of(figure, "n_rejected")
    assert dict(zip(bars.x.astype("datetime64[D]"), bars.y, strict=True)) == {np.datetime64(days[3], "D"): 2.0}
    assert model.coverage()["n_rejected"].sum() == 2
    assert not traces_of(figure, "n_with_risk")


def test_the_lines_of_stability_are_the_tables_rows(full, plots):
    figure, rows = plots.exposure_stability(), full.rows(EXPOSURE_STABILITY)
    lines = traces_of(figure, "correlation")
    assert {line.name for line in lines} == set(rows["style"])
    for line in lines:
        of_style = rows[rows["style"] == line.name].sort_values("exposure_date")
        assert_array_equal(line.y, of_style["correlation"])
        assert_array_equal(line.customdata, of_style["n_common"])
        assert_array_equal(line.x, of_style["exposure_date"].to_numpy().astype("datetime64[D]"))


def test_residual_correlations_are_the_tables_rows_over_what_independence_gives(full, model, plots):
    figure, rows = plots.residual_correlation(), full.rows(RESIDUAL_CORRELATION).sort_values("date")
    assert len(rows) >= 2
    largest, squared, within = (trace_of(figure, name) for name in ("largest", "squared", "within"))
    assert_allclose(largest.y, [values[0] / edge for values, edge in zip(rows["eigenvalues"], rows["edge"], strict=True)])
    assert_allclose(squared.y, rows["mean_squared"] / rows["expected_squared"])
    assert_array_equal(largest.customdata, rows["n_above"])
    of_newest = {one["factor"]: one["mean_squared"] / one["expected_squared"] for one in rows["within"].iloc[-1]}
    assert dict(zip(within.y, within.x, strict=True)) == pytest.approx(of_newest)
    frame = model.residual_correlation()
    assert_allclose(frame["largest"], [values[0] for values in rows["eigenvalues"]])
    assert frame["leading"].iloc[-1] == {one["asset_id"]: one["correlation"] for one in rows["leading"].iloc[-1]}
    assert set(model.residual_groups()["factor_group"]) == {"industry"}
    with pytest.raises(MissingRiskError, match="no residual correlations"):
        model.residual_correlation(end="1990-01-01")


def test_every_passed_threshold_of_the_table_is_a_mark(full, model, plots):
    figure, rows = plots.data_quality(), full.rows(DATA_QUALITY)
    assert len(model.data_quality()) == len(rows)
    for severity, count in figure.layout.meta["counts"].items():
        of = rows[rows["severity"] == severity]
        assert count == len(of)
        if count:
            marks = trace_of(figure, severity)
            key = {(str(day), label) for day, label in zip(marks.x, marks.y, strict=True)}
            assert key == {(str(r.date), f"{r.measure.replace('_', ' ')} ({r.source})") for r in of.itertuples()}
            assert_allclose(sorted(marks.customdata[:, 0]), sorted(of["value"]), rtol=1e-6)


def test_marks_of_a_severity_show_what_was_furthest_off():
    rows = pd.DataFrame(
        {
            "date": pd.to_datetime(["2024-01-02", "2024-01-03", "2024-01-03"]), "source": "panel.returns",
            "measure": ["jumps", "jumps", "bad_ticks"], "severity": ["note", "warn", "ok"], "value": [12.0, 30.0, 0.0],
            "n_checked": 10, "n_found": [1, 2, 0],
            "found": [[], [{"name": "<b>A</b>", "value": -0.5, "detail": "its return"}], []],
        }
    )  # fmt: skip
    figure = data_quality_figure(rows)
    assert trace_of(figure, "warn").text == ("&lt;b&gt;A&lt;/b&gt; -0.5, its return",)
    assert figure.layout.meta["counts"] == {"stop": 0, "warn": 1, "note": 1}
    assert "nothing to note" in str(data_quality_figure(rows.tail(1)).layout.annotations)


def test_the_discs_of_changes_are_the_dates_of_the_comparison(full, tmp_path):
    """A return is restated, and a second release made."""
    before = full.market.panel
    restated = full.copied_to(tmp_path)
    day = sorted(before["date"].unique())[60]
    panel = before.copy()
    panel.loc[(panel["date"] == day) & panel["ret"].notna(), "ret"] *= 1.5
    restated.write(panel).run()
    model = open_release(restated.lake_folder)
    earlier = open_release(full.lake_folder)
    figure, compared = model.plot.changes(), model.compared_with(earlier).dates
    expected = {
        (row.quantity, row.variant if isinstance(row.variant, str) else "", str(row.date.date())): (row.moved, row.largest)
        for row in compared.itertuples()
    }
    found = {}
    for disc in traces_of(figure, "moved"):
        for label, moved_on, numbers in zip(disc.y, disc.x, disc.customdata, strict=True):
            quantity, _, variant = label.removesuffix(")").partition(" (")
            found[quantity.replace(" ", "_"), variant, str(moved_on)] = tuple(numbers)
    assert found == expected
    assert {quantity for quantity, *_ in found} == {"return", "factor_return", "specific_return", "factor_cov", "specific_var"}
    note = figure.layout.title.subtitle.text.replace("<br>", " ")
    assert f"From {earlier.release_id} to {model.release_id}" in note
    assert "restated source" in note
    days = sorted(before["date"].unique())
    assert model.changed_dates(earlier)[:2] == days[59:61]  # the row of the panel is dated by its exposures


def test_two_releases_that_are_alike_say_that_nothing_moved(model):
    with pytest.raises(MissingRiskError, match="nothing moved from"):
        model.plot.changes(model)


def test_the_first_release_has_none_before_it(model, nasty):
    with pytest.raises(MissingRiskError, match="is the first release of"):
        model.plot.changes()
    with pytest.raises(MissingRiskError, match="in memory has no release before it"):
        nasty.plot.changes()


def test_a_model_without_styles_has_no_stability_and_says_so():
    days = pd.bdate_range("2024-01-01", periods=12)
    rng = np.random.default_rng(1)
    panel = pd.DataFrame([{"date": d, "asset_id": f"A{n}", "ret": 0.01 * rng.standard_normal()} for d in days for n in range(12)])
    model = fit(panel, config={"risk": {}})
    with pytest.raises(MissingRiskError, match="no month-to-month correlation of styles"):
        model.plot.exposure_stability()
    with pytest.raises(MissingRiskError, match="no risk models"):
        model.plot.correlations()
    assert not model.plot.factor_returns().layout.updatemenus
    assert len(model.plot.slope("market").data) == 1
