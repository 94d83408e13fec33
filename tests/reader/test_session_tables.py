"""A lake in a catalog is read by a session: the rows are those of the folder, and a date is asked for by its date."""

import re
from types import SimpleNamespace

import pandas as pd
import pyarrow as pa
import pytest
from deltalake import DeltaTable, QueryBuilder

from sigmalake import open_release
from sigmalake.errors import ConfigError, InfrastructureError
from sigmalake.tables.packed import PANEL

ASKED = re.compile(
    r"SELECT (?P<columns>.+) FROM main\.risk\.(?P<table>\w+)(?: VERSION AS OF (?P<version>\d+))?(?P<where> WHERE .+)?"
)


class Session:
    """Answers what is asked of Spark, by the SQL of delta-rs on a folder."""

    def __init__(self, folder):
        self.folder, self.asked = folder, []
        self.catalog = SimpleNamespace(tableExists=lambda name: DeltaTable.is_deltatable(str(folder / name.split(".")[-1])))

    def sql(self, query):
        self.asked.append(query)
        if query == "SHOW TABLES IN main.risk":
            names = [{"tableName": path.parent.name} for path in self.folder.glob("*/_delta_log")]
            return SimpleNamespace(select=lambda *_: SimpleNamespace(collect=lambda: names))
        if query.startswith("DESCRIBE DETAIL"):
            found = DeltaTable(str(self.folder / query.split(".")[-1])).metadata()
            row = {"id": found.id, "properties": found.configuration}
            return SimpleNamespace(select=lambda *_: SimpleNamespace(collect=lambda: [row]))
        parts = ASKED.fullmatch(query)
        table = DeltaTable(str(self.folder / parts["table"]), version=parts["version"] and int(parts["version"]))
        if parts["columns"] == "*":
            return SimpleNamespace(columns=[field.name for field in table.schema().fields])
        said = f"SELECT {parts['columns']} FROM asked{parts['where'] or ''}"
        rows = QueryBuilder().register("asked", table).execute(said)
        return SimpleNamespace(toArrow=lambda: pa.table(rows.read_all()))


@pytest.fixture
def session(plain_market_lake):
    return Session(plain_market_lake)


def test_a_model_is_that_of_the_folder_and_a_date_is_asked_for_alone(session, plain_market_lake):
    ours, theirs = open_release(plain_market_lake), open_release("main.risk", spark=session)
    assert (theirs.release_id, theirs.tables, theirs.place) == (ours.release_id, ours.tables, "main.risk")
    day = ours.dates()[0]
    pd.testing.assert_frame_equal(theirs.factor_returns(), ours.factor_returns())
    session.asked.clear()
    for of in ("exposures", "specific_risk", "factor_cov"):
        pd.testing.assert_frame_equal(getattr(theirs, of)(day), getattr(ours, of)(day))
    (of_the_panel,) = (query for query in session.asked if ", styles," in query)
    assert set(re.findall(r"\d{4}-\d\d-\d\d", of_the_panel)) == {str(day.date())}


def test_sql_asks_for_the_columns_of_a_query_and_looks_at_no_other_table(session, plain_market_lake):
    pytest.importorskip("duckdb")
    query = "select date, factor_set, n_estimation from cross_sections where date > '2020-02-01' order by date"
    session_model = open_release("main.risk", spark=session)
    connection = session_model.duckdb()
    assert not [asked for asked in session.asked if "cross_sections" in asked]
    session.asked.clear()
    assert connection.sql(query).fetchall() == open_release(plain_market_lake).duckdb().sql(query).fetchall()
    (read,) = (asked for asked in session.asked if "n_estimation" in asked)
    assert not [asked for asked in session.asked if "cross_sections" not in asked]
    assert "specific_return" not in read


def test_what_cannot_be_read_is_told(session, plain_market_lake, monkeypatch):
    with pytest.raises(ConfigError, match=r"open_release\('main\.risk', spark=spark\)"):
        open_release("main.risk")
    with pytest.raises(ConfigError, match=r"there is no lake in main\.none"):
        open_release("main.none", spark=Session(plain_market_lake / "none"))
    model = open_release("main.risk", spark=session)
    answer = session.sql
    refused = RuntimeError("[INSUFFICIENT_PERMISSIONS] User does not have SELECT on the table")

    def refuse(query):
        if f"SELECT exposure_date FROM main.risk.{PANEL.name}" in query or "styles" in query:
            raise refused
        return answer(query)

    monkeypatch.setattr(session, "sql", refuse)
    with pytest.raises(
        InfrastructureError, match=r"main\.risk\.panel VERSION AS OF \d+ cannot be read: .*INSUFFICIENT_PERMISSIONS"
    ):
        model.exposures()
