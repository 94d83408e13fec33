"""`sigmalake portfolio` with a scenario and over a period: its numbers from the tables by plain numpy; mistakes."""

from datetime import timedelta

import numpy as np
import pytest
from numpy.testing import assert_allclose

from plain_market import exposures_of, factors_of
from portfolio_runs import ACTIVE, BENCHMARK, WEIGHTS, after, answer, row, rows_of, side_on, verb_on, write


@pytest.fixture(scope="module")
def days(lake_market):
    return sorted(lake_market.panel["date"].unique())


@pytest.fixture(scope="module")
def names(lake_market):
    return [factor.name for factor in factors_of(lake_market)]


@pytest.fixture(scope="module")
def active_side(plain_market_lake, lake_market, days):
    return side_on(days[-1], plain_market_lake, lake_market, ACTIVE)


@pytest.fixture
def file(tmp_path):
    return write(tmp_path / "h.csv", WEIGHTS)


@pytest.fixture
def benchmark(tmp_path):
    return write(tmp_path / "b.csv", BENCHMARK)


@pytest.fixture
def run(plain_market_lake, capsys, monkeypatch):
    return verb_on(plain_market_lake, capsys, monkeypatch)


def test_the_risk_is_the_same_whatever_else_is_asked(run, file, benchmark, days):
    asked = ["--benchmark", benchmark]
    plain, more = answer(run, file, *asked), answer(run, file, *asked, "--shock", "size=0.01", "--since", days[-5])
    assert plain == {name: more[name] for name in plain}
    assert set(more) - set(plain) == {"scenario", "realised"}
    assert run(file, *asked, "--versus-date", days[-2])[1].startswith(run(file, *asked)[1].rstrip())


# Scenario


def test_a_scenario_is_the_shock_and_what_it_lets_expect(run, file, benchmark, active_side, names):
    found = answer(run, file, "--benchmark", benchmark, "--shock", "market=-0.1", "--shock", "size=0.02")["scenario"]
    x, vols, correlations, _ = active_side
    cov = correlations * np.outer(vols, vols)
    S = [names.index("market"), names.index("size")]
    f = cov[:, S] @ np.linalg.solve(cov[np.ix_(S, S)], [-0.1, 0.02])
    assert found["shocks"] == {"market": -0.1, "size": 0.02}
    assert_allclose([found["factor_returns"][name] for name in names], f, rtol=1e-8, atol=1e-16)
    assert_allclose([found["active"]["by_factor"][name] for name in names], x * f, rtol=1e-8, atol=1e-16)
    for report in (found["portfolio"], found["benchmark"], found["active"]):
        assert sum(report["by_factor"].values()) == pytest.approx(report["return"], rel=1e-12)
        assert sum(report["by_asset"].values()) == pytest.approx(report["return"], rel=1e-12)
    assert found["active"]["return"] == pytest.approx(found["portfolio"]["return"] - found["benchmark"]["return"], rel=1e-12)


def test_a_person_reads_the_scenario_in_percent(run, file, active_side, names):
    text = after(run(file, "--shock", "market=-0.1")[1], "Scenario: market -10.00%")
    told = answer(run, file, "--shock", "market=-0.1")["scenario"]
    total = f"{100 * told['portfolio']['return']:.2f}"
    assert row(text, "portfolio") == [total]
    assert "benchmark" not in text
    by_factor = after(text, "Scenario by factor")
    assert row(by_factor, "market")[:4] == ["market", "shock", "-10.00", f"{-0.1 / active_side.vols[names.index('market')]:.2f}"]
    assert row(by_factor, "size")[1] == "expected"
    of_asset = told["portfolio"]["by_asset"]["A001"]
    assert row(after(text, "Scenario by asset"), "A001") == ["50.00", f"{200 * of_asset:.2f}", f"{100 * of_asset:.2f}"]
    assert row(by_factor, "sum") == row(after(text, "Scenario by asset"), "sum") == [total]


# Realised


