"""A model in SQL: tables and views are the reader's frames element by element, at the versions of the release."""

import subprocess
import sys
from datetime import UTC, datetime

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from plain_lake import append
from sigmalake.api.fit import fit
from sigmalake.errors import ConfigError, InfrastructureError, MissingRiskError
from sigmalake.reader.factor_model import FactorModel
from sigmalake.reader.open_release import open_release
from sigmalake.reader.sql.query import select
from sigmalake.reader.storage.memory_tables import MemoryTables
from sigmalake.tables.catalogue import MODEL_TABLES
from sigmalake.tables.long import FACTOR_COVARIANCE, FACTOR_RETURNS, FACTORS, SPECIFIC_RETURNS, SPECIFIC_RISK
from sigmalake.tables.packed import CROSS_SECTIONS, PANEL, RISK_MODELS
from sigmalake.tables.records import RELEASE_WITHDRAWALS
from sigmalake.tables.views import CURRENT, VIEWS
from small_model import Model, make_model
from two_releases import LAST, LONG, NO_SIGMA, SIGMA, write_two_releases

N_DATES = 45
RISK = {
    name: {
        "factor_cov": {"estimator": "sample", "window": window, "min_periods": 5},
        "specific_var": {"estimator": "sample", "window": window, "min_periods": 4},
    }
    for name, window in (("short", 10), ("long-one", 20))
}


@pytest.fixture(scope="module")
def built(market, tmp_path_factory) -> Model:
    """Two releases: the second has a day more, and a day in the middle restated."""
    model = make_model(market, tmp_path_factory.mktemp("sql"))
    model.body |= {"risk": RISK, "covariance": {"variants": ["short"], "cells": True}, "long_tables": {"exposures": True}}
    model.body["factors"][2] = {"styles": {"size": {}, "value": {"missing": "zero"}}}
    days = sorted(market.panel["date"].unique())[:N_DATES]
    panel = market.panel[market.panel["date"].isin(days)].reset_index(drop=True)
    model.write(panel[panel["date"] < days[-1]]).run()
    changed = panel.copy()
    held = panel[(panel["date"] == days[29]) & panel["in_estimation"]].sort_values("cap")["asset_id"].iloc[-1]
    changed.loc[(panel["date"] == days[30]) & (panel["asset_id"] == held), "ret"] = 0.2
    return model.write(changed).run()


@pytest.fixture(scope="module")
def model(built):
    return open_release(built.lake_folder)


@pytest.fixture(scope="module")
def con(model):
    return model.duckdb(locked=True)


def matrix(con, view: str, column: str, day, variant: str, names):
    found = con.execute(f"SELECT factor_1, factor_2, {column} FROM {view} WHERE date = ? AND variant = ?", [day, variant]).df()
    assert len(found) == len(names) ** 2
    return found.pivot(index="factor_1", columns="factor_2", values=column).reindex(index=names, columns=names).to_numpy()


def test_every_table_has_the_rows_and_columns_that_its_declaration_and_its_files_have(built, con):
    shown = {name for (name,) in con.execute("SHOW TABLES").fetchall()}
    for table in MODEL_TABLES:
        if not (built.lake_folder / table.name).exists():
            assert table.name not in shown
            continue
        for name in (table.name, f"{CURRENT}{table.name}"):
            rows = con.sql(f'SELECT * FROM "{name}"').to_arrow_table()
            assert rows.column_names == table.column_names
            stored = built.rows(table)
            assert rows.num_rows == len(stored)
    assert {f"{CURRENT}{view.name}" for view in VIEWS} | {view.name for view in VIEWS} <= shown
    assert {"runs", "releases"} <= shown
    assert f"{CURRENT}runs" not in shown


@pytest.mark.parametrize("table", [CROSS_SECTIONS, RISK_MODELS, FACTOR_RETURNS, SPECIFIC_RETURNS, FACTOR_COVARIANCE, SPECIFIC_RISK])
def test_rows_are_the_stored_ones_to_the_last_bit_arrays_among_them(built, con, table):
    from lakes import rows_of

    ours = con.sql(f"SELECT * FROM {table.name} ORDER BY {', '.join(table.key)}").to_arrow_table().to_pylist()
    stored = rows_of(built.lake_folder, table).sort_by([(name, "ascending") for name in table.key]).to_pylist()
    assert ours == stored


