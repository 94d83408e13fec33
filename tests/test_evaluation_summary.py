"""The summary of an evaluation against pandas, and how a person and a program read it."""

import json
from datetime import date

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from sigmalake.numerics.evaluation.forecast_measures import bias_band, expected_deviation, q_band
from sigmalake.reader.evaluation_summary import forecasts_a_year, overlap_of, summarise
from sigmalake.report.text.evaluation import as_json, as_text
from sigmalake.report.text.verdict import verdicts

DAYS = [day.date() for day in pd.bdate_range("2020-01-01", periods=600)]


def rows(n_dates: int = 600, seed: int = 0) -> pd.DataFrame:
    """Two variants, the second a tenth too high, later and with a gap; three portfolios, one of which differs by variant."""
    rng = np.random.default_rng(seed)
    found = []
    for portfolio in ("a", "b", "c"):
        returns = rng.normal(0, 0.01, n_dates)
        returns[5] = 0.0
        for variant, vol in (("one", 0.01), ("two", 0.011)):
            realised = returns * (1.1 if (variant, portfolio) == ("two", "c") else 1.0)
            frame = pd.DataFrame({"date": DAYS[:n_dates], "vol": vol, "realised_return": realised})
            frame = frame.assign(variant=variant, kind="random_active", portfolio=portfolio)
            found.append(frame if variant == "one" else frame.iloc[50:])
    table = pd.concat(found, ignore_index=True)
    table["return_date"] = table["date"]
    table["n_forecasts"], table["n_left_out"], table["horizon"] = 1, 2, 1
    table["n_zero"] = (table["realised_return"] == 0).astype(int)
    table["b"] = table["realised_return"] / table["vol"]
    table["b_squared"] = table["b"] ** 2
    table["log_var"] = np.log(table["vol"] ** 2)
    table["log_b_squared"] = np.log(table["b_squared"].where(table["n_zero"] == 0))
    gap = (table["variant"] == "two") & (table["portfolio"] == "a") & (table["date"] == DAYS[100])
    means = ["vol", "realised_return", "b", "b_squared", "log_var", "log_b_squared"]
    table.loc[gap, means] = np.nan
    table.loc[gap, "n_forecasts"] = 0
    return table


def table_of(frame: pd.DataFrame) -> pa.Table:
    return pa.Table.from_pandas(frame.sample(frac=1, random_state=0), preserve_index=False)


def test_the_measures_are_those_of_pandas():
    frame = rows()
    one, two = summarise(table_of(frame), 60).kinds
    assert (one.variant, two.variant, one.rolling_window) == ("one", "two", 60)
    for kind in (one, two):
        own = frame[(frame["variant"] == kind.variant) & (frame["n_forecasts"] > 0)]
        b = {name: of["b"] for name, of in own.groupby("portfolio")}
        B = np.array([x.std() for x in b.values()])
        assert kind.bias == pytest.approx(B.mean())
        assert kind.bias_spread == pytest.approx(B.max() - B.min())
        assert kind.deviation == pytest.approx(np.abs(B - 1).mean())
        assert kind.mrad == pytest.approx(np.mean([(x.rolling(60).std() - 1).abs().mean() for x in b.values()]))
        moved = [x[x != 0] ** 2 for x in b.values()]
        assert kind.q == pytest.approx(np.mean([(x - np.log(x)).mean() for x in moved]))
        bands = [bias_band(len(x)) for x in b.values()]
        assert kind.n_in_band == (np.abs(B - 1) <= bands).sum()
        assert (kind.expected_deviation, kind.q_band) == (expected_deviation(kind.n_dates), q_band(kind.n_dates))
        assert kind.n_left_out == 2 * len(frame[frame["variant"] == kind.variant])
    assert (one.n_dates, two.n_dates, one.n_without, two.n_without, one.n_zero, two.n_zero) == (600, 550, 0, 1, 3, 0)
    assert (one.n_in_band, two.n_in_band) == (3, 1)


