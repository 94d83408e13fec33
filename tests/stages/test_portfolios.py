"""Books from a source: measured as the reader measures them, when something changes and only then, and refused with the way out."""

import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from altered import delete_half, drop, lose_a_file, multiply_by_four
from lakes import REBUILT, differences
from plain_books import BENCHMARK, CASH, flattened, sample_books, with_books, write_books
from sigmalake.errors import ConfigError, DataError, MissingRiskError
from sigmalake.reader.open_release import open_release
from sigmalake.report.text.standing import comparison_text
from sigmalake.stages import portfolios as stage
from sigmalake.stages.context import Asked
from sigmalake.stages.queries.check import check
from sigmalake.stages.verify import find
from sigmalake.tables.books import PORTFOLIO_BOOKS, PORTFOLIO_CONTRIBUTIONS, PORTFOLIO_RISK
from sigmalake.tables.records import REJECTED_ROWS
from sigmalake.tasks.books import portfolio_risk
from small_model import Model, make_model

TABLES = (PORTFOLIO_BOOKS, PORTFOLIO_RISK, PORTFOLIO_CONTRIBUTIONS)
MAX_AGE = 20


def dates(panel):
    return sorted(panel["date"].unique())


@pytest.fixture(scope="module")
def rows(panel):
    """Books of three dates, the last of which FUND4 does not have."""
    days = dates(panel)
    found = sample_books(panel, [days[50], days[58], days[70]])
    return [row for row in found if row[:2] != ("FUND4", days[70])]


@pytest.fixture(scope="module")
def measured_once(market, rows, tmp_path_factory) -> Model:
    """Run once; for reading only."""
    model = with_books(make_model(market, tmp_path_factory.mktemp("books")), max_age=MAX_AGE)
    write_books(rows, model.folder / "books.parquet")
    return model.write(market.panel).run()


def copy_of(model: Model, folder) -> Model:
    """The same lake and sources in another folder, to go on from."""
    shutil.copytree(model.folder, folder / "copy")
    body = {**model.body, "lake": str(folder / "copy" / "lake")}
    sources = {name: {**place, "path": str(folder / "copy" / f"{name}.parquet")} for name, place in body["sources"].items()}
    return replace(model, folder=folder / "copy", body={**body, "sources": sources})


def rebuilt(model: Model) -> Model:
    """The model of the same sources in a lake of its own."""
    return replace(model, body={**model.body, "lake": str(model.folder / "rebuilt")}).run()


def test_every_number_is_the_readers(measured_once, rows):
    found = measured_once.rows(PORTFOLIO_RISK).set_index(["variant", "date", "portfolio"])
    released = open_release(measured_once.lake_folder)
    some = found[found["variance"].notna()].iloc[::7]
    assert len(some) > 40
    assert set(some["status"]) == {"ok", "partial"}
    for (variant, day, name), row in some.iterrows():
        held = flattened(rows, name, day, MAX_AGE)
        held.pop(CASH, None)
        risk = released.risk(day, variant)
        if name in (BENCHMARK, "MONEY"):
            report = risk.risk_of(held or {risk.usable[0]: 0.0}, missing="leave_out")
        else:
            index = flattened(rows, BENCHMARK, day, MAX_AGE)
            against = risk.risk_against(held, index, missing="leave_out")
            report, active = against.portfolio, against.active
            assert_allclose(row["beta"], against.beta, rtol=1e-12)
            assert_allclose(row["tracking_error"], active.vol, rtol=1e-12, atol=1e-15)
            at = dict(zip(released.factor_cov(day, variant).columns, row["active_contribution"], strict=True))
            assert_allclose(active.by_factor, [at[factor] for factor in active.by_factor.index], rtol=1e-9, atol=1e-14)
        parts = [report.variance, report.vol, report.specific_vol, np.sqrt(max(report.variance - report.specific_vol**2, 0))]
        assert_allclose(row[["variance", "vol", "specific_vol", "factor_vol"]].to_numpy(float), parts, rtol=1e-12, atol=1e-9)
        assert_allclose(row[["variance", "vol", "specific_vol"]].to_numpy(float), parts[:3], rtol=1e-12)
        at = dict(zip(released.factor_cov(day, variant).columns, row["exposure"], strict=True))
        assert_allclose(report.exposures, [at[factor] for factor in report.exposures.index], rtol=1e-12, atol=1e-14)


