"""A model on tables in memory answers what the same tables answer from a lake."""

from datetime import date

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from deltalake import DeltaTable
from pandas.testing import assert_frame_equal, assert_series_equal

from sigmalake.errors import ConfigError, MissingRiskError
from sigmalake.reader.factor_model import FactorModel
from sigmalake.reader.open_release import open_release
from sigmalake.reader.storage.memory_tables import MemoryTables
from sigmalake.tables.packed import PANEL, RISK_MODELS
from two_releases import DAYS, LAST, USABLE, write_two_releases

HELD = {"A00": 0.5, "A03": -0.25, "A09": 0.75}
FRAMES = {
    "panel": lambda model: model.panel(exposure_date=DAYS[0]),
    "moments": lambda model: model.exposure_moments(),
    "exposures": lambda model: model.exposures(DAYS[2]),
    "history": lambda model: model.exposures(asset="A00"),
    "factor_returns": lambda model: model.factor_returns(),
    "t_stats": lambda model: model.t_stats(),
    "specific_returns": lambda model: model.specific_returns(),
    "premia": lambda model: model.factor_premia(),
    "regression": lambda model: model.regression(LAST),
    "cross_section": lambda model: model.cross_section(LAST),
    "factor_cov": lambda model: model.factor_cov(annualised=True),
    "V": lambda model: model.risk().asset_cov(),
    "V by name": lambda model: model.risk(DAYS[2], "short").asset_cov(USABLE[:3]),
    "V used": lambda model: model.risk(DAYS[3], "short", exposures="used").asset_cov(),
}


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    return open_release(write_two_releases(tmp_path_factory.mktemp("lake")))


def tables_of(released):
    root = released._tables.place
    return {name: DeltaTable(f"{root}/{name}", version=version).to_pyarrow_table() for name, version in released.tables.items()}


@pytest.fixture(scope="module")
def tables(released):
    return tables_of(released)


@pytest.fixture(scope="module")
def loaded(tables):
    return FactorModel(MemoryTables(tables), as_of=LAST, variants=("long", "short"))


@pytest.mark.parametrize("name", FRAMES)
def test_a_frame_is_the_same_to_the_last_bit(released, loaded, name):
    expected, found = FRAMES[name](released), FRAMES[name](loaded)
    assert_frame_equal(found, expected, check_exact=True)
    assert found.attrs == expected.attrs
    assert len(found)


def test_series_dates_and_risk_of_holdings_are_the_same(released, loaded):
    assert_series_equal(loaded.r2(), released.r2(), check_exact=True)
    assert list(loaded.dates("short")) == list(released.dates("short"))
    assert list(loaded.calendar()) == list(released.calendar())
    expected, found = (model.risk().risk_of(HELD) for model in (released, loaded))
    assert (found.vol, found.specific) == (expected.vol, expected.specific)
    assert_series_equal(found.by_factor, expected.by_factor, check_exact=True)


def test_a_realised_attribution_is_the_same(plain_market_lake):
    released = open_release(plain_market_lake)
    loaded = FactorModel(MemoryTables(tables_of(released)), as_of=released.as_of, variants=released.variants)
    expected, found = (model.attribution({"A001": 0.5, "A005": -0.25}, missing="leave_out") for model in (released, loaded))
    for name in ("parts", "exposures"):
        assert_frame_equal(getattr(found, name), getattr(expected, name), check_exact=True)
    assert_series_equal(found.linked, expected.linked, check_exact=True)


def test_a_model_in_memory_has_no_release_and_says_so(loaded, released):
    assert (loaded.release_id, loaded.created_at, loaded.tables) == (None, None, {})
    assert repr(loaded) == "<model in memory: long (default), short as of 2024-03-08>"
    assert repr(released).startswith("<release 2024-03-08.2 of ")
    with pytest.raises(MissingRiskError, match="the model has no variant medium; it has long, short"):
        loaded.risk(variant="medium")


def test_a_table_that_is_not_there_is_named_with_those_that_are(tables):
    bare = FactorModel(MemoryTables({"panel": tables["panel"]}), as_of=LAST, variants=("long",))
    with pytest.raises(MissingRiskError, match="the model in memory has no table risk_models; its tables: panel"):
        bare.risk()


def test_a_column_that_may_be_null_reads_as_null_where_it_is_lacking(tables):
    reader = MemoryTables({"risk_models": tables["risk_models"].drop_columns(["frequency"])})
    rows = reader.rows(RISK_MODELS, ["variant", "frequency"])
    assert rows.schema.field("frequency").type == pa.string()
    assert rows.column("frequency").null_count == rows.num_rows == tables["risk_models"].num_rows
    with pytest.raises(ConfigError, match="panel in memory has no column styles"):
        MemoryTables({"panel": tables["panel"].drop_columns(["styles"])}).rows(PANEL, ["styles"])


def test_only_the_rows_and_columns_of_the_filter_are_read(tables):
    rows = MemoryTables(tables).rows(PANEL, ["n_assets"], pa.dataset.field("exposure_date") == date(2024, 3, 4))
    assert rows.to_pylist() == [{"n_assets": 12}]


def test_the_tables_in_memory_are_not_changed_by_reading(tables):
    before = {name: table.schema for name, table in tables.items()}
    model = FactorModel(MemoryTables(tables), as_of=LAST, variants=("long",))
    frame = model.factor_cov()
    frame.iloc[:, :] = 0.0
    assert (np.diag(model.factor_cov()) > 0).all()
    assert {name: table.schema for name, table in tables.items()} == before
    assert isinstance(model.r2().index, pd.DatetimeIndex)
