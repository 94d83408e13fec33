"""A server of Spark Connect on this machine: pyspark's own JARs, Delta's, and a Hive metastore on embedded Derby."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sigmalake.cli.setup.runtime import delta_jars, find_java

CLASS = "org.apache.spark.sql.connect.service.SparkConnectServer"
STARTS_WITHIN = 180.0  # seconds


@contextmanager
def connect_server(folder: Path) -> Iterator[str]:
    """The URL of a server that lasts as long as this; its warehouse is `folder/warehouse`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.sql.catalogImplementation": "hive",
        "spark.hadoop.javax.jdo.option.ConnectionURL": f"jdbc:derby:;databaseName={folder / 'metastore'};create=true",
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.local.dir": str(folder / "local"),
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.connect.grpc.binding.port": str(port),
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.memory": "1536m",
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1",  # short jobs: C1 alone starts sooner
        "spark.ui.enabled": "false",
        "spark.log.level": "ERROR",  # Hive warns of every setting that it does not know, at each call
        "spark.sql.shuffle.partitions": "2",
    }
    given = [part for name, value in settings.items() for part in ("--conf", f"{name}={value}")]
    submit = [Path(sys.executable).parent / "spark-submit", "--master", "local[2]", "--jars", ",".join(map(str, delta_jars()))]
    own = {"JAVA_HOME": str(find_java()), "PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
    log = folder / "server.log"
    with log.open("w") as said:
        server = subprocess.Popen(
            [*submit, *given, "--class", CLASS, "spark-internal"],
            cwd=folder, env={**os.environ, **own}, stdout=said, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        _await(server, port, log)
        yield f"sc://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(timeout=60)


def _await(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    give_up = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < give_up and server.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
        except OSError:
            time.sleep(0.5)
        else:
            return
    raise AssertionError(f"the server of Spark Connect did not start: {log.read_text()[-4000:]}")
