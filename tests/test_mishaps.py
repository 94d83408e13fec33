"""Mishaps of the machine are told as what the operator can do, whatever library met them."""

import errno
from pathlib import Path

import pytest

from sigmalake.cli.mishaps import explained

LOG = Path("/somewhere/jvm.log")


def raised(error, cause=None):
    try:
        raise error from cause
    except type(error) as caught:
        return caught


DISKS = [
    (OSError(errno.ENOSPC, "No space left on device", "/lake/x"), "/lake/x is full; free some space"),
    (OSError(errno.EROFS, "Read-only file system", "/lake/x"), "/lake/x is read-only; make it writable"),
    (PermissionError(errno.EACCES, "Permission denied", "/lake/x"), "/lake/x may not be read or written by this user"),
    (RuntimeError("Failed: Os { kind: ReadOnlyFilesystem, Read-only file system }"), "a disk that this run writes to"),
]
STORES = [
    ConnectionResetError(104, "Connection reset by peer"),
    OSError("Generic S3 error: error sending request for url (http://127.0.0.1:9/bucket)"),
    RuntimeError("java.io.IOException: Stream closed"),
    OSError("When getting information for key 'x' in bucket 'y': AWS Error ACCESS_DENIED during HeadObject operation"),
]


@pytest.mark.parametrize(("error", "words"), DISKS, ids=lambda value: getattr(value, "strerror", None))
def test_a_disk_that_cannot_be_written_is_named(error, words):
    found = explained(raised(ValueError("a write failed"), error), LOG)
    assert words in str(found)
    assert found.exit_code == 3


@pytest.mark.parametrize("error", STORES, ids=str)
def test_a_store_that_cannot_be_reached_or_refuses_is_told_with_what_to_look_at(error):
    found = explained(raised(error), LOG)
    assert "a store cannot be reached or refuses" in str(found)
    assert found.exit_code == 3


def test_what_is_no_mishap_of_the_machine_stays_what_it_is():
    assert explained(raised(KeyError("factor")), LOG) is None


def test_a_jvm_that_is_gone_is_told_with_its_log():
    protocol = pytest.importorskip("py4j.protocol")
    found = explained(raised(protocol.Py4JNetworkError("Answer from Java side is empty")), LOG)
    assert "Spark's JVM ended unexpectedly" in str(found)
    assert str(LOG) in str(found)
    refused = compile("raise ConnectionRefusedError(111, 'Connection refused')", "/lib/py4j/clientserver.py", "exec")
    with pytest.raises(ConnectionRefusedError) as caught:
        exec(refused)
    assert "Spark's JVM ended unexpectedly" in str(explained(caught.value, LOG))


@pytest.mark.parametrize(
    "told",
    [
        "[DATA_SOURCE_NOT_FOUND] Failed to find the data source: delta. Make sure the provider name is correct",
        "[DELTA_CONFIGURE_SPARK_SESSION_WITH_EXTENSION_AND_CATALOG] This Delta operation requires a SparkSession",
    ],
)
def test_a_session_without_delta_is_told_what_to_start_it_with(told):
    assert "spark.sql.extensions=io.delta.sql.DeltaSparkSessionExtension" in str(explained(RuntimeError(told), LOG))
    assert explained(RuntimeError("[DATA_SOURCE_NOT_FOUND] Failed to find the data source: avro"), LOG) is None
