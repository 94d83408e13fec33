"""Which engine is chosen, and why."""

import re
import socket
import sys

import pytest

from sigmalake.cli import app, engines
from sigmalake.cli.engines import Choice, choose_engine
from sigmalake.cli.setup import spark_packages
from sigmalake.config.model import Config
from sigmalake.errors import ConfigError, InfrastructureError

PANEL = {"path": "panel.parquet", "columns": {"ret": "ret", "cap": "cap"}}


def config_of(**changed):
    given = {"model": "m", "lake": "lake", "sources": {"panel": PANEL}, "factors": [{"market": "market"}]}
    return Config.model_validate({**given, **changed})


@pytest.fixture(autouse=True)
def no_session(monkeypatch):
    monkeypatch.setattr(engines, "_spark_at_hand", lambda: None)


@pytest.fixture(autouse=True)
def installed(monkeypatch):
    """The extra [spark], wherever the tests run; call it to install something else."""

    def install(*, pyspark, pandas):
        monkeypatch.setattr(spark_packages, "find_spec", {"pyspark": pyspark}.__getitem__)
        monkeypatch.setattr(spark_packages, "version", {"pandas": pandas}.__getitem__)
        monkeypatch.setattr(spark_packages, "_pyspark_version", lambda: pyspark)

    install(pyspark="4.2.0", pandas="2.3.3")
    return install


def test_the_local_engine_is_chosen_where_nothing_needs_spark():
    assert choose_engine(config_of(), None) == Choice("local", "nothing needs Spark")
    assert choose_engine(config_of(), "auto") == Choice("local", "nothing needs Spark")


def test_the_option_goes_before_the_configuration():
    assert choose_engine(config_of(engine="spark"), "local") == Choice("local", "--engine")
    assert choose_engine(config_of(engine="local"), "spark") == Choice("spark", "--engine")


@pytest.mark.parametrize("name", ["local", "spark"])
def test_the_configuration_names_the_engine(name):
    assert choose_engine(config_of(engine=name), None) == Choice(name, f"engine: {name}")


def test_a_session_that_is_there_already_is_used(monkeypatch):
    monkeypatch.setattr(engines, "_spark_at_hand", lambda: "SPARK_REMOTE is set")
    assert choose_engine(config_of(), None) == Choice("spark", "SPARK_REMOTE is set")
    assert choose_engine(config_of(), "local").name == "local"


NEEDS_SPARK = {
    "source": ({"sources": {"panel": {"table": "main.equity.panel", "columns": PANEL["columns"]}}}, "sources.panel is the table"),
    "lake": ({"lake": "main.risk"}, "the lake main.risk is in a catalog"),
    "path": ({"lake": "/data/lakes [v2]/mine"}, r"the lake /data/lakes \[v2\]/mine has '\[' in its path"),
}


@pytest.mark.parametrize("name", NEEDS_SPARK)
def test_what_needs_spark_chooses_it_with_the_reason_and_refuses_the_local_engine(name):
    changed, obstacle = NEEDS_SPARK[name]
    chosen = choose_engine(config_of(**changed), None)
    assert chosen.name == "spark"
    assert re.match(obstacle, chosen.reason)
    with pytest.raises(ConfigError, match=f"the local engine cannot do it: {obstacle}") as refused:
        choose_engine(config_of(**changed), "local")
    assert refused.value.exit_code == 2


def test_an_unknown_engine_is_wrong_usage_with_the_choices():
    with pytest.raises(ConfigError, match="'dask' is no engine; it is one of auto, local, spark") as refused:
        choose_engine(config_of(), "dask")
    assert refused.value.exit_code == 2


@pytest.mark.parametrize(
    ("changed", "option", "reason"),
    [
        ({}, "spark", "--engine"),
        ({"engine": "spark"}, None, "engine: spark"),
        ({"lake": "main.risk"}, None, "the lake main.risk is in a catalog"),
    ],
)
def test_without_pyspark_what_needs_spark_names_the_extra_and_why_spark_is_to_run(installed, changed, option, reason):
    installed(pyspark=None, pandas="3.1.1")
    assert choose_engine(config_of(), None).name == "local"
    with pytest.raises(InfrastructureError) as refused:
        choose_engine(config_of(**changed), option)
    assert str(refused.value) == (
        f"Spark is to run ({reason}), but pyspark is not installed; `pip install 'sigmalake[spark]'` brings it"
    )


def test_spark_beside_a_pandas_that_it_does_not_support_names_the_extra(installed):
    installed(pyspark="4.2.0", pandas="3.0.0")
    assert choose_engine(config_of(), None).name == "local"
    with pytest.raises(InfrastructureError, match=r"pyspark does not support pandas 3\.0\.0.*pip install 'sigmalake\[spark\]'"):
        choose_engine(config_of(), "spark")


def test_spark_3_is_refused_with_what_is_needed_and_the_local_engine_needs_none(installed):
    installed(pyspark="3.5.9", pandas="2.3.3")
    assert choose_engine(config_of(), None).name == "local"
    with pytest.raises(
        InfrastructureError, match=r"pyspark is of Spark 3\.5\.9.*takes Spark 4\.0 or newer.*--engine local"
    ) as refused:
        choose_engine(config_of(), "spark")
    assert refused.value.exit_code == 3


def test_a_server_that_nobody_answers_for_is_told_at_once(monkeypatch):
    monkeypatch.setattr(spark_packages, "find_spec", lambda _: True)
    monkeypatch.setattr("urllib.request.getproxies", dict)
    with socket.socket() as taken:  # bound, and nobody listens
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(InfrastructureError, match=rf"no server of Spark Connect answers at 127\.0\.0\.1:{port}"):
            spark_packages.check_server(f"sc://127.0.0.1:{port}/;user_id=me")
        taken.listen()
        spark_packages.check_server(f"sc://127.0.0.1:{port}/;user_id=me")
    monkeypatch.setattr(spark_packages, "find_spec", lambda _: None)
    with pytest.raises(InfrastructureError, match=r"pip install 'sigmalake\[connect\]'"):
        spark_packages.check_server("sc://127.0.0.1")


@pytest.mark.parametrize(
    ("given", "called"),
    [
        (["--config", "m.yaml"], ["run", "--engine", "spark", "--config", "m.yaml"]),
        (["--engine", "local"], ["run", "--engine", "local"]),
        (["--engine=auto"], ["run", "--engine=auto"]),
    ],
)
def test_a_job_runs_on_spark_unless_it_names_an_engine(monkeypatch, given, called):
    seen = []
    monkeypatch.setattr(app, "prepare_environment", lambda: None)
    monkeypatch.setattr(app, "app", lambda args, **_: seen.append(args))
    monkeypatch.setattr(sys, "argv", ["run_model.py", *given])
    app.main("run")
    assert seen == [called]
