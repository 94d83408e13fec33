"""Styles that the model standardises: from raw columns to X, with every row and every step accounted for."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from lakes import rows_of
from sigmalake.numerics.exposures.build_styles import StyleInputs, build_styles
from sigmalake.numerics.windows.calendar import month_ends
from sigmalake.stages.ingest import style_recipe
from sigmalake.tables.long import EXPOSURE_MOMENTS, EXPOSURE_STABILITY
from sigmalake.tables.packed import PANEL
from sigmalake.tables.records import REJECTED_ROWS, RUNS
from small_model import write_nullable

N_DATES = 64  # to the first of April, so that March is over
RULES = {
    "size": {},
    "value": {"descriptors": {"book": 0.7, "earnings": 0.3}, "missing": "regress", "orthogonal_to": ["size"]},
    "yield": {"descriptors": {"earnings": 1.0}, "missing": "zero", "orthogonal_to": ["industry"]},
}


@pytest.fixture(scope="module")
def raw(panel) -> pd.DataFrame:
    """Raw descriptors: size in a unit of its own, two parts of value with gaps."""
    days = sorted(panel["date"].unique())[:N_DATES]
    frame = panel[panel["date"].isin(days)].reset_index(drop=True)
    rng = np.random.default_rng(8)
    noise = rng.normal(size=(len(frame), 2))
    gaps = rng.random((len(frame), 2)) < 0.1
    return frame.assign(
        size=100.0 + 7.0 * frame["size"],
        book=np.where(gaps[:, 0], np.nan, np.exp(frame["value"] + noise[:, 0])),
        earnings=np.where(gaps[:, 1], np.nan, frame["value"] + noise[:, 1]),
    ).drop(columns="value")


@pytest.fixture
def styled(model):
    model.body["factors"][2] = {"styles": RULES}
    return model


def write(model, frame):
    write_nullable(frame, model.folder / "panel.parquet")
    return model


def built(model):
    for stage in ("ingest", "regress"):
        model.stage(stage)


def tables(model):
    return {table.name: rows_of(model.lake_folder, table) for table in (PANEL, EXPOSURE_MOMENTS, EXPOSURE_STABILITY)}


def test_styles_are_the_kernels_and_days_appended_and_restated_are_a_rebuild(styled, raw):
    days = sorted(raw["date"].unique())
    built(write(styled, raw[raw["date"] < days[-1]]))
    before = stability_of(styled)
    ends = month_ends(days)
    assert [day for day, style in before.index if style == "size"] == ends[1:-1]
    assert before[:, "size"].min() > 0.9
    restated = raw.copy()
    restated.loc[(raw["date"] == ends[0]) & (raw["asset_id"] < "A30"), "size"] += 20.0
    built(write(styled, restated))
    after = stability_of(styled)
    assert {day for (day, _), told in after.items() if before.get((day, _)) != told} == {ends[1], ends[-1]}
    increments = tables(styled)
    styled.body["lake"] = str(styled.folder / "rebuilt")
    built(styled)
    assert tables(styled) == increments
    packed = increments[PANEL.name].to_pylist()
    assert_kernel(styled, restated, packed)
    moments = increments[EXPOSURE_MOMENTS.name].to_pylist()
    assert sorted((row["exposure_date"], row["style"], row["step"], row["term"]) for row in moments) == sorted(
        (row["exposure_date"], step["style"], step["step"], step["term"]) for row in packed for step in row["style_steps"]
    )
    styled.body |= {"factors": [*styled.body["factors"][:2], {"styles": ["size"]}], "regression": {"weights": "equal"}}
    built(styled)
    assert styled.rows(EXPOSURE_MOMENTS).empty
    assert styled.rows(PANEL)["style_steps"].isna().all()
    sizes = restated[restated["in_estimation"]].pivot(index="date", columns="asset_id", values="size")
    present = restated.pivot(index="date", columns="asset_id", values="size")
    expected = {(now, "size"): sizes.loc[now].corr(present.loc[then]) for then, now in pairwise(ends)}
    assert stability_of(styled).to_dict() == pytest.approx(expected, rel=1e-10)


def stability_of(model):
    return model.rows(EXPOSURE_STABILITY).set_index(["exposure_date", "style"])["correlation"]


def assert_kernel(model, raw, packed):
    """X of every date is what the kernel makes of its rows, and so are the flags and steps."""
    group = model.config.memberships[0]
    recipe = style_recipe(model.config, [{level: n for n, level in enumerate(group.listed)}])
    for row in packed:
        of_day = raw[raw["date"] == row["exposure_date"]].sort_values("asset_id")
        inputs = StyleInputs(
            of_day[recipe.columns].to_numpy(float), of_day["cap"].to_numpy(float), None,
            of_day["in_estimation"].to_numpy(bool), of_day[list(group.columns.values())].to_numpy(float),
        )  # fmt: skip
        expected = build_styles(recipe, inputs)
        assert row["asset_id"] == of_day["asset_id"].tolist()
        np.testing.assert_allclose(np.reshape(row["styles"], (-1, len(RULES))), expected.exposures, rtol=1e-9, atol=1e-12)
        assert row["styles_filled"] == expected.filled.ravel().tolist()
        assert row["n_filled"] == expected.filled.sum()
        assert [(s["style"], s["step"], s["term"]) for s in row["style_steps"]] == [step[:3] for step in expected.steps]
    assert sum(row["n_filled"] > 0 for row in packed) > len(packed) / 2


def test_a_row_is_rejected_where_the_rule_says_so_and_the_account_adds_up(styled, raw):
    days = sorted(raw["date"].unique())[:6]
    frame = raw[raw["date"].isin(days)].reset_index(drop=True).fillna({"book": 1.0, "earnings": 0.0})
    of_day = frame.index[frame["date"] == days[2]]
    frame.loc[of_day[0], "size"] = np.nan  # one descriptor, and no row may lack it
    frame.loc[of_day[1], "size"] = 1e9
    frame.loc[of_day[2], "earnings"] = np.nan  # filled
    frame.loc[of_day[3], "book"] = np.inf  # no number is not the same as a wrong one
    frame.loc[of_day[4], "size"] = -1e9
    frame.loc[of_day[5], ["book", "earnings"]] = np.nan  # a style of which both parts are missing
    copies = pd.concat([frame, frame.loc[[of_day[4]]]])  # one of the two is a copy, the other too far out
    limits = {"remove_beyond": 4.0, "clip_beyond": 3.0}
    rules = {**RULES, "size": limits, "twin": {"descriptors": {"size": 1.0}, **limits}}
    rules["pair"] = {"descriptors": {"book": 0.5, "earnings": 0.5}}
    styled.body["factors"][2] = {"styles": rules}
    write(styled, copies).stage("ingest")
    rejected = styled.rows(REJECTED_ROWS)
    names = {n: frame.loc[of_day[n], "asset_id"] for n in range(6)}
    found = {(row.asset_id, row.column, row.reason) for row in rejected[rejected["source"] == "panel.exposures"].itertuples()}
    assert found == {
        (names[0], "size", "missing"),
        (names[1], "size", "too far from the others of the date"),
        (names[3], "book", "not finite"),
        (names[4], "size", "too far from the others of the date"),
        (names[4], "key", "identical copy of a row"),
        (names[5], "pair", "missing"),
    }
    assert rejected.loc[rejected["asset_id"] == names[1], "value"].tolist() == ["1000000000.0"]
    packed = styled.rows(PANEL).set_index("exposure_date")
    assert packed.loc[days[2], "n_conflicts"] == 3
    account = {line["source"]: line for line in styled.rows(RUNS).iloc[-1]["account"]}
    for line in account.values():
        assert line["rows_in"] == line["packed"] + line["rejected"] + line["outside"] + line["without_exposures"]
    assert account["panel.exposures"]["rejected"] == 6
    assert packed.loc[days[2], "n_filled"] == 1
    assert account["panel.exposures"]["packed"] == packed["n_assets"].sum()