def test_an_index_fund_against_its_own_basket_has_no_tracking_error_and_a_beta_of_one(measured_once):
    found = measured_once.rows(PORTFOLIO_RISK)
    tracker = found[found["portfolio"] == "TRACKER"]
    assert len(tracker) > 20
    assert (tracker["tracking_error"] == 0).all()
    assert_allclose(tracker["beta"], 1.0, rtol=1e-14)
    index = found[found["portfolio"] == BENCHMARK].set_index(["variant", "date"])
    assert_allclose(tracker.set_index(["variant", "date"])["vol"], index["vol"].loc[tracker.set_index(["variant", "date"]).index])


def test_a_book_holds_until_the_next_one_and_not_beyond_its_age(measured_once, rows, panel):
    days = dates(panel)
    found = measured_once.rows(PORTFOLIO_RISK)
    short = found[found["variant"] == "short"]
    assert set(short["date"]) == set(days[50:])
    before = short[short["date"] < days[58]]
    assert set(before["book_date"]) == {days[50]}
    fund = short[short["portfolio"] == "FUND4"]
    assert set(fund["date"]) == {
        day for day in days[50:] if (day - max(d for d in (days[50], days[58]) if d <= day)).days <= MAX_AGE
    }
    assert (short["book_date"] <= short["date"]).all()


def test_what_has_no_risk_data_is_counted_listed_and_left_out(measured_once):
    found = measured_once.rows(PORTFOLIO_RISK)
    strange = found[found["portfolio"] == "STRANGE"].iloc[0]
    assert (strange["status"], strange["n_assets"], strange["n_uncovered"]) == ("partial", 2, 1)
    assert_allclose([strange["coverage"], strange["net_weight"], strange["gross_weight"]], [0.7, 1.0, 1.0])
    assert [(item["asset_id"], item["weight"]) for item in strange["uncovered"]] == [("NOBODY", 0.3)]
    assert "no exposures known on" in strange["uncovered"][0]["reason"]
    lost = found[found["portfolio"] == "LOST"].iloc[0]
    assert (lost["status"], lost["coverage"], np.isnan(lost["variance"])) == ("uncovered", 0.0, True)
    money = found[found["portfolio"] == "MONEY"].iloc[0]
    assert (money["status"], money["coverage"], money["vol"], money["n_assets"]) == ("ok", 1.0, 0.0, 0)
    top = found[found["portfolio"] == "TOP"].iloc[0]
    assert (top["n_members"], top["n_portfolios"]) == (3, 2)


def test_contributions_sum_to_the_volatility_by_factor_and_by_group(measured_once):
    risk = measured_once.rows(PORTFOLIO_RISK)
    risk = risk[risk["variance"].notna()].set_index(["variant", "date", "portfolio"])
    parts = measured_once.rows(PORTFOLIO_CONTRIBUTIONS)
    key = ["variant", "date", "portfolio"]
    for kinds in (["factor", "specific"], ["group", "specific"]):
        sums = parts[parts["kind"].isin(kinds)].groupby(key)[["contribution", "active_contribution"]].sum(min_count=1)
        assert sums.index.equals(risk.index)
        assert_allclose(sums["contribution"], risk["vol"], rtol=1e-12, atol=1e-16)
        assert_allclose(sums["active_contribution"], risk["tracking_error"], rtol=1e-10, atol=1e-16)
    assert set(parts.loc[parts["kind"] == "group", "name"]) == {"market", "industry", "style"}


def test_a_second_run_does_nothing_and_a_check_by_recomputation_finds_nothing(measured_once):
    before = measured_once.versions()
    measured_once.run()
    assert measured_once.versions() == before
    assert not any(measured_once.plan().values())
    assert check(measured_once.context().lake, measured_once.config, deep=True).problems == []


def test_a_check_by_recomputation_measures_books_anew(measured_once, monkeypatch):
    original = portfolio_risk.risk_of_books

    def doubled(*arguments):
        found = original(*arguments)
        return found._replace(variance=2 * found.variance)

    monkeypatch.setattr(portfolio_risk, "risk_of_books", doubled)
    found = check(measured_once.context().lake, measured_once.config, deep=True).problems
    assert [problem.table for problem in found] == ["portfolio_risk"]
    assert "variance in" in found[0].message