@pytest.fixture(scope="module")
def realised(plain_market_lake, lake_market, days):
    """x, x f, h u and h r of the last ten dates, by date and asset or factor, for the holdings against the benchmark."""
    fits = {row["date"]: row for row in rows_of(plain_market_lake, "cross_sections")}
    x, by_factor, specific, returns = [], [], [], []
    held, h, panel = list(ACTIVE), np.array(list(ACTIVE.values())), lake_market.panel
    for close, day in zip(days[-11:-1], days[-10:], strict=True):
        known = panel[panel["date"] == close].set_index("asset_id").loc[held]
        u = dict(zip(fits[day]["asset_id"], fits[day]["specific_return"], strict=True))
        x.append(exposures_of(known, factors_of(lake_market)).T @ h)
        by_factor.append(x[-1] * fits[day]["factor_return"])
        specific.append(h * [u[asset] for asset in held])
        r = panel[panel["date"] == day].set_index("asset_id")["ret"].loc[held]
        returns.append(h @ r)
    return tuple(map(np.array, (x, by_factor, specific, returns)))


def test_a_realised_return_is_attributed_by_factor_and_asset(run, file, benchmark, realised, names, days):
    found = answer(run, file, "--benchmark", benchmark, "--since", days[-11])["realised"]
    x, by_factor, specific, returns = realised
    active = found["active"]
    assert (found["close"], found["first_date"], found["last_date"]) == tuple(str(days[n]) for n in (-11, -10, -1))
    assert found["n_periods"] == 10
    assert_allclose(list(active["returns"].values()), returns, rtol=1e-10, atol=1e-16)
    assert_allclose([active["summed"][name] for name in names], by_factor.sum(axis=0), rtol=1e-9, atol=1e-16)
    assert_allclose([active["mean_exposures"][name] for name in names], x.mean(axis=0), rtol=1e-9, atol=1e-16)
    assert_allclose([active["specific_by_asset"][asset] for asset in ACTIVE], specific.sum(axis=0), rtol=1e-9, atol=1e-16)
    assert sum(active["summed"].values()) == pytest.approx(returns.sum(), rel=1e-11)
    assert active["summed"]["specific"] == pytest.approx(sum(active["specific_by_asset"].values()), rel=1e-11)
    assert found["gaps"] == []


def test_linked_parts_sum_to_compounded_returns_and_active_ones_to_their_difference(run, file, benchmark, days):
    found = answer(run, file, "--benchmark", benchmark, "--since", days[-11])["realised"]
    compounded = []
    for of in ("portfolio", "benchmark"):
        compounded.append(np.prod([1 + r for r in found[of]["returns"].values()]) - 1)
        assert sum(found[of]["linked"].values()) == pytest.approx(compounded[-1], rel=1e-11)
    assert sum(found["active"]["linked"].values()) == pytest.approx(compounded[0] - compounded[1], rel=1e-11)


def test_a_period_begins_after_its_close_and_any_day_names_one(run, file, days):
    friday = next(day for day in days[-10:-1] if day.weekday() == 4)
    on, sunday = (answer(run, file, "--since", day)["realised"] for day in (friday, friday + timedelta(days=2)))
    assert on == sunday
    assert on["close"] == str(friday)
    assert min(on["portfolio"]["returns"]) > str(friday)
    until = answer(run, file, "--since", days[-4], "--date", days[-2])["realised"]
    assert list(until["portfolio"]["returns"]) == [str(day) for day in days[-3:-1]]


def test_a_person_reads_the_return_in_percent(run, file, benchmark, realised, days, names):
    _, by_factor, _, returns = realised
    text = after(run(file, "--benchmark", benchmark, "--since", days[-11])[1], "Realised from")
    assert text.startswith(f"Realised from the close of {days[-11]} to {days[-1]}: 10 periods\n")
    summed = f"{100 * returns.sum():.3f}"
    assert row(text, "active")[0] == summed
    parts = after(text, "Realised by factor")
    assert row(parts, "sum")[0] == summed
    assert row(parts, "market")[2] == f"{100 * by_factor[:, names.index('market')].sum():.3f}"
    assert "unexplained" not in text
    assert row(after(text, "Realised by asset"), "sum") == [row(parts, "specific")[0]]


