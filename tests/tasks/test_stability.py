"""A chunk of panel rows becomes rows of exposure_stability."""

from datetime import date

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from statsmodels.stats.weightstats import DescrStatsW

from sigmalake.numerics.factors import Factor, Kind
from sigmalake.numerics.regression.rules import RegressionWeights
from sigmalake.tables.long import EXPOSURE_STABILITY
from sigmalake.tables.packed import PANEL
from sigmalake.tasks.chunks import AsOf, Chunk
from sigmalake.tasks.stability import PANEL_ROWS, CorrelateStyles

ENDS = [date(2024, month, 28) for month in range(1, 6)]
MARKET = Factor("market", "market", Kind.MARKET)
SETS = {
    "one": [MARKET, *(Factor(name, "style", Kind.STYLE) for name in ("size", "value"))],
    "two": [MARKET, *(Factor(name, "style", Kind.STYLE) for name in ("beta", "size"))],
}


def panel_row(position: int, *, n: int = 25, factor_set: str = "one") -> dict:
    rng = np.random.default_rng(position)
    ids = sorted(rng.choice([f"A{i:02d}" for i in range(40)], n, replace=False).tolist())
    return {
        "exposure_date": ENDS[position], "factor_set": factor_set, "asset_id": ids,
        "cap": rng.lognormal(size=n).tolist() if n else None, "weight_column": None,
        "in_estimation": (rng.random(n) < 0.8).tolist(), "styles": rng.normal(size=2 * n).tolist(),
    }  # fmt: skip


def framed(row: dict) -> pd.DataFrame:
    styles = pd.DataFrame(np.reshape(row["styles"], (-1, 2)), columns=[f.name for f in SETS[row["factor_set"]][1:]])
    return styles.assign(cap=row["cap"], inside=row["in_estimation"], asset=row["asset_id"]).set_index("asset")


def correlated(rows: list[dict], *positions: int, weighting: RegressionWeights = RegressionWeights.SQRT_CAP) -> list[dict]:
    chunk = Chunk(0, max(positions), tuple(AsOf("", position, f"hash {position}", 0) for position in positions))
    task = CorrelateStyles(ENDS, [chunk], weighting, SETS)
    found = task(0, {PANEL_ROWS: pa.Table.from_pylist(rows, PANEL.arrow_schema()).select(task.columns[PANEL_ROWS])})
    assert found.schema == EXPOSURE_STABILITY.arrow_schema()
    return found.to_pylist()


@pytest.mark.parametrize("weighting", [RegressionWeights.SQRT_CAP, RegressionWeights.CAP, RegressionWeights.EQUAL])
def test_statsmodels_gives_the_same_correlations_over_the_common_assets(weighting):
    rows = [panel_row(position) for position in (3, 1, 2)]
    found = correlated(rows, 2, 3, weighting=weighting)
    assert [(row["exposure_date"], row["style"]) for row in found] == [
        (ENDS[2], "size"), (ENDS[2], "value"), (ENDS[3], "size"), (ENDS[3], "value")
    ]  # fmt: skip
    power = {RegressionWeights.SQRT_CAP: 0.5, RegressionWeights.CAP: 1.0, RegressionWeights.EQUAL: 0.0}[weighting]
    for row in found:
        position = ENDS.index(row["exposure_date"])
        assert (row["before"], row["inputs_hash"]) == (ENDS[position - 1], f"hash {position}")
        both = framed(panel_row(position)).join(framed(panel_row(position - 1)), how="inner", rsuffix="_before")
        both = both[both["inside"]]
        pair = both[[row["style"], f"{row['style']}_before"]].to_numpy()
        assert row["correlation"] == pytest.approx(DescrStatsW(pair, both["cap"] ** power).corrcoef[0, 1], rel=1e-12)
        assert row["n_common"] == len(both) > 5


def test_styles_meet_by_name_where_the_model_changed():
    found = correlated([panel_row(0), panel_row(1, factor_set="two")], 1)
    assert [row["style"] for row in found] == ["size"]
    now, before = framed(panel_row(1, factor_set="two")), framed(panel_row(0))
    both = now.join(before, how="inner", rsuffix="_before")[lambda x: x["inside"]]
    expected = DescrStatsW(both[["size", "size_before"]].to_numpy(), np.sqrt(both["cap"])).corrcoef[0, 1]
    assert found[0]["correlation"] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("weighting", [RegressionWeights.EQUAL, RegressionWeights.COLUMN])
def test_a_date_without_assets_has_rows_without_a_correlation(weighting):
    found = correlated([panel_row(0, n=0), panel_row(1, n=0)], 1, weighting=weighting)
    assert [(row["style"], row["correlation"], row["n_common"]) for row in found] == [("size", None, 0), ("value", None, 0)]


def test_a_date_without_a_row_the_month_before_has_no_stability():
    assert correlated([panel_row(2)], 2, 3) == correlated([], 2) == []


def test_the_order_of_rows_and_rows_of_other_dates_do_not_matter():
    rows = [panel_row(position) for position in range(4)]
    assert correlated(rows[::-1], 1, 2) == correlated(rows[:3], 1, 2)