def test_factor_returns_exposures_and_residuals_are_the_frames(model, con):
    f = con.execute("SELECT date, factor, factor_return FROM factor_returns").df()
    wide = f.pivot(index="date", columns="factor", values="factor_return")
    np.testing.assert_array_equal(wide[model.factor_returns().columns], model.factor_returns())
    u = con.execute("SELECT date, asset_id, specific_return FROM specific_returns").df()
    np.testing.assert_array_equal(u.pivot(index="date", columns="asset_id", values="specific_return"), model.specific_returns())
    X = model.exposures()
    rows = con.execute("SELECT asset_id, factor, exposure FROM exposures WHERE date = ?", [model.as_of]).df()
    wide = rows.pivot(index="asset_id", columns="factor", values="exposure").reindex(index=X.index, columns=X.columns)
    np.testing.assert_array_equal(wide.fillna(0.0), X)


@pytest.mark.parametrize("variant", RISK)
def test_views_of_sigma_are_the_readers_frames_on_every_date(model, con, variant):
    checked = 0
    for day in model.dates(variant)[::4]:
        try:
            frames = [model.factor_cov(day, variant, annualised=flag) for flag in (False, True)]
        except MissingRiskError:
            assert con.execute("SELECT * FROM factor_vol WHERE date = ? AND variant = ?", [day.date(), variant]).fetchall() == []
            continue
        names, (Sigma, annual) = list(frames[0].columns), (frame.to_numpy() for frame in frames)
        np.testing.assert_array_equal(matrix(con, "factor_covariance_full", "covariance", day.date(), variant, names), Sigma)
        np.testing.assert_array_equal(
            matrix(con, "factor_covariance_full", "annual_covariance", day.date(), variant, names), annual
        )
        vols = np.sqrt(np.diag(Sigma))
        corr = matrix(con, "factor_correlation", "correlation", day.date(), variant, names)
        np.testing.assert_allclose(corr, Sigma / np.outer(vols, vols), rtol=1e-14)
        np.testing.assert_array_equal(corr, corr.T)
        np.testing.assert_array_equal(np.diag(corr), 1.0)
        found = con.execute("SELECT * FROM factor_vol WHERE date = ? AND variant = ?", [day.date(), variant]).df()
        by_factor = found.set_index("factor").loc[names]
        np.testing.assert_array_equal(by_factor["vol"], vols)
        np.testing.assert_array_equal(by_factor["annual_vol"], np.sqrt(np.diag(annual)))
        checked += 1
    assert checked > 4


def test_specific_volatilities_and_periods_are_the_readers(model, con):
    risk = model.risk()
    vols = con.execute("SELECT * FROM specific_vol WHERE date = ? AND variant = 'short'", [model.as_of]).df().set_index("asset_id")
    np.testing.assert_array_equal(vols.loc[list(risk.assets), "vol"], np.sqrt(risk.specific_var))
    np.testing.assert_allclose(vols["annual_vol"], vols["vol"] * np.sqrt(252), rtol=1e-15)
    assert con.execute("SELECT * FROM periods_per_year ORDER BY ALL").fetchall() == [
        ("long-one", "period", 252.0), ("short", "period", 252.0),
    ]  # fmt: skip


def test_v_by_sql_is_v_of_the_reader(model, con):
    found = con.execute(
        """
        WITH x AS (SELECT asset_id, factor, exposure FROM exposures WHERE date = $day),
             s AS (SELECT factor_1, factor_2, covariance FROM factor_covariance_full WHERE date = $day AND variant = 'short')
        SELECT a.asset_id AS one, b.asset_id AS other, sum(a.exposure * covariance * b.exposure) AS cov
        FROM x AS a JOIN s ON s.factor_1 = a.factor JOIN x AS b ON b.factor = s.factor_2 GROUP BY ALL
        """,
        {"day": model.as_of},
    ).df()
    V = model.risk().asset_cov()
    ours = found.pivot(index="one", columns="other", values="cov").reindex(index=V.index, columns=V.columns).to_numpy()
    ours[np.diag_indices_from(ours)] += model.risk().specific_var[[model.risk().assets.index(a) for a in V.index]]
    np.testing.assert_allclose(ours, V, rtol=1e-10, atol=1e-16)


