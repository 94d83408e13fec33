"""`sigmalake portfolio` with what moved the risk: parts from the tables by plain numpy, sums, releases."""

import shutil

import numpy as np
import pytest
from numpy.testing import assert_allclose

from plain_lake import append, replace
from plain_market import factors_of
from portfolio_runs import ACTIVE, BENCHMARK, WEIGHTS, after, answer, full, row, rows_of, side_on, verb_on, write
from sigmalake.tables.packed import RISK_MODELS
from sigmalake.tables.records import RELEASES

H = np.array(list(ACTIVE.values()))
YEARLY = 100 * np.sqrt(252)
EARLIER, FIRST, RESTATED = "2021-03-31.1", "2021-04-01.1", "2021-04-01.2"


@pytest.fixture(scope="module")
def days(lake_market):
    return sorted(lake_market.panel["date"].unique())


@pytest.fixture(scope="module")
def names(lake_market):
    return [factor.name for factor in factors_of(lake_market)]


def release_again(lake, model, release_id):
    """Restate a row of `risk_models`, and release that."""
    version = replace(lake, RISK_MODELS, [model], f"variant = '{model['variant']}' AND date = '{model['date']}'")
    (first,) = rows_of(lake, "releases", sequence=1)
    tables = dict(first["tables"]) | {"risk_models": version}
    append(lake, RELEASES, [first | {"release_id": release_id, "sequence": 2, "tables": list(tables.items())}])


@pytest.fixture(scope="module")
def restated_lake(tmp_path_factory, plain_market_lake, days):
    """A second release of the last date: the market's volatility twice, A001's specific variance four times what they were.

    Also one of the date before.
    """
    lake = shutil.copytree(plain_market_lake, tmp_path_factory.mktemp("restated") / "lake")
    (model,) = rows_of(lake, "risk_models", variant="ewma", date=days[-1])
    scale = np.where(np.array(model["factors"]) == "market", 2.0, 1.0)
    cov = full(model["factor_cov"], len(scale)) * np.outer(scale, scale)
    var = [4 * v if asset == "A001" else v for asset, v in zip(model["asset_id"], model["specific_var"], strict=True)]
    (first,) = rows_of(lake, "releases")
    append(lake, RELEASES, [first | {"release_id": EARLIER, "sequence": 0, "as_of": days[-2]}])
    release_again(lake, model | {"factor_cov": cov[np.triu_indices(len(scale))].tolist(), "specific_var": var}, RESTATED)
    return lake


@pytest.fixture
def file(tmp_path):
    return write(tmp_path / "h.csv", WEIGHTS)


@pytest.fixture
def run(plain_market_lake, capsys, monkeypatch):
    return verb_on(plain_market_lake, capsys, monkeypatch)


@pytest.fixture
def run_restated(restated_lake, capsys, monkeypatch):
    return verb_on(restated_lake, capsys, monkeypatch)