def test_qlike_compares_forecasts_of_the_same_return():
    frame = rows()
    one, two = summarise(table_of(frame), 60).kinds
    alike = frame[frame["portfolio"].isin(["a", "b"]) & (frame["date"] >= DAYS[50])]
    alike = alike[(alike["portfolio"] == "b") | (alike["date"] != DAYS[100])]
    for kind in (one, two):
        own = alike[alike["variant"] == kind.variant]
        by_portfolio = (own["log_var"] + own["b_squared"]).groupby(own["portfolio"]).mean()
        assert kind.qlike == pytest.approx(by_portfolio.mean())
        assert kind.n_common == len(own) == 1099
    assert one.qlike < two.qlike


def test_variants_by_month_are_compared_with_each_other_only():
    frame = rows()
    ends = frame[frame["date"].isin(DAYS[60::21])]
    months = pd.concat([ends[ends["variant"] == name].assign(variant=f"{name} by month") for name in ("one", "two")])
    months["realised_return"] = months["realised_return"] * 5
    alone = {kind.variant: kind for kind in summarise(table_of(frame), 60).kinds}
    found = {
        kind.variant: kind for kind in summarise(table_of(pd.concat([frame, months])), 60, ["one by month", "two by month"]).kinds
    }
    assert {name: (found[name].n_common, found[name].qlike) for name in alone} == {
        name: (pytest.approx(kind.n_common), pytest.approx(kind.qlike)) for name, kind in alone.items()
    }
    assert found["one by month"].n_common == found["two by month"].n_common > 0


def test_portfolios_that_each_variant_makes_for_itself_are_not_compared():
    frame = rows()
    both = summarise(table_of(frame.assign(kind="minimum_variance")), 60).kinds
    assert [kind.n_common for kind in both] == [0, 0]
    assert np.isnan([kind.qlike for kind in both]).all()
    (alone,) = summarise(table_of(frame[frame["variant"] == "one"].assign(kind="minimum_variance")), 60).kinds
    assert alone.n_common == 1800


def test_dates_without_a_forecast_do_not_count_as_the_first():
    frame = rows()
    frame.loc[frame["date"] < DAYS[30], ["n_forecasts", "realised_return"]] = 0, np.nan
    one, two = summarise(table_of(frame), 60).kinds
    assert (one.first_date, two.first_date, one.n_without) == (DAYS[30], DAYS[50], 90)


def test_a_variant_alone_is_compared_with_nothing_and_keeps_all_its_forecasts():
    frame = rows()
    (one,) = summarise(table_of(frame[frame["variant"] == "one"]), None).kinds
    assert one.n_common == 1800


