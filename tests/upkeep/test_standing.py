"""What stood when: the history of releases, and what moved between two of them or between two variants."""

import json
import re
from datetime import date

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from sigmalake.cli import app as cli
from sigmalake.lake.folder import FolderTables
from sigmalake.lake.lake import Lake
from sigmalake.lake.upkeep.history import release_history
from sigmalake.lake.upkeep.origins import Origin, differences
from sigmalake.reader.open_release import open_release
from sigmalake.reader.releases.comparison import compare_models
from sigmalake.reader.releases.reasons import (
    CODE,
    CONFIGURATION,
    ONLY_SECOND,
    RESTATED,
    Side,
    panel_reasons,
    regression_reasons,
    risk_reasons,
)
from small_model import Model


@pytest.fixture(scope="session")
def restated_then_reweighted(six_releases, tmp_path_factory) -> Model:
    """The last but one release restates a return of one day, the last one has other regression weights."""
    model = six_releases.copied_to(tmp_path_factory.mktemp("reweighted"))
    model.body["regression"] = {"weights": "equal"}
    return model.run()


@pytest.fixture(scope="session")
def lake(restated_then_reweighted):
    return restated_then_reweighted.lake_folder


@pytest.fixture(scope="session")
def history(lake):
    return release_history(Lake(FolderTables(str(lake))))


@pytest.fixture(scope="session")
def days(six_releases) -> list[date]:
    return [day.date() for day in sorted(pd.to_datetime(six_releases.market.panel["date"].unique()))]


@pytest.fixture(scope="session")
def restated(lake, history):
    return open_release(lake, history[5].release_id).compared_with(open_release(lake, history[4].release_id))


@pytest.fixture
def run(lake, monkeypatch, capsys):
    def called(*args):
        monkeypatch.setattr("sys.argv", ["sigmalake", *args, "--lake", str(lake)])
        try:
            cli.main()
            code = 0
        except SystemExit as ended:
            code = ended.code
        return code, capsys.readouterr()

    return called


def test_a_daily_release_says_which_date_is_new(history, days):
    change = history[3]
    assert change.written["cross_sections"] == (days[43], days[43])
    assert change.restated is None
    assert change.why == ["source panel changed"]


def test_a_restatement_says_which_date_was_computed_again(history, days):
    change = history[5]
    assert change.written["cross_sections"] == (days[42], days[42])
    assert change.restated == (days[41], days[41])  # the row of the close before, which holds the returns
    assert change.why == ["source panel changed"]


def test_another_configuration_is_named_by_its_keys(history):
    assert history[6].why == ["configuration: regression.weights: sqrt_cap -> equal"]
    assert history[0].why == ["first release"]


def test_the_state_of_each_release_is_said(history):
    assert {change.state for change in history} == {"stands"}
    assert [change.created_at for change in history] == sorted(change.created_at for change in history)


def test_what_moved_is_exactly_what_differs(lake, history, restated, days):
    """The oracle: wide frames of both releases, compared by pandas."""
    one, other = (open_release(lake, history[n].release_id) for n in (4, 5))
    for quantity, label, frames in (
        ("factor_return", "factor", (one.factor_returns(), other.factor_returns())),
        ("specific_return", "asset_id", (one.specific_returns(), other.specific_returns())),
    ):
        first, second = frames
        differ = (first != second) & ~(first.isna() & second.isna())
        expected = {(day, name) for day, row in differ.iterrows() for name in row.index[row]}
        found = restated.moves[restated.moves["quantity"] == quantity]
        assert set(zip(found["date"], found[label], strict=True)) == expected
        assert {day for day, _ in expected} == {pd.Timestamp(days[42])}
        for row in found.itertuples():
            assert row.first == first.loc[row.date, getattr(row, label)]
            assert row.second == second.loc[row.date, getattr(row, label)]
            assert row.change == row.second - row.first