def test_the_parts_of_a_comparison_are_those_of_the_tables(run, file, tmp_path, plain_market_lake, lake_market, names, days):
    benchmark = write(tmp_path / "b.csv", BENCHMARK)
    found = answer(run, file, "--benchmark", benchmark, "--versus-date", "2021-03-31")["change"]
    sides = [side_on(day, plain_market_lake, lake_market, ACTIVE) for day in days[-2:]]
    (x_1, s_1, C_1, D_1), (x_2, s_2, C_2, D_2) = sides
    cov_1, cov_2 = C_1 * np.outer(s_1, s_1), C_2 * np.outer(s_2, s_2)
    weight = (np.outer(x_1, x_1) + np.outer(x_2, x_2)) / 2
    squares_1, squares_2 = np.outer(s_1, s_1), np.outer(s_2, s_2)
    expected = {
        "exposures": (x_2 - x_1) @ (cov_1 + cov_2) @ (x_1 + x_2) / 2,
        "factor_vols": (weight * (C_1 + C_2) / 2 * (squares_2 - squares_1)).sum(),
        "factor_correlations": (weight * (squares_1 + squares_2) / 2 * (C_2 - C_1)).sum(),
        "specific": H**2 @ (D_2 - D_1),
    }
    assert found["parts"] == pytest.approx(expected, rel=1e-8, abs=1e-18)
    variances = [x @ (C * np.outer(s, s)) @ x + H**2 @ D for x, s, C, D in sides]
    assert [found[side]["variance"] for side in ("first", "second")] == pytest.approx(variances, rel=1e-11)
    assert sum(found["parts"].values()) == pytest.approx(variances[1] - variances[0], rel=1e-8)
    exposures = (x_2 - x_1) * ((cov_1 + cov_2) @ (x_1 + x_2)) / 2
    assert_allclose([found["by_factor"]["exposures"][name] for name in names], exposures, rtol=1e-8, atol=1e-18)
    assert_allclose([found["by_asset"]["specific"][asset] for asset in ACTIVE], H**2 * (D_2 - D_1), rtol=1e-8, atol=1e-18)


def test_each_part_is_told_by_factor_or_asset_too_and_sums(run, file):
    found = answer(run, file, "--versus-date", "2021-03-31")["change"]
    for part, by_factor in found["by_factor"].items():
        assert sum(by_factor.values()) == pytest.approx(found["parts"][part], rel=1e-9)
    for part, by_asset in found["by_asset"].items():
        assert sum(by_asset.values()) == pytest.approx(found["parts"][part], rel=1e-9)
    assert [found[side]["date"] for side in ("first", "second")] == ["2021-03-31", "2021-04-01"]


def test_a_restatement_is_told_by_the_factor_and_the_asset_that_it_moved(
    run_restated, file, plain_market_lake, lake_market, names, days
):
    found = answer(run_restated, file, "--versus-release", FIRST)["change"]
    assert [found[side]["release"] for side in ("first", "second")] == [FIRST, RESTATED]
    x, s, C, D = side_on(days[-1], plain_market_lake, lake_market, WEIGHTS)
    doubled = np.where(np.array(names) == "market", 2 * s, s)
    moved = x @ (C * (np.outer(doubled, doubled) - np.outer(s, s))) @ x
    assert found["parts"]["factor_vols"] == pytest.approx(moved, rel=1e-9)
    assert [name for name, part in found["by_factor"]["factor_vols"].items() if abs(part) > 1e-9 * moved] == ["market"]
    specific = {"A001": 3 * D[0] * WEIGHTS["A001"] ** 2, "A002": 0, "A003": 0, "A004": 0}
    assert found["by_asset"]["specific"] == pytest.approx(specific, rel=1e-9)
    assert found["parts"]["exposures"] == 0
    assert found["parts"]["factor_correlations"] == pytest.approx(0, abs=1e-9 * moved)


def test_the_horizon_multiplies_the_parts(run, file):
    one, month = (answer(run, file, "--versus-date", "2021-03-31", "--horizon", n)["change"] for n in (1, 21))
    assert month["parts"] == pytest.approx({name: 21 * part for name, part in one["parts"].items()}, rel=1e-10)


def test_the_earlier_release_is_read_on_the_date_that_is_asked_for(run_restated, file):
    said = answer(run_restated, file, "--versus-release", FIRST, "--date", "2021-03-31")["change"]
    assert (said["first"]["date"], said["second"]["date"]) == ("2021-03-31", "2021-03-31")
    assert set(said["parts"].values()) == {0.0}  # that date was not restated
    both = ["--versus-release", FIRST, "--versus-date", "2021-03-31"]
    assert answer(run_restated, file, *both)["change"]["first"]["date"] == "2021-03-31"