def test_twelve_months_are_counted_from_the_dates():
    assert forecasts_a_year(DAYS) == 261
    assert forecasts_a_year([date(2020 + n // 12, n % 12 + 1, 28) for n in range(40)]) == 12
    assert forecasts_a_year([day for day in DAYS if day.weekday() == 4]) == 52
    assert forecasts_a_year(DAYS[:1]) == 2
    one, _ = summarise(table_of(rows()), None).kinds
    assert one.rolling_window == 261


def test_too_few_dates_have_no_rolling_bias():
    one, two = summarise(table_of(rows(100)), 60).kinds
    assert np.isfinite(one.mrad)
    assert np.isnan(two.mrad)
    assert json.loads(as_json([summarise(table_of(rows(100)), 60)]))["kinds"][1]["mrad"] is None


def test_a_program_and_a_person_read_the_same_numbers():
    frame = rows()
    decile = frame[frame["portfolio"] == "a"].assign(kind="specific_by_size", portfolio="01")
    summary = summarise(table_of(pd.concat([frame, decile])), 60)
    read = json.loads(as_json([summary]))
    assert [(k["kind"], k["variant"]) for k in read["kinds"]][:2] == [("random_active", "one"), ("random_active", "two")]
    assert len(read["portfolios"]) == 8
    said = as_text([summary])
    first = read["kinds"][0]
    row = next(line for line in said.splitlines() if line.startswith("random_active"))
    assert row.split()[:5] == ["random_active", "one", "3", "600", f"{first['bias']:.3f}"]
    assert row.split()[7:9] == [f"{first['deviation']:.3f}", f"{first['expected_deviation']:.3f}"]
    assert "one: forecasts as of 2020-01-01 to 2022-04-19; rolling over 60 forecasts" in said
    deciles = said.split("B by decile")[1].splitlines()[1]
    assert deciles.split()[:3] == ["specific_by_size", f"{read['portfolios'][-2]['bias']:.2f}", "-"]
    assert max(map(len, said.splitlines())) <= 80


def verdict_of(scale, *, n_dates=300, kind="factor"):
    """The verdict on forecasts whose returns are `scale` times as volatile as forecast."""
    frame = rows(n_dates)
    frame = frame[frame["variant"] == "one"].assign(kind=kind)
    frame["b"] *= scale / frame.groupby("portfolio")["b"].transform("std")
    frame["b_squared"] = frame["b"] ** 2
    (said,) = verdicts(summarise(table_of(frame), 60))
    return said


@pytest.mark.parametrize(
    ("scale", "words"),
    [
        (1.0, "one: right. The mean bias of every kind is within 1 +- 0.16"),
        (
            1.12,
            "one: right. The mean bias of every kind is within 1 +- 0.16, as that of fat-tailed returns; factor outside",
        ),
        (1.5, "one: not right. Forecasts are too low for factor (by 33%)"),
        (0.5, "one: not right. Forecasts are too high for factor (by 100%)"),
    ],
)
def test_the_verdict_says_in_words_whether_the_bias_is_in_its_band(scale, words):
    assert verdict_of(scale).startswith(words)
    assert "Do: " in verdict_of(scale)


def test_the_verdict_names_the_layer_that_helps():
    assert "`factor_cov.eigenfactor`" in verdict_of(1.5, kind="eigenfactor")
    assert "`structural`, `size_shrinkage`" in verdict_of(1.5, kind="specific_by_size")
    assert "40 forecasts are too few for a verdict" in verdict_of(1.5, n_dates=40)


def later(periods: int) -> dict[date, date]:
    return dict(zip(DAYS, [*DAYS[periods:], *[DAYS[-1]] * periods], strict=True))


def test_longer_horizons_stand_beside_the_first_and_variants_are_compared():
    frame = rows()
    frame["b"] *= 1.3  # one is far too low, two less so
    frame["b_squared"] = frame["b"] ** 2
    doubled = frame.assign(horizon=5, b=frame["b"] * 2, b_squared=frame["b_squared"] * 4, return_date=frame["date"].map(later(5)))
    both = table_of(pd.concat([frame, doubled]))
    one, five = (summarise(both, 60, horizon=h) for h in (1, 5))
    assert [overlap_of(frame.query("variant == 'one'").assign(return_date=frame["date"].map(later(h)))) for h in (1, 5)] == [1, 5]
    assert one.kinds == summarise(table_of(frame), 60).kinds
    assert one.kinds == summarise(table_of(frame.assign(horizon=0)), 60).kinds  # rows of before there were horizons
    assert five.kinds[0].bias == pytest.approx(2 * one.kinds[0].bias)
    assert five.kinds[0].n_effective == pytest.approx(600 * 15 / 51)
    (compared,) = one.comparisons
    loss = frame.assign(loss=frame["log_var"] + frame["b_squared"]).query("portfolio != 'c'")  # there the returns differ
    common = loss.pivot(index=["date", "portfolio"], columns="variant", values="loss").dropna()
    by_date = common.groupby("date").mean()
    assert compared.difference == pytest.approx((by_date["one"] - by_date["two"]).mean(), rel=1e-9)
    assert (compared.n_dates, compared.horizon) == (len(by_date), 1)
    assert compared.p_value < 0.01
    said = as_text([one, five])
    assert "two forecasts better than one for random_active (QLIKE, Diebold and Mariano at 5 %)." in " ".join(said.split())
    assert "each of 5 periods: 600 that overlap tell as much of B as 176 independent ones" in said
    few = table_of(doubled[doubled["date"].isin(sorted(doubled["date"].unique())[:90])].assign(horizon=21))
    words = " ".join(as_text([one, summarise(few, 60, horizon=21)]).split())
    assert "90 forecasts that overlap tell as much as" in words
    assert "independent ones, which are too few for a verdict" in words
    read = json.loads(as_json([one, five]))
    assert [k["horizon"] for k in read["kinds"]] == [1, 1]
    assert read["longer_horizons"][0]["kinds"][0]["horizon"] == 5
    assert read["comparisons"][0]["p_value"] == compared.p_value
