"""Secret settings reach a JVM that this process starts without standing in the list of processes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sigmalake.cli.setup.secret_settings import SUBMIT_ARGUMENTS, secrets_from_file

SETTINGS = {"spark.hadoop.fs.s3a.secret.key": "a=b\\ é:#", "spark.driver.memory": "1g", "fs.own.key": "later"}


def test_the_file_is_its_owners_alone_and_gone_afterwards(monkeypatch):
    from pyspark import SparkContext

    monkeypatch.setattr(SparkContext, "_gateway", None)
    monkeypatch.setenv(SUBMIT_ARGUMENTS, "--verbose pyspark-shell")
    with secrets_from_file(SETTINGS) as settings:
        flag, file, *others = os.environ[SUBMIT_ARGUMENTS].split()
        assert (flag, others) == ("--properties-file", ["--load-spark-defaults", "--verbose", "pyspark-shell"])
        assert Path(file).stat().st_mode & 0o777 == 0o600
        assert Path(file).parent.stat().st_mode & 0o777 == 0o700
        assert Path(file).read_text() == "spark.hadoop.fs.s3a.secret.key=a\\u003db\\u005c\\u0020\\u00e9\\u003a\\u0023\n"
        assert settings == {"spark.driver.memory": "1g", "fs.own.key": "later"}
    assert not Path(file).exists()
    assert os.environ[SUBMIT_ARGUMENTS] == "--verbose pyspark-shell"


STARTED = """
import subprocess, zipfile
from pathlib import Path
from sigmalake.cli.engines import opened_session
from sigmalake.config.model import Config
body = {"model": "m", "lake": "lake", "sources": {"panel": {"path": "p"}}, "factors": [{"market": "m"}]}
zipfile.ZipFile("own.jar", "w").close()
settings = {"spark.hadoop.fs.s3a.secret.key": "top=secret-1", "fs.own.access_key": "top=secret-2", "spark.jars": "own.jar"}
config = Config.model_validate({**body, "regression": {"weights": "equal"}, "spark": settings})
with opened_session(config.spark, Path("jvm.log"), print) as spark:
    listed = subprocess.run(["ps", "-eo", "args", "ww"], capture_output=True, text=True, check=True).stdout
    assert "top=secret" not in listed, "in the list of processes"
    assert "java" in listed
    hadoop = spark._jsc.hadoopConfiguration()
    assert hadoop.get("fs.s3a.secret.key") == "top=secret-1", hadoop.get("fs.s3a.secret.key")
    assert spark.conf.get("fs.own.access_key") == "top=secret-2"
    jars = spark.sparkContext.getConf().get("spark.jars").split(",")
    assert (Path(jars[-1]).name, len(jars), "delta-spark" in jars[0]) == ("own.jar", 8, True), "added to Delta's"
    scratch = Path(spark.sparkContext.getConf().get("spark.local.dir"))
    assert scratch.stat().st_mode & 0o777 == 0o700
    for told in (spark._jsc.sc().getConf().toDebugString(), str(spark.sql("SET").collect())):  # as its logs and pages show it
        assert "top=secret" not in told
        assert "redacted" in told
    spark.sparkContext.setLogLevel("DEBUG")
    spark.range(10).repartition(2).count()
assert "top=secret" not in Path("jvm.log").read_text()
"""


@pytest.mark.jvm
def test_a_session_has_its_secrets_and_the_list_of_processes_has_not(tmp_path):
    (tmp_path / "started.py").write_text(STARTED)  # in a file: what stands behind -c is in the list, too
    call = [sys.executable, "started.py"]
    done = subprocess.run(call, capture_output=True, text=True, cwd=tmp_path, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