def test_an_earlier_release_is_read_on_its_own_date(run_restated, file):
    found = answer(run_restated, file, "--release", FIRST, "--versus-release", EARLIER)["change"]
    by_date = answer(run_restated, file, "--release", FIRST, "--versus-date", "2021-03-31")["change"]
    assert (found["first"]["release"], found["first"]["date"]) == (EARLIER, "2021-03-31")
    assert found["parts"] == by_date["parts"]
    code, _, err = run_restated(file, "--release", EARLIER, "--versus-release", FIRST)
    assert (code, "from 2021-04-01 to 2021-03-31; exchange the two" in err) == (2, True)


def test_a_person_reads_parts_of_the_change_of_the_volatility(run_restated, file):
    found = answer(run_restated, file, "--versus-release", FIRST)["change"]
    text = after(run_restated(file, "--versus-release", FIRST)[1], "What moved the volatility")
    was, now = (YEARLY * found[side]["vol"] for side in ("first", "second"))
    assert " ".join(text.split()).startswith(
        f"What moved the volatility from {was:.2f} (2021-04-01 in {FIRST}) to {now:.2f} (2021-04-01 in {RESTATED}), ann"
    )
    assert row(text, "sum") == [f"{now - was:.3f}"]
    moved = [
        float(row(text, name)[-1]) for name in ("the assets' exposures", "the factors' volatilities", "the assets' specific risk")
    ]
    assert sum(moved) == pytest.approx(now - was, abs=0.002)
    cells = row(after(text, "By factor"), "market")
    assert float(cells[3]) == pytest.approx(2 * float(cells[2]), abs=0.02)
    specific = row(after(text, "By asset"), "A001")
    assert float(specific[2]) == pytest.approx(2 * float(specific[1]), abs=0.02)


def test_what_only_the_earlier_model_lacks_is_left_out_of_both_sides_and_said(
    run, file, plain_market_lake, tmp_path, days, capsys, monkeypatch
):
    lake = shutil.copytree(plain_market_lake, tmp_path / "lake")
    (model,) = rows_of(lake, "risk_models", variant="ewma", date=days[-2])
    var = [None if asset == "A003" else v for asset, v in zip(model["asset_id"], model["specific_var"], strict=True)]
    release_again(lake, model | {"specific_var": var}, "next")
    run = verb_on(lake, capsys, monkeypatch)
    assert (
        f"compared with {days[-2]}: no risk for 1 of 4 holdings: A003 (no specific variance"
        in run(file, "--versus-date", days[-2])[2]
    )
    asked = [file, "--versus-date", days[-2], "--missing", "leave_out"]
    change = answer(run, *asked)["change"]
    assert list(change["left_out"]) == ["A003"]
    rest = write(tmp_path / "rest.csv", {asset: weight for asset, weight in WEIGHTS.items() if asset != "A003"})
    assert change["second"]["variance"] == pytest.approx(answer(run, rest)["portfolio"]["variance"], rel=1e-12)
    assert "Left out of the comparison, on both sides: A003: no specific variance" in run(*asked)[1]


@pytest.mark.parametrize("benchmark", [WEIGHTS, None], ids=["its own benchmark", "all 0"])
def test_of_holdings_without_active_positions_nothing_has_moved(run, file, tmp_path, benchmark):
    file = file if benchmark else write(tmp_path / "z.csv", dict.fromkeys(WEIGHTS, 0.0))
    asked = [file, *(["--benchmark", file] if benchmark else []), "--versus-date", "2021-03-31"]
    found = answer(run, *asked)["change"]
    assert set(found["parts"].values()) == {found["first"]["variance"], found["second"]["variance"]} == {0.0}
    assert found["by_asset"] == {"exposures": {}, "specific": {}}
    text = after(run(*asked)[1], "What moved")
    assert " nan" not in text
    assert [row(text, part) for part in ("the assets' exposures", "sum")] == [["0.000"], ["0.000"]]
    assert row(after(text, "By factor"), "market")[-1] == "0.000"
