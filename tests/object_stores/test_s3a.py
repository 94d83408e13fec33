"""Spark on a lake in S3, by S3A, against the tables of the local engine."""

import obstore
import pytest
import yaml

from lakes import differences
from object_stores.conftest import KEYS, command
from object_stores.fetched import s3a_jars
from object_stores.tiny import parquet, tiny_body, tiny_panel
from processes import run
from sigmalake.config.stores.opening import open_store


@pytest.mark.stores
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