def test_a_restated_holding_moves_its_book_until_the_next_one_and_those_that_hold_it(
    measured_once, rows, panel, tmp_path, monkeypatch
):
    model, days = copy_of(measured_once, tmp_path), dates(panel)
    changed = [(*row[:3], row[3] + 0.01) if row[:2] == ("FUND1", days[58]) else row for row in rows]
    write_books(changed, model.folder / "books.parquet")
    planned = model.plan()["portfolios"]
    assert sorted(planned) == days[58:70]
    assert set(planned.values()) == {"upstream changed"}
    measured: set[str] = set()
    rows_of = portfolio_risk.MeasuredBooks.rows

    def noted(self, key, inputs_hash, fresh):
        measured.update(self.held.portfolios[row] for row in fresh)
        return rows_of(self, key, inputs_hash, fresh)

    monkeypatch.setattr(portfolio_risk.MeasuredBooks, "rows", noted)
    model.run()
    assert measured == {"FUND1", "OFFUNDS", "TOP"}
    after, before = open_release(model.lake_folder), open_release(measured_once.lake_folder)
    compared = after.compared_with(before)
    assert compared.moves.empty  # the model itself is as it was
    assert set(compared.books["portfolio"]) == measured
    one = compared.books.iloc[0]
    for side, its in (("first", before), ("second", after)):
        assert one[f"vol_{side}"] == its.portfolio_risk(one["portfolio"], start=one["date"], end=one["date"])["vol"].iloc[0]
    text = comparison_text(compared, None)
    assert "no number of the model moved" in text
    assert f"3 books moved on {compared.books['date'].nunique()} dates" in text
    assert differences(model.lake_folder, rebuilt(model).lake_folder, TABLES, relative=REBUILT) == []


def test_books_dates_and_returns_that_come_and_go_equal_a_rebuild(measured_once, rows, panel, tmp_path):
    model, days = copy_of(measured_once, tmp_path), dates(panel)
    restated = panel.copy()
    restated.loc[(restated["date"] == days[75]) & (restated["asset_id"] == "A05"), "ret"] = 0.5
    planned = model.write(restated).plan()
    assert sorted(planned["portfolios"]) == sorted(planned["risk"]) == days[75:]
    changed = [row for row in rows if row[0] != "FUND2" and row[1] != days[58]]
    changed += [("FUND0", days[61], "A01", 0.4), ("FUND0", days[61], "A02", 0.6)]
    write_books(changed, model.folder / "books.parquet")
    model.run()
    assert "FUND2" not in set(model.rows(PORTFOLIO_RISK)["portfolio"]) | set(model.rows(PORTFOLIO_CONTRIBUTIONS)["portfolio"])
    assert set(model.rows(PORTFOLIO_BOOKS)["date"]) == {days[50], days[61], days[70]}
    assert differences(model.lake_folder, rebuilt(model).lake_folder, TABLES, relative=REBUILT) == []


def test_the_future_moves_nothing_before_it(measured_once, rows, panel, tmp_path):
    model, days = copy_of(measured_once, tmp_path), dates(panel)
    later = [*rows, ("A05", days[75], "A01", 1.0), ("NOBODY", days[75], "A01", 1.0)]
    write_books(later, model.folder / "books.parquet")
    assert sorted(model.plan()["portfolios"]) == days[75:]


def test_dates_asked_for_alone_are_measured(measured_once, panel, tmp_path):
    model, days = copy_of(measured_once, tmp_path), dates(panel)
    model.body["books"] = {**model.body["books"], "benchmark": "FUND0"}
    model.stage("portfolios", Asked(days[60], days[62]))
    after = model.rows(PORTFOLIO_RISK)
    assert set(after.loc[after["benchmark"] == "FUND0", "date"]) == set(days[60:63])
    assert len(after) == len(measured_once.rows(PORTFOLIO_RISK))


