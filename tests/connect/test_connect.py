"""Spark Connect: the driver has a session on a server, and no JVM. A folder, and a schema of a Hive metastore on Derby."""

import json
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pyarrow.parquet as pq
import pytest
from connect_server import connect_server

from lakes import differences
from processes import run, small_model
from sigmalake.tables.catalogue import MODEL_TABLES
from sigmalake.tables.records import SOURCE_PRINTS

pytestmark = pytest.mark.connect

COMPARED = (*MODEL_TABLES, SOURCE_PRINTS)
SCHEMA = "spark_catalog.risk"
WITHOUT_PY4J = (  # as in a Python with pyspark-client: importing them fails
    "import sys; sys.modules.update(dict.fromkeys(['py4j', 'pyspark.core', 'delta']))\nfrom sigmalake.cli.app import main\nmain()\n"
)
ON_A_SESSION = (
    "import sys\n"
    "from pyspark.sql import SparkSession\n"
    "spark = SparkSession.builder.remote(sys.argv.pop(1)).getOrCreate()\n"
    "spark.sql('CREATE DATABASE risk')\n"
    "from sigmalake.cli.app import main\n"
    "main()\n"
    "assert spark.range(3).count() == 3, 'the session was stopped'\n"
)
VERBS = Path(__file__).with_name("verbs.py")


class Server(NamedTuple):
    """A running server, and where its tables are."""

    url: str
    warehouse: Path


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("connect")
    with connect_server(folder) as url:
        yield Server(url, folder / "warehouse")


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    """The configuration of a model that the local engine has made."""
    config = small_model(tmp_path_factory.mktemp("local"), n_assets=24, n_dates=34)
    done = run("run", "--config", config, "--engine", "local")
    assert done.returncode == 0, done.stderr
    return config


@pytest.fixture(scope="module")
def in_catalog(server, local):
    """The same model in a schema of the catalog, made on a session that was there; what it said on stderr."""
    late = ("--set", "spark.spark.executor.memory=9g")
    done = run(server.url, "run", "--config", local, "--set", f"lake={SCHEMA}", *late, script=ON_A_SESSION, timeout=1800)
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_a_server_that_is_named_writes_the_tables_of_the_local_engine_without_py4j(server, local, tmp_path, monkeypatch):
    monkeypatch.setenv("SPARK_REMOTE", server.url)
    done = run("run", "--config", local, "--set", f"lake={tmp_path / 'lake'}", script=WITHOUT_PY4J, timeout=1800)
    assert done.returncode == 0, done.stderr
    assert "engine: spark (SPARK_REMOTE is set)" in done.stderr
    assert differences(tmp_path / "lake", local.parent / "lake", COMPARED) == []


def test_a_session_that_is_there_writes_them_into_a_catalog(server, local, in_catalog):
    assert "engine: spark (a session is active)" in in_catalog
    assert in_catalog.count("spark.executor.memory cannot be set on this session") == 1
    assert differences(server.warehouse / "risk.db", local.parent / "lake", COMPARED) == []


def test_the_verbs_read_a_catalog_as_they_read_a_folder(server, local, in_catalog, tmp_path):
    assets = pq.read_table(local.parent / "panel.parquet", columns=["asset_id"]).column("asset_id").unique().drop_null()
    holdings = tmp_path / "holdings.csv"
    holdings.write_text("asset_id,weight\n" + "".join(f"{name},0.2\n" for name in sorted(assets.to_pylist())[:5]))
    query = "select date, factor, factor_return from factor_returns where date > '2024-02-10' order by all"

    def verbs(lake: str, folder: Path) -> list[list[str]]:
        of = ["--lake", lake, "--output", "json"]
        configured = ["--config", str(local), "--set", f"lake={lake}", "--output", "json"]
        folder.mkdir()
        return [
            ["portfolio", str(holdings), "--missing", "leave_out", *of],
            ["export", "--as", "csv", "--to", str(folder / "files"), *of],
            ["sql", query, *of],
            ["releases", *of],
            ["check", *configured],
            ["status", *configured],
            ["plan", *configured],
            ["report", "--to", str(folder / "report.html"), *of],
        ]

    views = "SELECT date, factor, factor_return FROM risk.current_factor_returns WHERE date > '2024-02-10' ORDER BY date, factor"
    asked = [*verbs(SCHEMA, tmp_path / "catalog"), ["spark", views], *verbs(str(local.parent / "lake"), tmp_path / "folder")]
    (tmp_path / "asked.json").write_text(json.dumps(asked))
    call = [sys.executable, VERBS, server.url, tmp_path / "asked.json", tmp_path / "answers.json"]
    done = subprocess.run(call, capture_output=True, text=True, timeout=1800, check=False)
    assert done.returncode == 0, done.stderr
    codes, said = zip(*json.loads((tmp_path / "answers.json").read_text()), strict=True)
    assert not any(codes)
    answers = [json.loads(text) for text in said]
    n = len(answers) // 2
    theirs, viewed, ours = answers[:n], answers[n], answers[n + 1 :]
    by_verb = {one[0]: pair for one, *pair in zip(asked, theirs, ours, strict=False)}
    for verb in ("portfolio", "sql", "plan"):
        assert by_verb[verb][0] == by_verb[verb][1], verb
    assert viewed == by_verb["sql"][1]
    for verb, names in {
        "export": ("release", "variant", "dates", "files"),
        "check": ("releases", "problems", "without_checksums"),
        "report": ("release", "headline"),
    }.items():
        one, other = by_verb[verb]
        assert {name: one[name] for name in names} == {name: other[name] for name in names}, verb
    assert [one["release_id"] for one in by_verb["status"][0]["releases"]] == [by_verb["report"][0]["release"]]
    assert len(by_verb["releases"][0]) == len(by_verb["releases"][1]) == 1
    files = sorted(path.relative_to(tmp_path / "catalog") for path in (tmp_path / "catalog/files").rglob("*.csv"))
    assert files
    for file in files:
        assert (tmp_path / "catalog" / file).read_bytes() == (tmp_path / "folder" / file).read_bytes(), file
