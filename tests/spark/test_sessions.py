"""Whose session a run uses: one that is there is used as it is and left as it was."""

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from sigmalake.cli.engines import opened_session
from sigmalake.cli.setup.spark_packages import check_spark_version
from sigmalake.engines.spark.session import RUNTIME, fit_batches, found_session
from sigmalake.errors import InfrastructureError

pytestmark = pytest.mark.jvm

ANSI, ROWS, MERGES, OURS = (
    "spark.sql.ansi.enabled",
    "spark.sql.execution.arrow.maxRecordsPerBatch",
    "spark.sql.adaptive.enabled",
    "spark.sql.files.maxPartitionBytes",
)


@pytest.fixture
def own(spark):
    """The session of these tests, with settings of somebody who works in it; put back after."""
    before = {name: spark.conf.get(name) for name in RUNTIME}
    spark.conf.set(ANSI, "false")
    spark.conf.unset(OURS)
    yield spark
    for name, value in before.items():
        spark.conf.set(name, value)


def test_a_session_that_is_there_is_used_and_left_as_it_was(own):
    said = []
    settings = {MERGES: "false", "spark.executor.memory": "9g", "spark.hadoop.fs.s3a.endpoint": "http://nowhere"}
    default, rows = own.conf.get(OURS), own.conf.get(ROWS)
    with opened_session(settings, Path("no.log"), said.append) as spark:
        assert spark is own
        assert (spark.conf.get(ANSI), spark.conf.get(MERGES), spark.conf.get(OURS)) == ("true", "false", RUNTIME[OURS])
        fit_batches(spark, 1 << 20)
    assert (own.conf.get(ANSI), own.conf.get(MERGES), own.conf.get(OURS)) == ("false", "true", default)
    assert own.conf.get(ROWS) == rows
    assert said == [
        "spark: spark.executor.memory, spark.hadoop.fs.s3a.endpoint cannot be set on this session, which keeps its own; "
        "give them to spark-submit, to the platform or to the server"
    ]
    assert own.range(3).count() == 3  # it was not stopped


class Strict:
    """The settings of a platform that refuses most, on top of a session's."""

    def __init__(self, conf, refused):
        self._conf, self._refused = conf, refused

    def set(self, name, value):
        if name in self._refused:
            raise RuntimeError(f"[CONFIG_NOT_AVAILABLE] Configuration {name} is not available")
        self._conf.set(name, value)

    def __getattr__(self, name):
        return getattr(self._conf, name)


def test_settings_that_a_platform_refuses_are_named_once_and_the_run_goes_on(own, monkeypatch):
    said, refused = [], [*RUNTIME][1:]
    monkeypatch.setitem(vars(own), "conf", Strict(own.conf, refused))
    with opened_session({}, Path("no.log"), said.append) as spark:
        fit_batches(spark, 1 << 20)
    assert said == [
        f"spark: {', '.join(refused)} cannot be set on this session, which keeps its own; give them to spark-submit, "
        "to the platform or to the server"
    ]


def test_a_session_of_spark_3_is_refused(own):
    with pytest.raises(InfrastructureError, match=r"the session is of Spark 3\.5\.9.*takes Spark 4\.0 or newer"):
        check_spark_version("3.5.9", "the session")


def test_a_session_whose_context_was_stopped_is_none(own, monkeypatch):
    assert found_session() is own
    monkeypatch.setattr(SparkSession, "version", property(lambda session: session.stopped))  # py4j finds no context
    assert found_session() is None