def test_books_that_hold_each_other_are_refused_by_name_until_they_are_mended(measured_once, rows, panel, tmp_path):
    model, days = copy_of(measured_once, tmp_path), dates(panel)
    write_books([*rows, ("FUND0", days[71], "TOP", 0.1), ("FUND0", days[71], "A05", 0.9)], model.folder / "books.parquet")
    for _ in range(2):
        with pytest.raises(
            DataError, match=f"hold each other.*: FUND0 -> TOP -> FUND0 as of {days[71]}; .* more dates. Take a member"
        ):
            model.stage("portfolios")
    assert max(model.rows(PORTFOLIO_RISK)["book_date"]) == days[70]
    write_books(rows, model.folder / "books.parquet")
    model.stage("portfolios")
    assert differences(model.lake_folder, measured_once.lake_folder, TABLES) == []


def test_weights_in_percent_are_refused_with_the_way_out_and_do_as_values(measured_once, rows, tmp_path):
    model = copy_of(measured_once, tmp_path)
    write_books([(*row[:3], 100 * row[3]) for row in rows], model.folder / "books.parquet")
    told = r"of .* sum to 1\d\d.* as of .*max_gross \(20\).*Divide a column in percent by 100; map .* as `value:`"
    with pytest.raises(DataError, match=told):
        model.stage("portfolios")
    own = [row for row in rows if row[0] in (BENCHMARK, "TRACKER")]
    write_books([(*row[:3], 1e6 * row[3]) for row in own], model.folder / "books.parquet", "value")
    model.body["sources"]["books"]["columns"] = {"value": "value"}
    model.stage("portfolios")
    key = ["variant", "date", "portfolio"]
    found, before = (of.rows(PORTFOLIO_RISK).set_index(key)["vol"] for of in (model, measured_once))
    assert set(found.index.get_level_values("portfolio")) == {BENCHMARK, "TRACKER"}
    assert_allclose(found, before.loc[found.index], rtol=1e-12)


def test_values_that_divide_nothing_have_a_status_and_are_not_looked_through(measured_once, panel, tmp_path):
    model, day = copy_of(measured_once, tmp_path), dates(panel)[60]
    books = [
        ("NEUTRAL", day, "A05", 1e6),
        ("NEUTRAL", day, "A06", -1e6),
        ("HOLDER", day, "NEUTRAL", 5.0),
        ("HOLDER", day, "A07", 5.0),
    ]
    write_books(books, model.folder / "books.parquet", "value")
    model.body["sources"]["books"]["columns"] = {"value": "value"}
    model.stage("portfolios")
    found = model.rows(PORTFOLIO_RISK).groupby("portfolio").first()
    assert found["status"].to_dict() == {"NEUTRAL": "no_weights", "HOLDER": "partial"}
    assert_allclose(found.loc["HOLDER", "coverage"], 0.5)


def test_rows_that_cannot_be_used_are_rejected_with_reasons_and_counted(measured_once, rows, panel, tmp_path):
    model, days = copy_of(measured_once, tmp_path), dates(panel)
    frame = pd.DataFrame(rows, columns=["portfolio", "date", "asset_id", "weight"])
    wrong = [
        ("FUND0", days[70], "A00", np.nan),
        (None, days[70], "A01", 0.1),
        ("FUND1", days[70], "A05", 0.1),
        ("FUND1", days[70], "A05", 0.2),
    ]
    frame = frame[~((frame["portfolio"] == "FUND1") & (frame["asset_id"] == "A05"))]
    write_books(pd.concat([frame, pd.DataFrame(wrong, columns=frame.columns)]), model.folder / "books.parquet")
    model.stage("portfolios")
    rejected = model.rows(REJECTED_ROWS)
    rejected = rejected[rejected["source"] == "books"]
    assert rejected["reason"].value_counts().to_dict() == {
        "missing": 2, "key given more than once, with different values": 2,
    }  # fmt: skip
    newest = model.rows(PORTFOLIO_RISK).query("variant == 'short'").set_index(["date", "portfolio"]).loc[days[79]]
    assert (newest.loc["FUND0", "n_rejected"], newest.loc["FUND1", "n_rejected"], newest.loc["FUND2", "n_rejected"]) == (1, 2, 0)


