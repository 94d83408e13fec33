"""`check --deep`: an alteration that no checksum shows, since the release says the same, is found by computing the table again."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import CommitProperties, DeltaTable, write_deltalake

from lakes import rows_of
from plain_books import sample_books, with_books, write_books
from sigmalake.demo.market import generate_market
from sigmalake.lake.books import all_releases
from sigmalake.lake.log import commit_metadata
from sigmalake.lake.trust.contents import content_rows
from sigmalake.stages.queries.check import check
from sigmalake.stages.queries.recompute import beside
from sigmalake.tables.books import PORTFOLIO_CONTRIBUTIONS, PORTFOLIO_RISK
from sigmalake.tables.catalogue import MODEL_TABLES
from sigmalake.tables.checksums.contents import contents_of
from sigmalake.tables.declaration import Table
from sigmalake.tables.long import (
    ASSET_COVARIANCE,
    ASSET_COVARIANCE_CELLS,
    COVARIANCE_BUILDS,
    EXPOSURE_STABILITY,
    EXPOSURES,
    FACTOR_RETURNS,
    RESIDUAL_CORRELATION,
)
from sigmalake.tables.packed import CROSS_SECTIONS, FIRST_PASS, RISK_MODELS
from sigmalake.tables.quality import DATA_QUALITY
from sigmalake.tables.records import RELEASE_CONTENTS, RELEASES
from sigmalake.tables.rows import table_rows
from sigmalake.tasks import asset_covariance
from small_model import WINDOWS, Model, make_model

ALTERED = {  # a column on which no other of these tables rests
    FIRST_PASS: "n_estimation",
    CROSS_SECTIONS: "condition_number",
    FACTOR_RETURNS: "factor_return",
    RISK_MODELS: "effective_periods",
    ASSET_COVARIANCE: "covariance",
    ASSET_COVARIANCE_CELLS: "covariance",
    COVARIANCE_BUILDS: "n_assets",
    PORTFOLIO_RISK: "beta",
    PORTFOLIO_CONTRIBUTIONS: "contribution",
    EXPOSURES: "exposure",
    EXPOSURE_STABILITY: "correlation",
    RESIDUAL_CORRELATION: "edge",
    DATA_QUALITY: "value",
}


@pytest.fixture(scope="module")
def full(tmp_path_factory) -> Iterator[Model]:
    """A model with every table that rests on the panel alone, or on books; V comes in blocks of 8 assets."""
    market = generate_market(n_assets=30, n_dates=50, n_industries=2, n_styles=2, seed=5)
    model = with_books(make_model(market, tmp_path_factory.mktemp("full")), contributions="factors")
    model.body |= {
        "risk": {"short": WINDOWS["short"]},
        "regression": {"weights": "inverse_specific_var", "two_pass": {"half_life": 10, "window": 20, "min_periods": 8}},
        "covariance": {"dates": "month_end", "cells": True},
        "long_tables": {"exposures": True},
    }
    days = sorted(market.panel["date"].unique())
    write_books(sample_books(market.panel, [days[30], days[40]]), model.folder / "books.parquet")
    with pytest.MonkeyPatch.context() as patched:
        for module in (asset_covariance, beside):
            patched.setattr(module, "BLOCK", 8)
        yield model.write(market.panel).run()


def altered(rows: pa.Table, table: Table) -> pa.Table:
    """With another number in one row of the newest date."""
    rows = rows.sort_by([(table.date, "descending"), *((name, "descending") for name in table.key if name != table.date)])
    name = ALTERED[table]
    listed = rows.column(name).to_pylist()
    row = next(n for n, value in enumerate(listed) if value)
    listed[row] = [*listed[row][:-1], 2 * listed[row][-1]] if isinstance(listed[row], list) else 2 * listed[row]
    return rows.set_column(rows.column_names.index(name), name, pa.array(listed, rows.schema.field(name).type))


def overwrite(folder: Path, rows: pa.Table, run_id: str) -> int:
    """Gives the version, whose commit says that a run wrote it."""
    said = commit_metadata(run_id, "risk", 0, "-", [], "local", model="test")
    write_deltalake(str(folder), rows, mode="overwrite", commit_properties=CommitProperties(custom_metadata={"userMetadata": said}))
    return int(DeltaTable(str(folder)).version())


def forge(model: Model) -> None:
    """Alter a number of each table, and have the release say so."""
    folder, (released,) = model.lake_folder, all_releases(model.context().lake)
    versions = {
        table.name: overwrite(folder / table.name, altered(rows_of(folder, table), table), released.run_id) for table in ALTERED
    }
    forged = released._replace(tables={**released.tables, **versions})
    held = {table.name: contents_of(table, rows_of(folder, table)) for table in MODEL_TABLES if table.name in released.tables}
    overwrite(folder / RELEASE_CONTENTS.name, content_rows(forged, {}, held), released.run_id)
    overwrite(folder / RELEASES.name, table_rows(RELEASES, [forged]), released.run_id)


def test_a_forged_number_of_each_table_is_named(full):
    assert not check(full.context().lake, full.config, deep=True).problems
    forge(full)
    lake = full.context().lake
    assert not [one for one in check(lake, full.config).problems if one.release_id]  # it says what it was forged to say
    found = {one.table: one.message for one in check(lake, full.config, deep=True).problems}
    assert found.keys() == {table.name for table in ALTERED}
    for table, column in ALTERED.items():
        assert f"another {column} in 1 elements" in found[table.name]
