"""Spark on a lake in S3, by S3A, against the tables of the local engine."""

import subprocess
import sys
from pathlib import Path

import obstore
import pytest
import yaml

from lakes import differences
from object_stores.conftest import KEYS, command
from object_stores.fetched import s3a_jars
from object_stores.tiny import parquet, tiny_body, tiny_panel
from processes import run
from sigmalake.config.stores.opening import open_store

pytestmark = pytest.mark.stores
COMMITS_TOO_LATE = Path(__file__).with_name("commits_too_late.py")


@pytest.mark.parametrize("scheme", ["s3a", "s3"])
def test_spark_writes_by_s3a_what_the_local_engine_writes_in_a_folder(s3, tmp_path, scheme):
    store, lake = open_store("s3://risk"), f"{scheme}://risk/spark_{scheme}"
    obstore.put(store, "spark_in/a.parquet", parquet(tiny_panel()))
    body = tiny_body(lake, f"{scheme}://risk/spark_in")
    body["spark"] = {"spark.driver.extraClassPath": ":".join(map(str, s3a_jars())), "spark.master": "local[2]"}
    (tmp_path / "spark.yaml").write_text(yaml.safe_dump(body))
    found = run("run", "--engine", "spark", "--config", tmp_path / "spark.yaml", timeout=1200)
    assert found.returncode == 0, found.stderr
    assert KEYS["AWS_SECRET_ACCESS_KEY"] not in found.stderr
    (tmp_path / "local.yaml").write_text(yaml.safe_dump({**body, "lake": str(tmp_path / "local")}))
    assert command("run", "--config", tmp_path / "local.yaml").exit_code == 0
    assert command("copy", "--lake", lake, tmp_path / "copy").exit_code == 0
    assert not differences(tmp_path / "copy", tmp_path / "local")


def test_delta_on_spark_puts_its_commit_over_one_that_came_after_it_had_looked(s3, tmp_path):
    call = [sys.executable, COMMITS_TOO_LATE, "s3://risk/race", tmp_path / "fifo", *s3a_jars()]
    done = subprocess.run(list(map(str, call)), capture_output=True, text=True, timeout=1200, check=False)
    assert done.returncode == 0, done.stderr
