"""The SQL of docs/reading.md, by Spark, on the lake that its commands made by the local engine: what the queries give is right."""

import pytest
from numpy.testing import assert_allclose
from small_lake import LAST, NAMED

from readme import blocks

pytestmark = pytest.mark.jvm

PLACE = "/data/lakes/mine"  # of the lake, in the SQL


@pytest.fixture(scope="module")
def answers(spark, folder, printed):
    """The rows of each query, in the order of the page; its views stay in the session."""
    found = []
    for block in blocks("sql", "docs/reading.md"):
        for statement in block.replace(PLACE, str(folder / "lakes/mine")).split(";"):
            if statement.strip():
                rows = spark.sql(statement)
                if rows.columns:
                    found.append(rows.toPandas())
    return found


def test_the_rows_of_a_release_are_at_its_version(answers, model):
    newest, returns, sections = answers[:3]
    assert newest.release_id.tolist() == [model.release_id]
    assert newest.version.tolist() == [model.tables["factor_returns"]] == [1]
    wide = returns.pivot(index="date", columns="factor", values="factor_return")
    assert_allclose(wide[list(model.factor_returns().columns)], model.factor_returns(), rtol=1e-14)
    assert len(sections) == 69


@pytest.mark.parametrize("day", [LAST, "2024-01-15"])
def test_the_unpacked_panel_is_the_readers(spark, answers, model, day):
    found = spark.sql(f"SELECT * FROM x WHERE exposure_date = DATE'{day}'").toPandas()
    assert not found.duplicated(["asset_id", "factor"]).any()
    wide = found.pivot(index="asset_id", columns="factor", values="exposure").fillna(0.0)
    expected = model.panel(exposure_date=day)[["market", "energy", "health", "technology", "size", "momentum"]]
    assert list(wide.index) == list(expected.index)
    assert set(wide.columns) == set(expected.columns)
    assert_allclose(wide[list(expected.columns)], expected, rtol=0, atol=0)


def test_v_of_two_assets_is_that_of_the_model(answers, V):
    stored, computed = answers[3:]
    assert_allclose(stored.covariance, [V[0, 1]], rtol=1e-12)
    found = computed.pivot(index="asset_1", columns="asset_2", values="covariance").loc[NAMED, NAMED]
    assert_allclose(found, V, rtol=1e-12)