def test_an_old_release_keeps_its_numbers_and_current_is_the_last(built, model):
    ids = [row[0] for row in model.duckdb().execute("SELECT release_id FROM releases ORDER BY sequence").fetchall()]
    old = open_release(built.lake_folder, ids[0])
    con = old.duckdb()
    assert con.execute("SELECT max(date) FROM factor_returns").fetchone() == (old.as_of,)
    assert con.execute("SELECT max(date) FROM current_factor_returns").fetchone() == (model.as_of,)
    for name, column in (("factor_returns", "factor_return"), ("factor_vol", "annual_vol")):
        key = "date, factor" if name == "factor_returns" else "variant, date, factor"
        moved = con.execute(
            f"SELECT min(date), count(*) FROM {name} AS a JOIN {CURRENT}{name} AS b USING ({key}) WHERE a.{column} <> b.{column}"
        ).fetchone()
        assert moved[1] > 0
        assert moved[0] == sorted(old.dates("short"))[29].date()
    ours = con.execute("SELECT factor, factor_return FROM factor_returns WHERE date = ?", [moved[0]]).df().set_index("factor")
    np.testing.assert_array_equal(ours["factor_return"], old.regression(moved[0]).loc[ours.index, "factor_return"])


def test_after_a_new_run_an_open_connection_and_the_release_still_give_the_old_numbers(built, tmp_path):
    mine = built.copied_to(tmp_path)
    before = open_release(mine.lake_folder)
    con, query = before.duckdb(), "SELECT * FROM specific_returns ORDER BY ALL"
    rows = con.execute(query).fetchall()
    mine.body["regression"] = {"weights": "equal"}
    mine.run()
    assert con.execute(query).fetchall() == rows
    again = open_release(mine.lake_folder, before.release_id).duckdb()
    assert again.execute(query).fetchall() == rows
    assert open_release(mine.lake_folder).duckdb().execute(query).fetchall() != rows


def test_a_release_without_long_tables_and_one_that_no_longer_stands(tmp_path):
    root = write_two_releases(tmp_path / "lake")
    con = open_release(root).duckdb()
    triangle = con.execute(f"SELECT factors, factor_cov FROM risk_models WHERE variant = 'long' AND date = '{LAST}'").fetchone()
    assert triangle == (SIGMA, LONG.factor_cov[np.triu_indices(len(SIGMA))].tolist())
    assert con.execute(f"SELECT DISTINCT factors FROM risk_models WHERE date = '{NO_SIGMA}'").fetchall() == [([],)]
    with pytest.raises(ConfigError, match=r"SQL: the release has no factor_vol \(Volatilities of the factors by Sigma\)"):
        select(con, "SELECT * FROM factor_vol", "the release")
    opened = [open_release(root, f"{LAST}.{n}") for n in (1, 2)]
    said = {"action": "withdrawn", "withdrawn_at": datetime(2024, 4, 1, tzinfo=UTC), "reason": "caps", "run_id": "-", "why": "caps"}
    names = set(RELEASE_WITHDRAWALS.column_names)
    for number in (2, 1):
        row = {"release_id": f"{LAST}.{number}", **{name: value for name, value in said.items() if name in names}}
        append(root, RELEASE_WITHDRAWALS, [row])
        shown = {name for (name,) in opened[1].duckdb().execute("SHOW TABLES").fetchall()}
        assert ("current_panel" in shown) == (number == 2)
        assert "panel" in shown


def test_rows_older_than_a_column_have_what_they_had(model, built):
    from lakes import rows_of

    tables = {table.name: rows_of(built.lake_folder, table) for table in (FACTORS, PANEL, CROSS_SECTIONS)}
    tables[CROSS_SECTIONS.name] = tables[CROSS_SECTIONS.name].drop_columns(["vif", "outliers", "n_reweighted"])
    older = FactorModel(MemoryTables(tables), as_of=model.as_of, variants=[])
    found = older.duckdb().execute("SELECT vif, outliers, n_reweighted, factor_return FROM cross_sections").fetchall()
    assert len(found) == N_DATES - 1
    for vif, outliers, reweighted, returns in found:
        assert (vif, outliers, reweighted) == ([None] * len(returns), [], 0)