def test_gaps_are_an_error_or_are_listed(run, tmp_path, days):
    file = write(tmp_path / "h.csv", WEIGHTS | {"A008": 0.2})
    code, out, err = run(file, "--since", days[-5])
    assert (code, out) == (1, "")
    assert err.startswith("error: 1 holdings have gaps: A008 on 2021-03-30 (no return). To leave them out, ")
    asked = [file, "--since", days[-5], "--missing", "leave_out"]
    gap = {"date": "2021-03-30", "asset_id": "A008", "weight": 0.2, "reason": "no return", "of": "portfolio"}
    assert answer(run, *asked)["realised"]["gaps"] == [gap]
    assert "Gap: portfolio A008 on 2021-03-30: no return" in run(*asked)[1]


# Holdings without risk, and mistakes


def test_holdings_that_are_all_zero_earn_nothing(run, tmp_path, days):
    asked = [write(tmp_path / "h.csv", {"A001": 0.0}), "--shock", "market=-0.1", "--since", days[-3]]
    found = answer(run, *asked)
    assert found["scenario"]["portfolio"]["return"] == 0.0
    assert set(found["realised"]["portfolio"]["summed"].values()) == {0.0}
    assert " nan" not in run(*asked)[1]


def test_what_has_no_risk_is_left_out_of_the_scenario_and_the_comparison(run, tmp_path):
    file, without = write(tmp_path / "h.csv", WEIGHTS | {"ZZZ": 0.2}), write(tmp_path / "w.csv", WEIGHTS)
    asked = ["--shock", "market=-0.1", "--versus-date", "2021-03-31", "--missing", "leave_out"]
    found, plain = answer(run, file, *asked), answer(run, without, *asked)
    assert (found["scenario"], found["change"]) == (plain["scenario"], plain["change"])


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--shock", "Markt=-0.1"], 2, "--shock Markt: ewma has no such factor as of 2021-04-01; did you mean market?"),
        (["--shock", "oil=-0.1"], 2, "--shock oil: ewma has no such factor as of 2021-04-01; it has market, "),
        (["--shock", "market"], 2, "--shock 'market' is no shock; give FACTOR=RETURN, a fraction"),
        (["--shock", "market=-10%"], 2, "--shock 'market=-10%' is no shock; give FACTOR=RETURN, a fraction"),
        (["--shock", "=0.1"], 2, "--shock '=0.1' is no shock"),
        (["--shock", "market=inf"], 2, "--shock 'market=inf' is no shock"),
        (["--shock", "size=0.1", "--shock", "size=0.2"], 2, "--shock names size twice; give each factor once"),
        (["--since", "March"], 2, "--since 'March' is not a date; give it as YYYY-MM-DD"),
        (["--since", "2021-04-01"], 2, "--since 2021-04-01 is not before 2021-04-01, the date of the risk; give an earlier"),
        (["--since", "2021-01-03"], 1, "--since 2021-01-03: the returns of release 2021-04-01.1 begin after the close of"),
        (["--versus-date", "yesterday"], 2, "--versus-date 'yesterday' is not a date; give it as YYYY-MM-DD"),
        (["--versus-date", "1999-01-01"], 1, "ewma has no risk model as of 1999-01-01; nearest: 2021-03-31"),
        (["--versus-date", "2021-04-01"], 2, "release 2021-04-01.1 as of 2021-04-01 is compared with itself; give another"),
        (["--versus-date", "2021-04-01", "--date", "2021-03-31"], 2, "go back in time, from 2021-04-01 to 2021-03-31; exchange"),
        (["--versus-release", "no"], 1, "has no release no; it has 2021-04-01.1"),
    ],
)  # fmt: skip
def test_a_mistake_has_its_message_and_exit_code(run, file, arguments, code, said):
    found, out, err = run(file, *arguments)
    assert (found, out) == (code, "")
    assert err.startswith("error: ")
    assert said in err
    assert err.count("\n") == 1
