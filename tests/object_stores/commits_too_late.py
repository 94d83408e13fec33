"""Run as a process: a JVM's commit to S3 that stops between its look for a commit of the same number and its own put.

Delta's log store looks, then writes the lines that an iterator gives. Here they come through a pipe, which stays open until
another writer has committed. The docs warn of what comes of it; a Delta that puts conditionally would fail here.
"""

import os
import sys
import time
from array import array
from concurrent.futures import ThreadPoolExecutor
from fcntl import ioctl
from pathlib import Path
from termios import FIONREAD

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

from sigmalake.cli.engines import opened_session
from sigmalake.config.stores.opening import delta_options

table, pipe, jars = sys.argv[1], sys.argv[2], sys.argv[3:]
SETTINGS = {"spark.driver.extraClassPath": ":".join(jars), "spark.master": "local[1]", "spark.driver.memory": "1g"}


def unread(end: int) -> int:
    """The bytes that nobody has taken from a pipe yet."""
    counted = array("i", [0])
    ioctl(end, FIONREAD, counted)
    return counted[0]


def commit_by_jvm(spark) -> None:
    """Version 1 of the table, by the log store that Delta chooses for it."""
    jvm, session = spark._jvm, spark._jsparkSession
    lines = jvm.java.util.Scanner(jvm.java.io.FileInputStream(pipe)).useDelimiter("\n")
    to = jvm.org.apache.hadoop.fs.Path(f"{table}/_delta_log/{1:020}.json")
    store = jvm.org.apache.spark.sql.delta.DeltaLog.forTable(session, table).store()
    store.write(to, jvm.scala.jdk.javaapi.CollectionConverters.asScala(lines), False, session.sessionState().newHadoopConf())


options = delta_options(table)
write_deltalake(table, pa.table({"n": [1]}), storage_options=options)
os.mkfifo(pipe)
with opened_session(SETTINGS, Path(f"{pipe}.log"), print, [table]) as spark, ThreadPoolExecutor(1) as thread:
    late = thread.submit(commit_by_jvm, spark)
    with Path(pipe).open("wb", buffering=0) as lines:
        lines.write(b'{"commitInfo":{"operation":"WRITE"}}\n')
        while unread(lines.fileno()) and not late.done():
            time.sleep(0.05)
        assert not late.done(), late.exception()
        write_deltalake(table, pa.table({"n": [2]}), mode="append", storage_options=options)
    late.result()
found = DeltaTable(table, storage_options=options)
assert found.version() == 1
assert found.to_pyarrow_table()["n"].to_pylist() == [1], "the rows of the other writer"