def test_sigma_and_delta_move_where_the_window_holds_the_restated_date(lake, history, restated, days):
    one, other = (open_release(lake, history[n].release_id) for n in (4, 5))
    moved = restated.moves[(restated.moves["quantity"] == "factor_cov") & (restated.moves["variant"] == "short")]
    assert {day.date() for day in moved["date"]} == set(days[42:45])
    last = moved[moved["date"] == pd.Timestamp(days[44])]
    before, after = (model.factor_cov(days[44], "short") for model in (one, other))
    upper = np.triu(before.to_numpy() != after.to_numpy())
    assert len(last) == upper.sum()
    for row in last.itertuples():
        assert (row.first, row.second) == (before.loc[row.factor, row.factor_2], after.loc[row.factor, row.factor_2])


def test_the_restated_value_of_the_source_is_shown(restated, days):
    (row,) = restated.source_rows.to_dict("records")
    assert (row["date"].date(), row["side"], row["column"]) == (days[42], "returns", "return")
    assert row["second"] - row["first"] == pytest.approx(0.01, abs=1e-15)


def test_each_date_says_why(restated, days):
    of_returns = restated.dates[restated.dates["quantity"] == "factor_return"]
    assert list(zip(of_returns["date"].dt.date, of_returns["why"], strict=True)) == [(days[42], RESTATED)]
    risk = restated.dates[restated.dates["quantity"] == "factor_cov"]
    assert set(risk["why"]) == {f"regression of {days[42]}: {RESTATED}"}


def test_counts_by_date_add_up_to_the_moves(restated):
    assert restated.dates["moved"].sum() == len(restated.moves)
    by_key = restated.moves.groupby(["quantity", "variant", "date"], dropna=False)["change"].apply(lambda c: c.abs().max())
    assert sorted(restated.dates["largest"]) == pytest.approx(sorted(by_key), rel=0)


def test_beyond_the_bound_each_date_keeps_its_largest_changes_and_counts_all(lake, history, restated):
    one, other = (open_release(lake, history[n].release_id)._compared() for n in (4, 5))
    few = compare_models(one, other, None, None, most=50)
    pd.testing.assert_frame_equal(few.dates, restated.dates)
    assert few.largest_only >= 1
    keys = ["quantity", "variant", "date"]
    ranked = restated.moves.assign(size=restated.moves["change"].abs().fillna(0.0))
    rank = ranked.groupby(keys, dropna=False)["size"].rank(method="first", ascending=False)
    expected = restated.moves[rank <= few.largest_only].reset_index(drop=True)
    assert len(expected) < len(restated.moves)
    pd.testing.assert_frame_equal(few.moves, expected)
    assert len(few.moves) <= max(50, len(restated.dates))


def test_a_range_holds_the_dates_from_start_to_end(lake, history, restated, days):
    later = open_release(lake, history[5].release_id)
    some = later.compared_with(open_release(lake, history[4].release_id), start=days[43], end=days[43])
    expected = restated.moves[restated.moves["date"] == pd.Timestamp(days[43])].reset_index(drop=True)
    pd.testing.assert_frame_equal(some.moves, expected)


def test_a_release_and_itself_do_not_differ(lake, history):
    model = open_release(lake, history[5].release_id)
    found = model.compared_with(open_release(lake, history[5].release_id))
    assert found.moves.empty
    assert found.dates.empty
    assert found.source_rows.empty
    assert not found.differences


def test_another_configuration_is_the_cause_and_no_source_is_blamed(lake, history, days):
    found = open_release(lake, history[6].release_id).compared_with(open_release(lake, history[5].release_id), start=days[40])
    assert [d.text for d in found.differences] == ["configuration: regression.weights: sqrt_cap -> equal"]
    assert found.source_rows.empty
    assert set(found.dates["why"]) <= {CONFIGURATION, *(f"regression of {day}: {CONFIGURATION}" for day in days)}


def test_two_variants_differ_by_their_own_settings(lake, days):
    model = open_release(lake)
    found = model.compared_variants("short", "monthly", start=days[44])
    assert set(found.moves["quantity"]) == {"factor_cov", "specific_var"}
    one, other = (model.factor_cov(days[44], name) for name in ("short", "monthly"))
    assert len(found.moves[found.moves["quantity"] == "factor_cov"]) == np.triu(one.to_numpy() != other.to_numpy()).sum()
    assert "configuration: factor_cov.estimator: ewma -> sample" in [d.text for d in found.differences]
    assert set(found.dates["why"]) == {CONFIGURATION}