def test_too_many_rejected_rows_stop_the_run(measured_once, rows, tmp_path):
    model = copy_of(measured_once, tmp_path)
    frame = pd.DataFrame(rows, columns=["portfolio", "date", "asset_id", "weight"])
    frame.loc[frame.index[::3], "weight"] = np.inf
    write_books(frame, model.folder / "books.parquet")
    with pytest.raises(DataError, match=r"sources.books: .*rows rejected .*checks.max_rejected"):
        model.stage("portfolios")


def test_a_model_that_loses_its_books_loses_their_rows(measured_once, tmp_path):
    model = copy_of(measured_once, tmp_path)
    model.body["sources"].pop("books")
    model.body.pop("books")
    model.run()
    assert not any(len(model.rows(table)) for table in TABLES)
    assert not any(model.plan().values())


def test_groups_alone_or_nothing_where_factors_are_many(measured_once, tmp_path):
    model = copy_of(measured_once, tmp_path)
    model.body["books"] = {**model.body["books"], "contributions": "groups"}
    model.stage("portfolios")
    assert set(model.rows(PORTFOLIO_CONTRIBUTIONS)["kind"]) == {"group", "specific"}
    model.body["books"]["contributions"] = "none"
    model.stage("portfolios")
    assert not len(model.rows(PORTFOLIO_CONTRIBUTIONS))
    assert len(model.rows(PORTFOLIO_RISK)) == len(measured_once.rows(PORTFOLIO_RISK))


def test_a_lake_without_books_has_none_of_their_tables_and_the_verb_says_why(built_once):
    assert not any((built_once.lake_folder / table.name).exists() for table in TABLES)
    assert "portfolios" not in built_once.plan()
    with pytest.raises(ConfigError, match=r"give `sources\.books`"):
        built_once.stage("portfolios")


def test_the_reader_gives_both_tables_as_frames_and_names_a_book_that_is_not_there(measured_once, panel):
    model, days = open_release(measured_once.lake_folder), dates(panel)
    frame = model.portfolio_risk(["TRACKER", "FUND0"], start=days[60], end=days[61])
    assert frame.index.names == ["date", "portfolio"]
    assert list(frame.index.get_level_values("portfolio")) == ["FUND0", "TRACKER"] * 2
    parts = model.portfolio_contributions("FUND0", start=days[60], end=days[60])
    assert_allclose(parts["contribution"].drop("group", level="kind").sum(), frame["vol"].iloc[0], rtol=1e-12)
    with pytest.raises(MissingRiskError, match=r"has no FUND00 .*FUND0"):
        model.portfolio_risk("FUND00")


def test_a_run_stopped_before_the_contributions_is_finished_by_the_next(measured_once, rows, panel, tmp_path, monkeypatch):
    model, days = copy_of(measured_once, tmp_path), dates(panel)

    def stop(*_):
        raise RuntimeError("power cut")

    write_books([row for row in rows if row[0] != "FUND2"], model.folder / "books.parquet")
    with monkeypatch.context() as patch:
        patch.setattr(stage, "Contributions", stop)
        with pytest.raises(RuntimeError, match="power cut"):
            model.run()
    planned = model.plan()["portfolios"]
    assert {planned[days[50]], planned[days[79]]} == {"an earlier run stopped before it was done"}
    write_books(rows, model.folder / "books.parquet")
    model.run()
    assert differences(model.lake_folder, measured_once.lake_folder, TABLES, relative=REBUILT) == []
    assert not any(model.plan().values())


@pytest.mark.parametrize(
    ("table", "alteration"),
    [
        *(("portfolio_books", drop), ("portfolio_risk", multiply_by_four), ("portfolio_risk", lose_a_file)),
        ("portfolio_contributions", delete_half),
    ],
    ids=lambda given: given if isinstance(given, str) else given.__name__,
)  # fmt: skip
def test_an_altered_table_is_noticed_and_put_right(measured_once, tmp_path, table, alteration):
    model = copy_of(measured_once, tmp_path)
    alteration(model.lake_folder / table)
    assert [one.table.name for one in find(model.context().lake)] == [table]
    model.run()
    assert differences(model.lake_folder, measured_once.lake_folder, TABLES, relative=REBUILT) == []
    assert find(model.context().lake) == []