def test_a_model_in_memory_is_queried_as_a_release_is(market):
    days = sorted(market.panel["date"].unique())[:30]
    frame = market.panel[market.panel["date"].isin(days)]
    model = fit(frame, caps="cap", styles=["size", "value"], risk={"short": RISK["short"]},
                config={"long_tables": {"exposures": True}})  # fmt: skip
    con = model.duckdb()
    f = con.execute("SELECT date, factor, factor_return FROM current_factor_returns").df()
    wide = f.pivot(index="date", columns="factor", values="factor_return")
    np.testing.assert_array_equal(wide[model.factor_returns().columns], model.factor_returns())
    names = list(model.factor_cov().columns)
    annual = model.factor_cov(annualised=True)
    np.testing.assert_array_equal(matrix(con, "factor_covariance_full", "annual_covariance", model.as_of, "short", names), annual)
    mine = pa.table({"asset_id": ["A01", "A02"], "weight": [0.6, 0.4]})  # noqa: F841 - a variable of Python, which SQL reads
    X = model.exposures()
    held = con.execute(
        "SELECT sum(weight * exposure) FROM mine JOIN exposures USING (asset_id) WHERE factor = 'size' AND date = ?", [model.as_of]
    ).fetchone()[0]
    assert held == pytest.approx(0.6 * X.loc["A01", "size"] + 0.4 * X.loc["A02", "size"], rel=1e-14)


REFUSED = {
    "SELECT * FROM fctor_returns": r"there is no table or view fctor_returns; did you mean factor_returns\?",
    "SELECT * FROM zzz": "there is no table or view zzz; `sigmalake sql --tables` lists them",
    "SELECT * FROM factor_portfolios": r"R has no factor_portfolios \(The portfolio behind .*portfolios: true",
    "SELECT factor_retrun FROM factor_returns": r"there is no column factor_retrun; did you mean factor_return\?",
    "SELECT f.x FROM factor_returns AS f": "there is no column x",
    "SELEC 1": 'syntax error at or near "SELEC"',
    "SELECT 1; SELECT 2": "2 statements are given; give one, a SELECT",
    "": "0 statements are given",
    "INSERT INTO factor_returns SELECT * FROM factor_returns": "a release is read only, and INSERT is no statement that reads",
    "COPY factor_returns TO 'x.csv'": "COPY is no statement that reads",
    "CREATE TABLE t AS SELECT 1": "CREATE is no statement that reads",
    "SET enable_external_access = true": "SET is no statement that reads",
    "DROP VIEW factor_returns": "DROP is no statement that reads",
    "SELECT * FROM read_csv('/etc/passwd')": "neither files, the network nor extensions",
    "SELECT * FROM '/etc/passwd.csv'": "neither files, the network nor extensions",
    "SELECT * FROM glob('/etc/*')": "neither files, the network nor extensions",
    "SELECT * FROM read_text('https://example.com')": "neither files, the network nor extensions|no",
    "SELECT date + 'a' FROM factor_returns": "SQL: ",
    "SELECT * FROM factor_returns WHERE date = 'yesterday'": 'invalid date field format: "yesterday"',
}


@pytest.mark.parametrize("text", REFUSED)
def test_a_query_that_cannot_be_is_explained_in_a_line(con, text):
    with pytest.raises(ConfigError, match=REFUSED[text]) as told:
        select(con, text, "R").read_all()
    assert "\n" not in str(told.value)
    assert str(told.value).startswith("SQL: ")


def test_sql_of_others_reads_no_variable_of_python_and_opens_no_lock(con):
    secret = pa.table({"a": [1]})  # noqa: F841 - what must not be found
    with pytest.raises(ConfigError, match="there is no table or view secret"):
        select(con, "SELECT * FROM secret", "R")
    with pytest.raises(duckdb.Error, match="locked"):
        con.execute("SET enable_external_access = true")


def test_a_file_that_is_gone_is_an_error_of_the_machine(built, tmp_path):
    mine = built.copied_to(tmp_path)
    con = open_release(mine.lake_folder).duckdb(locked=True)
    for file in (mine.lake_folder / "specific_risk").glob("*.parquet"):
        file.unlink()
    with pytest.raises(InfrastructureError, match="a file that R reads is missing or damaged") as told:
        select(con, "SELECT sum(specific_var) FROM specific_risk", "R").read_all()
    assert told.value.exit_code == 3


def test_without_duckdb_the_extra_is_named(built):
    code = (
        "import sys; sys.modules['duckdb'] = None\n"
        "from sigmalake.cli import app\n"
        f"sys.argv = ['sigmalake', 'sql', 'select 1', '--lake', {str(built.lake_folder)!r}]\napp.main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert "SQL on a model needs duckdb" in done.stderr
    assert "pip install 'sigmalake[sql]'" in done.stderr


def test_what_a_query_reads_is_what_its_dates_leave(built, model, con):
    plan = con.execute(f"EXPLAIN SELECT specific_return FROM specific_returns WHERE date = '{model.as_of}'").fetchall()[0][1]
    assert "Filters" in plan
    assert "specific_return" in plan
    assert "fitted_return" not in plan