def test_reasons_follow_the_way_of_the_data():
    days = [date(2024, 3, n) for n in range(1, 6)]
    before = Side(
        {days[0]: "a.s.1", days[1]: "b.s.1", days[2]: "c.s.1"}, {days[1]: days[0], days[2]: days[1]},
        {days[1]: "p.r.1", days[2]: "q.r.1"}, {days[3]: "x.v.1", days[4]: "y.v.1"},
    )  # fmt: skip
    after = Side(
        {days[0]: "a.s.1", days[1]: "B.s.1", days[2]: "c.s.2", days[3]: "d.s.2"}, before.return_dates,
        {days[1]: "p.R.1", days[2]: "Q.r.1"}, {days[3]: "X.v.1", days[4]: "y.V.1"},
    )  # fmt: skip
    assert panel_reasons(before, after) == {days[1]: [RESTATED], days[2]: [CODE], days[3]: [ONLY_SECOND]}
    assert regression_reasons(before, after) == {days[1]: [CONFIGURATION], days[2]: [RESTATED]}
    assert risk_reasons(before, after) == {
        days[3]: [f"regression of {days[1]}: {CONFIGURATION}", f"regression of {days[2]}: {RESTATED}"],
        days[4]: [CONFIGURATION],
    }


def test_differences_name_keys_code_and_sources():
    one = Origin({"a.b": "1", "c": "x"}, "0.1.0", {"panel": "v1", "rates": "r"})
    other = Origin({"a.b": "2", "d": "y"}, "0.2.0", {"panel": "v2", "rates": "r"})
    assert [d.text for d in differences(one, other)] == [
        "configuration: a.b: 1 -> 2", "configuration: c: x -> none", "configuration: d: none -> y", "code: 0.1.0 -> 0.2.0",
        "source panel changed",
    ]  # fmt: skip
    assert differences(Origin({}, None, {}), other) == []


def test_the_verb_lists_releases(run, history):
    code, printed = run("releases")
    assert code == 0
    assert [line.split()[0] for line in printed.out.splitlines()[1:] if not line.startswith(" ")] == [h.release_id for h in history]
    code, printed = run("releases", "--output", "json")
    body = json.loads(printed.out)
    assert [entry["release_id"] for entry in body] == [h.release_id for h in history]
    assert body[5]["restated"] == [str(day) for day in history[5].restated]


def test_the_verb_compares_releases(run, history, restated, tmp_path):
    first, second = history[4].release_id, history[5].release_id
    code, printed = run("compare", first, second, "--to", str(tmp_path / "moves.parquet"))
    assert code == 0
    assert f"{first} -> {second}: {len(restated.moves):,} numbers moved on 3 dates" in printed.out
    assert re.search(r"returns +\w+ +return +-?[\d.]+ +-?[\d.]+", printed.out)
    assert pq.read_table(tmp_path / "moves.parquet").num_rows == len(restated.moves)
    code, printed = run("compare", first, second, "--output", "json")
    body = json.loads(printed.out)
    assert body["moved"] == len(restated.moves)
    assert len(body["source_rows"]) == 1


def test_the_verb_compares_variants(run):
    code, printed = run("compare", "short", "monthly", "--what", "variants")
    assert code == 0
    assert "factor_cov of short and monthly" in printed.out


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["{0}", "{0}"], 2, "is compared with itself"),
        (["{0}", "none"], 1, "has no release none"),
        (["{0}", "{1}", "--release", "{1}"], 2, "--release names the release of two variants"),
        (["{0}", "{1}", "--start", "2024-01-02", "--end", "2024-01-01"], 2, "is after --end"),
        (["{0}", "{1}", "--to", "x.txt"], 2, "ends in neither .parquet nor .csv"),
        (["short", "long", "--what", "variants"], 1, "has no variant long"),
        (["{0}", "{1}", "--to", "/no/folder/x.csv"], 2, "cannot be written"),
    ],
)
def test_what_cannot_be_compared_has_a_sentence(run, history, args, code, message):
    named = [arg.format(history[4].release_id, history[5].release_id) for arg in args]
    found, printed = run("compare", *named)
    assert (found, printed.out) == (code, "")
    assert message in printed.err
